"""The privacy book: what is erased, on which ground, what stands against it, and the register."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_reason, check_text, check_word
from custledger.core.clock import from_microseconds
from custledger.core.privacy.erasure import (
    STAYS,
    Erasure,
    Ground,
    LegalHold,
    Purge,
    RefusalGround,
    Replay,
)
from custledger.core.privacy.register import parse_line
from custledger.core.records import (
    Customer,
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
    MoneyEntry,
    TrailEntry,
)
from custledger.errors import BadInputError, LedgerBusyError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void_draft
from custledger.storage.erasing.erased import is_person_erased
from custledger.storage.erasing.erasing import Erased
from custledger.storage.erasing.purging import Remains, purge
from custledger.storage.erasing.register import register_lines, replay_lines
from custledger.storage.erasing.rules import erase_by_rules, whole_of
from custledger.storage.erasing.targets import Subject, Target, chain_of, line_of
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of
from custledger.storage.reading import stored_entries
from custledger.storage.tables import CustomerRow, LegalHoldRow

__all__ = ["PrivacyBook"]

_hold, _customer = table_of(LegalHoldRow), table_of(CustomerRow)

Named = Interaction | MoneyEntry | Evidence | TrailEntry | EntryRef


class PrivacyBook:
    """Erasure that leaves the trail verifiable, refusals, legal holds and the register.

    Reasons stay in the ledger for good: put no personal data into them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remains = Remains(context)

    def erase(self, entry: Named, *, ground: Ground | str, reason: str = "") -> Erasure:
        """Erase one record: what it said, in all its corrections and in its void, and its file.

        Evidence about an interaction, and payments of an invoice, are records of their own and
        stay, as they do when it is voided. What opens a case (a complaint, a praise, a decision)
        goes with all that came of it; one step of a case alone is refused, and so is a decision on
        which another one rests. A legal hold that stands refuses it, and that is recorded. Erasing
        what was erased already changes nothing.

        On SQLite the text is gone from the file when this returns, or ``left`` says why not; on
        PostgreSQL once ``purge`` ran. Several erasures in one ``transaction`` share that work.
        """
        said = _said(ground, reason)
        self._remains.forget()
        ref = _ref(entry)
        with self._context.write() as journal:
            subject = self._subject(journal.connection, ref.subject)
            self._lock(journal, subject)
            line = line_of(journal.connection, subject.key, ref.seq)
            _refuse_kinds(line, ref, self._held(journal.connection, subject))
            whole = whole_of(journal.connection, self._context, subject, line)
            if whole.reasons:
                return Erasure(False, whole.reasons)
            held = self._held_elsewhere(journal, subject)
            outcome = (
                self._erase(journal, subject, whole.targets, said)
                if held is None
                else self._refused(journal, held, said)
            )
        return self._remains.told(outcome)

    def erase_person(
        self,
        customer: CustomerLike,
        *,
        ground: Ground | str,
        reason: str = "",
        merged_too: bool = False,
    ) -> Erasure:
        """Erase everything about a customer: name, contact points, records, evidence, files.

        Where evidence is encrypted, the customer's key is destroyed, and with it the contents in
        every backup. Voided customers are named by id. What stays is the chain without its
        contents, and the entries that say what was erased or refused and why. The rest is as for
        ``erase``.

        Where customers were merged, the person has several names: it is refused, and they are
        listed, unless ``merged_too`` says to erase all of them.
        """
        said = _said(ground, reason)
        self._remains.forget()
        with self._context.write() as journal:
            subject = self._subject(journal.connection, customer)
            names = self._names(journal, subject)
            if len(names) > 1 and not merged_too:
                return Erasure(False, (_several_names(journal, subject, names),))
            outcome = self._erase_names(journal, names, said)
        return self._remains.told(outcome)

    def refuse(
        self, customer: CustomerLike, *, ground: RefusalGround | str, reason: str
    ) -> EntryRef:
        """Record that a customer's wish to have data erased was refused, and why."""
        body: dict[str, JsonValue] = {
            "ground": check_word(RefusalGround, ground),
            "reason": check_reason(reason),
        }
        with self._context.write() as journal:
            subject = self._subject(journal.connection, customer)
            return _append(journal, subject, EntryKind.ERASURE_REFUSED, body)

    def hold(self, customer: CustomerLike, *, reason: str) -> LegalHold:
        """Place a legal hold: while it stands, nothing about the customer is erased."""
        body: dict[str, JsonValue] = {"reason": check_reason(reason)}
        with self._context.write() as journal:
            subject = self._subject(journal.connection, customer)
            self._lock(journal, subject)
            if is_person_erased(journal.connection, subject.key):
                raise NotFoundError(f"{subject.uuid} was erased: there is nothing to hold.")
            ref = _append(journal, subject, EntryKind.LEGAL_HOLD, body)
            return next(h for h in self._standing(journal.connection, subject) if h.id == ref)

    def release(self, hold: LegalHold | EntryRef, *, reason: str) -> None:
        """End a legal hold, by a void that says why."""
        ref = hold.id if isinstance(hold, LegalHold) else _ref(hold)
        with self._context.write() as journal:
            found = current(journal.connection, self._context, LegalHoldRow, ref)
            journal.append([void_draft(found, reason)])

    def holds(self, customer: CustomerLike | None = None) -> list[LegalHold]:
        """The legal holds that stand, oldest first: a customer's, or all."""
        with self._context.read() as connection:
            subject = None if customer is None else self._subject(connection, customer)
            return self._standing(connection, subject)

    def register(self) -> list[str]:
        """The register of all erasures, a line of canonical JSON each, without personal data.

        Keep it apart from the ledger and its backups; see ``core.privacy.register``.
        """
        with self._context.snapshot() as connection:
            return [line.text() for line in register_lines(connection, self._context)]

    def replay(self, lines: Iterable[str]) -> Replay:
        """Erase again what a register names and an older backup brought back, all or nothing.

        What is done is recorded as new erasures that cite the register, by the rules of ``erase``:
        a legal hold that stands keeps what it protects, unless the register itself names the hold
        as erased later. BadInputError for another ledger's lines, and for lines that were altered.
        """
        found = [parse_line(line) for line in lines if line.strip()]
        for line in found:
            if line.ledger != self._context.ledger:
                raise BadInputError(
                    f"The register is of the ledger {line.ledger}, and this one is "
                    f"{self._context.ledger}. Nothing was erased; give the register of this ledger."
                )
        self._remains.forget()
        with self._context.write() as journal:
            came = replay_lines(journal, self._context, found, self._remains)
        return self._remains.told(came)

    def purge(self) -> Purge:
        """Make what was erased really gone, and say what could not be done here.

        SQLite: the file is written anew and its log cut; erasing does so by itself. PostgreSQL:
        VACUUM FULL of the tables, which locks each of them meanwhile, and a checkpoint. Files of
        evidence that a crash left behind go as well. Not for guests, and not in a transaction.
        """
        return purge(self._context)

    def _names(self, journal: Journal, subject: Subject) -> list[Subject]:
        """All who are one with a customer, the head last; nobody else can write about them."""
        found = group_of(journal.connection, subject.key)
        lock_chains(journal.connection, journal.ledger, sorted(found))
        if group_of(journal.connection, subject.key) != found:
            raise LedgerBusyError(
                "Somebody merged this customer at the same moment. Nothing was erased; try again."
            )
        uuids = journal.identities.uuids(journal.connection, found)
        return [Subject(key, uuids[key]) for key in reversed(found)]

    def _erase_names(
        self, journal: Journal, names: Sequence[Subject], said: Mapping[str, JsonValue]
    ) -> Erasure:
        held = [name for name in names if self._held(journal.connection, name)]
        outcomes = []
        for name in held[:1] or names:  # what stands against one, stands against all
            chain = chain_of(journal.connection, name.key)
            concerned = [target for target in chain if target.kind not in STAYS]
            outcomes.append(self._erase(journal, name, concerned, said))
        return replace(
            outcomes[-1],
            done=all(outcome.done for outcome in outcomes),
            reasons=tuple(dict.fromkeys(text for outcome in outcomes for text in outcome.reasons)),
            entries=sum(outcome.entries for outcome in outcomes),
            files=sum(outcome.files for outcome in outcomes),
            left=tuple(dict.fromkeys(text for outcome in outcomes for text in outcome.left)),
        )

    def _erase(
        self,
        journal: Journal,
        subject: Subject,
        targets: Sequence[Target],
        said: Mapping[str, JsonValue],
    ) -> Erasure:
        ruling = erase_by_rules(journal, self._context, subject, targets, said, self._remains)
        if ruling.holds:
            return self._refused(journal, subject, said)
        if ruling.erased is None:
            return Erasure(True, (f"Nothing of it is left: {subject.uuid} was erased already.",))
        return _outcome(subject, ruling.erased)

    def _refused(
        self,
        journal: Journal,
        subject: Subject,
        said: Mapping[str, JsonValue],
    ) -> Erasure:
        holds = self._standing(journal.connection, subject)
        seqs: list[JsonValue] = [hold.id.seq for hold in holds]
        body: dict[str, JsonValue] = {
            "asked": said["ground"],
            "holds": seqs,
            "reason": "a legal hold stands",
        }
        entry = _append(journal, subject, EntryKind.ERASURE_REFUSED, body)
        reasons = tuple(
            f"The legal hold #{hold.id.seq} stands ({hold.reason}). Release it once it is over."
            for hold in holds
        )
        return Erasure(False, reasons, entry)

    def _subject(self, connection: Connection, who: CustomerLike) -> Subject:
        key = subject_key(connection, self._context, who)
        if key is None:
            key = customer_key(connection, self._context, who)
        return Subject(key, self._context.identities.uuid(connection, key))

    def _lock(self, journal: Journal, subject: Subject) -> None:
        # Before anything is read: what another writer adds meanwhile would stay.
        lock_chains(journal.connection, journal.ledger, [subject.key])

    def _held_elsewhere(self, journal: Journal, subject: Subject) -> Subject | None:
        """Another name of the person under which a legal hold stands: it is for all of them."""
        others = [k for k in group_of(journal.connection, subject.key) if k != subject.key]
        uuids = journal.identities.uuids(journal.connection, others)
        names = (Subject(key, uuids[key]) for key in others)
        return next((name for name in names if self._held(journal.connection, name)), None)

    def _held(self, connection: Connection, subject: Subject) -> set[int]:
        query = select(_hold.c.seq).where(_hold.c.customer_id == subject.key)
        return set(connection.scalars(query))

    def _standing(self, connection: Connection, subject: Subject | None) -> list[LegalHold]:
        query = select(_hold.c.entry_id, _hold.c.seq).order_by(_hold.c.id)
        if subject is not None:
            query = query.where(_hold.c.customer_id == subject.key)
        rows = [(entry, seq) for entry, seq in connection.execute(query)]
        return [
            LegalHold(
                id=stored.id,
                customer_id=stored.id.subject,
                reason=str(stored.body.get("reason", "")),
                placed_at=from_microseconds(stored.recorded_at),
                placed_by=stored.actor,
            )
            for stored in stored_entries(connection, self._context.identities, rows)
        ]


