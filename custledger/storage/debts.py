"""Who owes something, and all that the ladder reads of them, set by set.

Whoever owes nothing is never read: one query adds up what was asked for and settled, by customer
and currency. What is left of all invoices together is what was not settled of them, whichever
invoice a payment named, so that a sum above zero means that an invoice is open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, case, func, select

from custledger.core.bodies import StoredEntry
from custledger.core.clock import date_of_day, day_of
from custledger.core.complaints.events import Outcome
from custledger.core.money import Money
from custledger.core.receivables.debts import DebtEntry
from custledger.core.receivables.dunning import Account, DisputeRecord, ExemptionRecord, StepRecord
from custledger.core.receivables.ladder import LadderStep
from custledger.core.records import HARDSHIP, EntryKind, EntryRef, MoneyKind
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.events import cases, events_of
from custledger.storage.merges import any_merged, group_of, heads
from custledger.storage.reading import stored_entries
from custledger.storage.tables import CustomerRow, EntryRow, InteractionRow, MoneyRow

__all__ = [
    "Debtor",
    "debtor_of",
    "debtors",
    "dispute_from",
    "exemption_from",
    "retold_at",
    "step_from",
]

_money, _entry = table_of(MoneyRow), table_of(EntryRow)
_customer, _interaction = table_of(CustomerRow), table_of(InteractionRow)
_DEBT: Final = (MoneyKind.INVOICE, MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)
_SIGNED: Final = case(
    (_money.c.kind == MoneyKind.INVOICE, _money.c.amount_minor), else_=-_money.c.amount_minor
)
# What takes a payment, a pause or a step back makes a step due that nobody asked for anew.
_RETELLING: Final = (
    EntryKind.VOID,
    EntryKind.INVOICE,
    EntryKind.PAYMENT,
    EntryKind.WRITE_OFF,
    EntryKind.INTERACTION,
)


class Debtor(NamedTuple):
    """A customer who owes something: the keys of all names (first who stands for them)."""

    keys: list[int]
    name: str
    account: Account
    events: list[StoredEntry]


def debtors(connection: Connection, context: Context, day: int) -> list[Debtor]:
    """Everyone who owes something as of a day, in the order of the keys."""
    groups = _groups(connection, _owing(connection, day))
    return _read(connection, context, groups, day)


def debtor_of(connection: Connection, context: Context, customer: int, day: int) -> Debtor:
    """One customer under all names, whether anything is owed or not."""
    keys = group_of(connection, customer)
    return _read(connection, context, {keys[0]: keys}, day)[0]


def step_from(stored: StoredEntry, zone: str) -> StepRecord:
    """The step that an event describes."""
    subject, body = stored.id.subject, stored.body
    return StepRecord(
        id=stored.id,
        step=LadderStep(body["step"]),
        day=date_of_day(_day(stored, zone)),
        recorded_by=stored.actor,
        invoices=tuple(
            EntryRef.parse(named) if isinstance(named, str) else EntryRef(subject, named)
            for named in body.get("invoices", ())
        ),
        owed=tuple(Money(*pair) for pair in body.get("owed", ())),
        summary=body.get("summary", ""),
        staff_note=stored.staff_body.get("staff_note", ""),
    )


def exemption_from(events: Sequence[StoredEntry], zone: str) -> ExemptionRecord:
    """The exemption that the events of one case describe."""
    opened, *later = events
    body, end = opened.body, later[0] if later else None
    invoice = body.get("invoice")
    return ExemptionRecord(
        id=opened.id,
        since=date_of_day(_day(opened, zone)),
        until=date_of_day(body["until_day"]),
        reason=body["reason"],
        recorded_by=opened.actor,
        invoice=None if invoice is None else EntryRef(opened.id.subject, invoice),
        ended_on=None if end is None else date_of_day(_day(end, zone)),
        end_reason="" if end is None else end.body["reason"],
    )


def dispute_from(events: Sequence[StoredEntry], zone: str) -> DisputeRecord:
    """The dispute that the events of one case describe."""
    opened, *later = events
    body, end = opened.body, later[0] if later else None
    return DisputeRecord(
        id=opened.id,
        invoice=EntryRef(opened.id.subject, body["invoice"]),
        opened_on=date_of_day(_day(opened, zone)),
        reason=body["reason"],
        amount=Money(*body["amount"]),
        claim=Money(*body["claim"]),
        recorded_by=opened.actor,
        customer_words=body.get("words", ""),
        outcome=None if end is None else Outcome(end.body["outcome"]),
        closed_on=None if end is None else date_of_day(_day(end, zone)),
        outcome_reason="" if end is None else end.body["reason"],
    )


def retold_at(
    connection: Connection,
    context: Context,
    found: Sequence[tuple[Debtor, Sequence[EntryRef]]],
) -> list[int]:
    """When the ledger took the last entry that may have made a step about these invoices due.

    An invoice itself, and what takes something back: a correction or void, an erasure, a merge, the
    end of a pause or dispute, the step before. Never too early; too late tells a step twice.
    """
    entries: defaultdict[int, list[Any]] = defaultdict(list)
    for portion in portions([key for debtor, _ in found for key in debtor.keys]):
        query = select(
            _entry.c.subject_id,
            _entry.c.seq,
            _entry.c.kind,
            _entry.c.supersedes,
            _entry.c.recorded_at,
        ).where(
            _entry.c.subject_id.in_(portion),
            _entry.c.kind.in_((*_RETELLING, EntryKind.MERGE, EntryKind.ERASURE)),
        )
        for row in connection.execute(query):
            entries[row.subject_id].append(row)
    uuids = context.identities.uuids(connection, list(entries))
    moments = []
    for debtor, invoices in found:
        named = {(ref.subject, ref.seq) for ref in invoices}
        told = [event.recorded_at for event in debtor.events if _may_retell(event)]
        for row in (row for key in debtor.keys for row in entries[key]):
            takes_back = row.supersedes is not None or row.kind not in _RETELLING
            if takes_back or (uuids[row.subject_id], row.seq) in named:
                told.append(row.recorded_at)
        moments.append(max(told, default=0))
    return moments


def _may_retell(event: StoredEntry) -> bool:
    return event.body.get("event") in ("step", "exempt_end", "settled")


def _owing(connection: Connection, day: int) -> list[int]:
    """The keys of those who stand for customers with something unpaid."""
    who: Any = _money.c.customer_id
    source: Any = _money
    if any_merged(connection):
        merged = heads()
        source = _money.outerjoin(merged, merged.c.customer_id == _money.c.customer_id)
        who = func.coalesce(merged.c.head_id, _money.c.customer_id)
    query = (
        select(who)
        .select_from(source)
        .where(_money.c.kind.in_(_DEBT), _money.c.occurred_day <= day, _money.c.known_day <= day)
        .group_by(who, _money.c.currency)
        .having(func.sum(_SIGNED) > 0)
    )
    return sorted(set(connection.scalars(query)))


def _groups(connection: Connection, found: Sequence[int]) -> dict[int, list[int]]:
    groups = {head: [head] for head in found}
    if any_merged(connection):
        merged = heads()
        for portion in portions(found):
            query = select(merged).where(merged.c.head_id.in_(portion))
            for customer, head in connection.execute(query.order_by(merged.c.customer_id)):
                groups[head].append(customer)
    return groups


def _read(
    connection: Connection, context: Context, groups: Mapping[int, list[int]], day: int
) -> list[Debtor]:
    head_of = {key: head for head, keys in groups.items() for key in keys}
    uuids = context.identities.uuids(connection, head_of)
    keys_of = {uuid: key for key, uuid in uuids.items()}
    entries = _entries(connection, head_of, uuids, day)
    told = _hardship(connection, context, head_of)
    events: defaultdict[int, list[StoredEntry]] = defaultdict(list)
    for event in events_of(connection, context, EntryKind.DUNNING, head_of):
        if event.body:  # nothing is left of one that was erased
            events[head_of[keys_of[event.id.subject]]].append(event)
    names = _names(connection, list(groups))
    return [
        Debtor(
            keys,
            names.get(head, str(uuids[head])),
            Account(
                uuids[head],
                tuple(entries[head]),
                *_done(events[head], context.zone),
                hardship=tuple(sorted(told[head])),
            ),
            events[head],
        )
        for head, keys in groups.items()
    ]


def _entries(
    connection: Connection, head_of: Mapping[int, int], uuids: Mapping[int, Any], day: int
) -> defaultdict[int, list[DebtEntry]]:
    found: defaultdict[int, list[DebtEntry]] = defaultdict(list)
    c = _money.c
    columns = (c.customer_id, c.seq, c.kind, c.amount_minor, c.currency, c.occurred_day)
    query = select(*columns, c.known_day, c.due_day, c.applies_to)
    for portion in portions(sorted(head_of)):
        place = c.customer_id.in_(portion) & c.kind.in_(_DEBT)
        known = (c.occurred_day <= day) & (c.known_day <= day)
        for row in connection.execute(query.where(place, known)):
            uuid = uuids[row.customer_id]
            found[head_of[row.customer_id]].append(
                DebtEntry(
                    EntryRef(uuid, row.seq),
                    row.kind,
                    Money(row.amount_minor, row.currency),
                    date_of_day(max(row.occurred_day, row.known_day)),
                    None if row.due_day is None else date_of_day(row.due_day),
                    None if row.applies_to is None else EntryRef(uuid, row.applies_to),
                )
            )
    return found


def _hardship(
    connection: Connection, context: Context, head_of: Mapping[int, int]
) -> defaultdict[int, set[Any]]:
    """The days of contacts with the tag; the column says only that some tag exempts."""
    c = _interaction.c
    rows: list[Any] = []
    found: defaultdict[int, set[Any]] = defaultdict(set)
    columns = (c.entry_id, c.seq, c.customer_id, c.occurred_day)
    for portion in portions(sorted(head_of)):
        query = select(*columns).where(c.customer_id.in_(portion), c.exempt == 1)
        rows += connection.execute(query).all()
    stored = stored_entries(connection, context.identities, [(r.entry_id, r.seq) for r in rows])
    for row, entry in zip(rows, stored, strict=True):
        if HARDSHIP in entry.body.get("tags", ()):
            found[head_of[row.customer_id]].add(date_of_day(row.occurred_day))
    return found


def _done(
    events: Iterable[StoredEntry], zone: str
) -> tuple[tuple[StepRecord, ...], tuple[ExemptionRecord, ...], tuple[DisputeRecord, ...]]:
    steps, exemptions, disputes = [], [], []
    for case_ref, of_case in cases(events).items():
        opened = of_case[0]
        if opened.id != case_ref:  # what opened it was erased
            continue
        if opened.body["event"] == "step":
            steps.append(step_from(opened, zone))
        elif opened.body["event"] == "exempt":
            exemptions.append(exemption_from(of_case, zone))
        else:
            disputes.append(dispute_from(of_case, zone))
    steps.sort(key=lambda s: s.day)
    return tuple(steps), tuple(exemptions), tuple(disputes)


def _names(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for portion in portions(keys):
        query = select(_customer.c.id, _customer.c.name).where(_customer.c.id.in_(portion))
        found.update((row.id, row.name) for row in connection.execute(query))
    return found


def _day(stored: StoredEntry, zone: str) -> int:
    at = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
    return day_of(at, zone)
