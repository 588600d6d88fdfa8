"""The ledger: one place to record, prove, score and tell; and how to open one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Final, Self
from uuid import UUID

from sqlalchemy import Connection

from custledger.books.backing import BackingBook
from custledger.books.briefings import BriefingBook
from custledger.books.complaint_policies import CalendarBook, ComplaintPlanBook, RegimeBook
from custledger.books.complaints import ComplaintBook
from custledger.books.contests import ContestBook
from custledger.books.customers import CustomerBook
from custledger.books.decisions import DecisionBook
from custledger.books.evidence import EvidenceBook
from custledger.books.exchange_rates import ExchangeRateBook
from custledger.books.flags import FlagBook
from custledger.books.imports import ImportBook
from custledger.books.interactions import InteractionBook
from custledger.books.lessons import LessonBook
from custledger.books.matches import MatchBook
from custledger.books.money import MoneyBook
from custledger.books.ourselves import OurselvesBook
from custledger.books.praise import PraiseBook
from custledger.books.privacy import PrivacyBook
from custledger.books.receivables import ReceivablesBook
from custledger.books.referrals import ReferralBook
from custledger.books.refunds import RefundBook
from custledger.books.retention import RetentionBook
from custledger.books.score_policies import ScorePolicyBook
from custledger.books.staff import StaffBook
from custledger.books.subject_access import SubjectAccessBook
from custledger.books.terms import TermsBook
from custledger.books.trail import TrailBook
from custledger.books.worth import WorthBook
from custledger.core.clock import date_of_day, from_microseconds, to_microseconds
from custledger.core.decisions.scope import Action
from custledger.core.decisions.service import Answer, Attempt
from custledger.core.due import DueItem
from custledger.core.polling import Due, poll
from custledger.core.records import Channel, Customer, Staff, TrailEntry
from custledger.core.score.fit import Fit
from custledger.core.trail.findings import VerifyReport
from custledger.core.trail.notes import VerifierKey
from custledger.storage import opening
from custledger.storage.context import Context
from custledger.storage.decisions.serving import Who, answer_for
from custledger.storage.engine import WAIT_SECONDS
from custledger.storage.evidence.data_keys import DataKeys
from custledger.storage.failures import is_of_database
from custledger.storage.homes import Host, Place
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.reading import trail_entries
from custledger.storage.rebuild import rebuild
from custledger.storage.scoring.standings import (
    RankingRow,
    ScoreRow,
    fit_of,
    ranking_rows,
    score_rows,
)
from custledger.storage.sealing.keeper import Sealing, SealKeeper
from custledger.storage.verifying.verify import Against, Progress, verify

__all__ = ["Ledger", "open_ledger"]

_EVER: Final = from_microseconds(0)


def open_ledger(
    home: Place | Host,
    *,
    actor: str,
    schema: str | None = None,
    now: Callable[[], datetime] | None = None,
    zone: str | None = None,
    currency: str | None = None,
    region: str | None = None,
    evidence: str | os.PathLike[str] | None = None,
    encryption: DataKeys | None = None,
    wait: timedelta = timedelta(seconds=WAIT_SECONDS),
    sealing: Sealing | None = None,
) -> Ledger:
    """Open a ledger on a path of a SQLite file, ``:memory:``, a database URL, or as a guest.

    A guest is given what the host application has open. On an Engine the ledger makes transactions
    of its own. In the transaction of a Connection, a Session or a psycopg Connection each of its
    writes is a savepoint: the host commits or rolls back, and custledger never does.

    A fresh location is made into a ledger whose owner is ``actor``. ``schema`` is where its tables
    are on PostgreSQL, by default where the search path leads. ``zone`` (IANA name, default UTC),
    ``currency`` (ISO 4217, default EUR) and ``region`` (of phone numbers written without a country,
    such as FR) are fixed when a ledger is made. ``now`` returns the current time as an aware
    datetime. ``evidence`` is a folder for files; by default they are beside the SQLite file, and on
    PostgreSQL or for guests in a table. ``encryption`` (such as ``KeyFolder(path)``) encrypts the
    contents of evidence from now on, each customer's by a key of its own. ``wait`` is how long a
    write waits for another process before LedgerBusyError; in a host's transaction the host's own
    setting holds. ``sealing`` has the ledger seal itself now and then, after a write of its own: if
    that fails it is a SealingWarning, and what was written is kept.

    The ledger is used by one thread at a time, in the process that opened it; another gets
    WrongThreadError. Close it, or use it in a ``with`` statement.

    Raises NotALedgerError, SchemaVersionError, UnregisteredActorError, LedgerBusyError,
    LedgerUnwritableError; each message says what to do.

    >>> with open_ledger(":memory:", actor="Olga") as ledger:
    ...     ledger.customers.add("Ann").name
    'Ann'
    """
    settings = opening.Settings(zone, currency, region)
    terms = opening.terms(settings, now, evidence, wait, encryption)
    context = opening.open_context(home, schema, actor, terms)
    return Ledger(context, None if sealing is None else SealKeeper(sealing))


class _NotOursError(Exception):
    """Carries what the caller's own database said past the words for what the ledger's says."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Ledger:
    """An open ledger; its books are its attributes. Make one with ``open_ledger``."""

    def __init__(self, context: Context, keeper: SealKeeper | None = None) -> None:
        self._context = context
        self.trail = TrailBook(context, keeper)
        self.customers = CustomerBook(context)
        self.staff = StaffBook(context)
        self.interactions = InteractionBook(context)
        self.money = MoneyBook(context)
        self.evidence = EvidenceBook(context)
        self.exchange_rates = ExchangeRateBook(context)
        self.score_policies = ScorePolicyBook(context)
        self.imports = ImportBook(context)
        self.privacy = PrivacyBook(context)
        self.complaints = ComplaintBook(context)
        self.complaint_plans = ComplaintPlanBook(context)
        self.regimes = RegimeBook(context)
        self.calendars = CalendarBook(context)
        self.terms = TermsBook(context)
        self.refunds = RefundBook(context)
        self.worth = WorthBook(context)
        self.referrals = ReferralBook(context)
        self.praise = PraiseBook(context)
        self.ourselves = OurselvesBook(context)
        self.decisions = DecisionBook(context)
        self.briefings = BriefingBook(context)
        self.backing = BackingBook(context)
        self.access = SubjectAccessBook(context)
        self.contests = ContestBook(context)
        self.retention = RetentionBook(context)
        self.receivables = ReceivablesBook(context)
        self.lessons = LessonBook(context)
        self.matches = MatchBook(context)
        self.flags = FlagBook(context, self.score_policies.current)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the database's connections; using the ledger then is a ClosedLedgerError.

        Closing twice does no harm. Inside an open transaction it is refused.
        """
        self._context.database.close()

    @property
    def context(self) -> Context:
        """What the package's own edges work with; it may change with any release."""
        return self._context

    @property
    def zone(self) -> str:
        """The IANA name of the time zone whose calendar gives the day of an entry."""
        return self._context.zone

    @property
    def currency(self) -> str:
        """The base currency, in which everything is compared."""
        return self._context.currency

    @property
    def actor(self) -> Staff:
        """Who writes."""
        with self._context.read() as connection:
            uuid = self._context.identities.uuid(connection, self._context.actor)
        return self.staff.get(uuid)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes as one: all are kept, or none if an error leaves the block.

        Each call inside is a savepoint. One that fails takes back what it wrote itself, and only
        that: an error caught inside the block leaves what the other calls wrote, before and after,
        and the block goes on. A transaction inside another joins it in the same way.

        >>> with open_ledger(":memory:", actor="Olga") as ledger:
        ...     with ledger.transaction():
        ...         ann = ledger.customers.add("Ann")
        ...         try:
        ...             ledger.customers.add_many([{"name": "Ben"}, {"name": ""}])
        ...         except ValueError as error:
        ...             print(error)
        ...     [customer.name for customer in ledger.customers.all()]
        name must not be empty.
        ['Ann']
        """
        hosts = self._context.database.transactions
        hosts.flush()
        try:
            with self._context.transaction():
                try:
                    yield
                    hosts.flush()
                except Exception as error:
                    if is_of_database(error):
                        raise _NotOursError(error) from error
                    raise
        except _NotOursError as passed:
            raise passed.error from None

    def today(self) -> date:
        """Today in the ledger's zone."""
        return date_of_day(self._context.today())

    def score(self, customer: CustomerLike, *, as_of: date | None = None) -> Fit:
        """The fit of one customer as of a day (default today), with the reasons for it."""
        policy = self.score_policies.current()
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            return fit_of(
                connection,
                key,
                policy=policy,
                as_of_day=self._context.day(as_of),
                currency=self._context.currency,
            )

    def scores(self, *, as_of: date | None = None) -> list[ScoreRow]:
        """The fit of every customer as of a day, worst first: flat rows for a data frame."""
        policy = self.score_policies.current()
        with self._context.read() as connection:
            return score_rows(
                connection,
                policy=policy,
                as_of_day=self._context.day(as_of),
                currency=self._context.currency,
            )

    def ranking(self, *, as_of: date | None = None) -> list[RankingRow]:
        """Cost to serve against revenue from day one, worst first. It flags nobody."""
        policy = self.score_policies.current()
        with self._context.read() as connection:
            return ranking_rows(
                connection,
                policy=policy,
                as_of_day=self._context.day(as_of),
                currency=self._context.currency,
            )

    def check_service(
        self,
        who: Who,
        action: Action | str,
        *,
        channel: Channel | str | None = None,
        prepaid: bool = False,
        already_paid: bool = False,
        contacts: Iterable[str] = (),
        at: datetime | None = None,
    ) -> Answer:
        """Whether somebody may do this: allow, warn or deny, with the reasons and what to say.

        The one door: orders, tickets and bookings ask here, whatever path they came by. ``who`` is
        a customer, an id, a pair (source, external id), an e-mail address or a phone number;
        ``contacts`` are more of the last two, of an order, say. ``prepaid``: it is paid before it
        is handed over; ``already_paid``: it was paid before. ``at`` is now by default.

        It answers for the person under all names that were merged. Who only shares an e-mail
        address or a phone number with somebody restricted gets a warning and never a refusal, and
        so does who is named by one. Nobody known is allowed. BadInputError for a text that is
        neither.

        >>> with open_ledger(":memory:", actor="Olga") as ledger:
        ...     ledger.check_service("ann@example.org", "order").verdict.value
        'allow'
        """
        attempt = Attempt.of(action, channel, prepaid=prepaid, already_paid=already_paid)
        return answer_for(self._context, who, contacts, attempt, at)

    def due(self, as_of: datetime | None = None, *, since: str | None = None) -> Due:
        """What passed a line since a cursor: to be called now and then by a host's scheduler.

        Complaints overdue, flags raised and cleared (brought up to date first), decisions to be
        reviewed or lapsed, briefings not acknowledged, debts on their next step, requests of
        customers about their data. In the order in which the lines were passed; each at least once.
        ``since`` is the cursor of the last call; without one, everything that stands now is told.
        Keep the new cursor when the items were dealt with.

        >>> with open_ledger(":memory:", actor="Olga") as ledger:
        ...     cursor = ledger.due().cursor
        ...     ledger.due(since=cursor).items
        ()
        """
        if as_of is None or self._context.day(as_of) >= self._context.today():
            self.flags.update()
        now = self._context.now()
        moment = now if as_of is None else from_microseconds(to_microseconds(as_of))

        def gather(after: datetime | None) -> Iterator[DueItem]:
            for book in (
                self.flags,
                self.complaints,
                self.decisions,
                self.access,
                self.contests,
            ):
                yield from book.passed(since=after, as_of=moment)
            for still in (self.briefings, self.receivables):  # they tell of nothing that is over
                yield from still.passed(since=after or _EVER, as_of=moment)

        return poll(self._context.ledger, since, now=now, as_of=moment, gather=gather)

    def history(self, customer: CustomerLike | None = None) -> list[TrailEntry]:
        """The whole chain of a customer, voided ones too (by id), or of the ledger itself."""
        with self._context.read() as connection:
            key = self._context.key if customer is None else self._subject(connection, customer)
            return trail_entries(connection, self._context.identities, key)

    def _subject(self, connection: Connection, customer: CustomerLike) -> int:
        # A voided customer has left the copies but not the trail.
        uuid = customer.id if isinstance(customer, Customer) else customer
        key = self._context.identities.key(connection, uuid) if isinstance(uuid, UUID) else None
        return customer_key(connection, self._context, customer) if key is None else key

    def verify(
        self,
        *,
        keys: Iterable[VerifierKey | str] = (),
        checkpoints: Iterable[str] = (),
        since: str | None = None,
        certificates: Iterable[bytes] = (),
        processes: int | None = None,
        progress: Progress | None = None,
    ) -> VerifyReport:
        """Check the whole trail and every copy of it; what is wrong is in the report, not raised.

        ``keys`` are those whose signatures count (a VerifierKey, or its text), ``checkpoints`` the
        texts of notes that somebody kept outside the ledger: they show whether it was rolled back
        or written anew. ``since`` is such a text, of a ledger that was verified then: what it
        covers is trusted, and only newer entries are checked. ``certificates`` are the root
        certificates (PEM) of time stamp authorities. ``processes`` is how many check at a time;
        None takes all cores for a large ledger that is checked whole, 1 none but this.

        Raises BadInputError for keys that are none, and for ``since`` without keys.

        >>> with open_ledger(":memory:", actor="Olga") as ledger:
        ...     ledger.verify().scope
        'internal consistency only'
        """
        against = Against.of(keys, checkpoints, since, certificates)
        return verify(self._context, against, processes=processes, progress=progress)

    def rebuild(self) -> int:
        """Make every copy again from the trail; returns the number of rows written."""
        with self._context.write() as journal:
            return rebuild(journal)