def _several_names(journal: Journal, subject: Subject, names: Sequence[Subject]) -> str:
    found = select(_customer.c.id, _customer.c.name)
    found = found.where(_customer.c.id.in_([name.key for name in names]))
    known = {row.id: row.name for row in journal.connection.execute(found)}
    others = ", ".join(f"{known[n.key]} ({n.uuid})" for n in names if n != subject)
    return (
        f"Nothing was erased: {known[subject.key]} is one person with {others}, by a merge. To "
        "erase all of them, say merged_too=True (--merged-too). If they are not one person, "
        "unmerge them first."
    )


def _said(ground: Ground | str, reason: str) -> dict[str, JsonValue]:
    word = check_word(Ground, ground)
    text = check_text(reason, "reason")
    if word == Ground.OTHER and not text:
        raise BadInputError("The ground 'other' needs a reason. Say it in a sentence.")
    return {"ground": word, "reason": text} if text else {"ground": word}


def _append(
    journal: Journal, subject: Subject, kind: EntryKind, body: dict[str, JsonValue]
) -> EntryRef:
    return EntryRef(subject.uuid, journal.append([Draft(subject.key, kind, body)])[0].seq)


def _outcome(subject: Subject, erased: Erased) -> Erasure:
    if erased.seq is None:
        return Erasure(False, erased.unreadable)
    entry = EntryRef(subject.uuid, erased.seq)
    return Erasure(True, (), entry, erased.entries, erased.files, erased.unreadable)


def _refuse_kinds(line: Sequence[Target], ref: EntryRef, held: set[int]) -> None:
    """Refuse what cannot be asked for alone; ``erase_by_rules`` refuses what never goes."""
    if not line:
        raise NotFoundError(f"There is no entry {ref}. `custledger history` lists those there are.")
    if line[0].kind is EntryKind.CUSTOMER:
        raise BadInputError(
            f"{ref} is the customer's own entry: without it, nobody would know whose the others "
            "are. Erase the person, with all that is recorded (erase_person)."
        )
    if line[0].kind is EntryKind.LEGAL_HOLD and line[0].seq in held:
        raise BadInputError(f"The legal hold {ref} stands. Release it first, if it is over.")


def _ref(entry: object) -> EntryRef:
    ref = entry.ref if isinstance(entry, TrailEntry) else getattr(entry, "id", entry)
    if isinstance(entry, Customer):
        raise BadInputError("To erase all that is recorded of a customer, use erase_person.")
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its id (an EntryRef), not {entry!r}.")
    return ref
