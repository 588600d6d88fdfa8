"""The book of praise: what customers said well of us, and what of it may be quoted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.checks import (
    check_day,
    check_member,
    check_moment,
    check_reason,
    check_required,
    check_text,
)
from custledger.core.clock import date_of_day, day_of
from custledger.core.records import (
    Channel,
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
)
from custledger.core.refusal import Refusal
from custledger.core.worth.praise import Consent, NameShown, Praise, PraiseAnswer, Quote, name_shown
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void_draft
from custledger.storage.events import (
    append_event,
    cases,
    events_of,
    events_where,
    listed,
)
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of
from custledger.storage.tables import CustomerRow, EventRow, EvidenceRow, InteractionRow

__all__ = ["PraiseBook"]

_event, _customer = table_of(EventRow), table_of(CustomerRow)
_PRAISE = EntryKind.PRAISE
_OVER = Refusal("over_already", "The consent would be over already: name a later day for until.")
_NONE = Refusal("no_consent", "There is no consent in force that could be withdrawn.")
_IN_FUTURE = Refusal("in_future", "It lies in the future: record it when it has happened.")

PraiseLike = Praise | EntryRef


class PraiseBook:
    """Praise in the customer's own words; quoted only with consent, under the name agreed to.

    A praise makes no interaction of its own: its staff time would be charged to whoever praised.
    It may name the contact in which it was said.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(
        self,
        customer: CustomerLike,
        *,
        words: str,
        channel: Channel | str,
        interaction: Interaction | EntryRef | None = None,
        occurred_at: datetime | None = None,
    ) -> PraiseAnswer:
        """Record what a customer said, word for word; refused where it lies in the future."""
        body: dict[str, Any] = {
            "event": "praised",
            "words": check_required(words, "words"),
            "channel": check_member(Channel, channel).value,
        }
        at = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
        with self._context.write() as journal:
            connection = journal.connection
            key = customer_key(connection, self._context, customer)
            if at is not None and at > journal.recorded_at:
                return PraiseAnswer(None, (_IN_FUTURE,))
            if interaction is not None:
                body["interaction"] = self._linked(connection, InteractionRow, interaction, key)
            stored = append_event(journal, key, _PRAISE, body, occurred_at=at)
            return PraiseAnswer(self._praise([stored]))

    def may_quote(
        self,
        praise: PraiseLike,
        *,
        how: str,
        shown_name: NameShown | str,
        until: date | None = None,
        evidence: Evidence | EntryRef | None = None,
    ) -> PraiseAnswer:
        """Record that the customer agreed to be quoted: how they said so, and under which name.

        The name is kept as it is today. ``until`` is the first day on which it no longer holds;
        ``evidence`` of the same customer shows it. A newer consent takes the place of the older.
        Refused where it would be over already.
        """
        shown = check_member(NameShown, shown_name)
        body: dict[str, Any] = {
            "event": "consented",
            "how": check_required(how, "how"),
            "shown_name": shown.value,
        }
        if until is not None:
            body["until_day"] = check_day(until, "until")
        ref = _ref(praise)
        with self._context.write() as journal:
            connection, key = journal.connection, self._locked(journal, ref)
            events = listed(connection, self._context, _PRAISE, ref)
            if body.get("until_day", self._context.today() + 1) <= self._context.today():
                return PraiseAnswer(None, (_OVER,))
            named = select(_customer.c.name).where(_customer.c.id == key)
            name = name_shown(connection.scalar(named) or "", shown)
            body |= {"name": name} if name else {}
            if evidence is not None:
                body["evidence"] = self._linked(connection, EvidenceRow, evidence, key)
            return self._append(journal, key, events, body)

    def withdraw(self, praise: PraiseLike, *, note: str = "") -> PraiseAnswer:
        """Record that the customer no longer wants to be quoted; refused without a consent."""
        text = check_text(note, "note")
        ref = _ref(praise)
        with self._context.write() as journal:
            key = self._locked(journal, ref)
            events = listed(journal.connection, self._context, _PRAISE, ref)
            found = self._praise(events)
            if found.consent_on(date_of_day(self._context.today())) is None:
                return PraiseAnswer(None, (_NONE,))
            body = {"event": "withdrawn"} | ({"note": text} if text else {})
            return self._append(journal, key, events, body)

    def void(self, praise: PraiseLike, *, reason: str) -> None:
        """Take a praise recorded by mistake, and consents to quote it, out of the current state."""
        why, ref = check_reason(reason), _ref(praise)
        with self._context.write() as journal:
            self._locked(journal, ref)
            events = listed(journal.connection, self._context, _PRAISE, ref)
            refs = [stored.id for stored in events]
            found = [current(journal.connection, self._context, EventRow, one) for one in refs]
            journal.append([void_draft(one, why) for one in found])

    def get(self, praise: PraiseLike) -> Praise:
        """A praise as it is now, or NotFoundError once it was voided or erased."""
        with self._context.read() as connection:
            return self._praise(listed(connection, self._context, _PRAISE, _ref(praise)))

    def of(self, customer: CustomerLike) -> list[Praise]:
        """What a customer said in praise, in the order of recording."""
        with self._context.read() as connection:
            keys = group_of(connection, customer_key(connection, self._context, customer))
            return self._praises(events_of(connection, self._context, _PRAISE, keys))

    def all(self) -> list[Praise]:
        """Every praise, in the order of recording."""
        with self._context.read() as connection:
            return self._praises(events_where(connection, self._context, _event.c.kind == _PRAISE))

    def quotable(self, as_of: date | None = None) -> list[Quote]:
        """What may be printed on a day: the words and the name agreed to, and no more."""
        number = self._context.day(as_of)
        day = date_of_day(number)
        found = [(praise, praise.consent_on(day)) for praise in self.all()]
        return [
            Quote(praise.words, consent.name, praise.said_on, praise.channel, consent.until)
            for praise, consent in found
            if consent is not None
        ]

    def _append(
        self,
        journal: Journal,
        key: int,
        events: Sequence[StoredEntry],
        body: Mapping[str, Any],
    ) -> PraiseAnswer:
        stored = append_event(journal, key, _PRAISE, {**body, "of": events[0].id.seq})
        return PraiseAnswer(self._praise([*events, stored]))

    def _locked(self, journal: Journal, ref: EntryRef) -> int:
        key = self._context.identities.key(journal.connection, ref.subject)
        if key is None:
            raise BadInputError(f"{ref} is no praise. `custledger praise list` shows them.")
        lock_chains(journal.connection, journal.ledger, [key])
        return key

    def _linked(
        self,
        connection: Connection,
        model: type[EvidenceRow] | type[InteractionRow],
        record: Interaction | Evidence | EntryRef,
        key: int,
    ) -> int:
        """The number of a record of the same customer, which must be there."""
        ref = record if isinstance(record, EntryRef) else record.id
        if current(connection, self._context, model, ref).subject_id != key:
            raise BadInputError(f"{ref} is another customer's; name one of this customer.")
        return ref.seq

    def _praises(self, events: Iterable[StoredEntry]) -> list[Praise]:
        # Of a praise that was erased alone, its consents are left, and quote nothing.
        return [
            self._praise(of_case) for ref, of_case in cases(events).items() if of_case[0].id == ref
        ]

    def _praise(self, events: Sequence[StoredEntry]) -> Praise:
        first, *later = events
        consents: list[Consent] = []
        for stored in later:
            if stored.body["event"] == "consented":
                consents.append(self._consent(stored))
            elif consents:
                consents[-1] = replace(consents[-1], withdrawn_on=self._day(stored))
        link = first.body.get("interaction")
        return Praise(
            id=first.id,
            customer_id=first.id.subject,
            said_on=self._day(first),
            channel=Channel(first.body["channel"]),
            words=first.body["words"],
            recorded_by=first.actor,
            interaction=None if link is None else EntryRef(first.id.subject, link),
            consents=tuple(consents),
        )

    def _consent(self, stored: StoredEntry) -> Consent:
        body, until = stored.body, stored.body.get("until_day")
        shown = body.get("evidence")
        return Consent(
            id=stored.id,
            given_on=self._day(stored),
            how=body["how"],
            shown_name=NameShown(body["shown_name"]),
            name=body.get("name", ""),
            until=None if until is None else date_of_day(until),
            evidence=None if shown is None else EntryRef(stored.id.subject, shown),
        )

    def _day(self, stored: StoredEntry) -> date:
        at = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
        return date_of_day(day_of(at, self._context.zone))


def _ref(praise: object) -> EntryRef:
    ref = praise.id if isinstance(praise, Praise) else praise
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name a praise by the record or its id (an EntryRef), not {praise!r}.")
    return ref
