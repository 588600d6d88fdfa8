"""What retention reads of customers, in few queries however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, exists, select

from custledger.core.clock import date_of_day, day_of
from custledger.core.money import Money
from custledger.core.privacy.retention import Block, CustomerFacts, Kept, Stay, Unit, kept_of
from custledger.core.privacy.retention_money import HeldMoney, money_units
from custledger.core.records import CustomerStatus, EntryKind, MoneyKind, Part
from custledger.core.words import day_in_words
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.merges import group_of, heads
from custledger.storage.reading import bodies_of
from custledger.storage.tables import EntryRow, LegalHoldRow, PayloadRow

__all__ = ["Held", "customers_in", "facts_of", "groups"]

_entry = table_of(EntryRow)
_hold, _payload = table_of(LegalHoldRow), table_of(PayloadRow)
_MONEY: Final = frozenset(EntryKind(kind.value) for kind in MoneyKind)
_QUIET: Final = frozenset((Kept.FLAG, Kept.BRIEFING))
"""What the firm notes for itself: it is no activity of the customer's."""
_UNREAD: Final = frozenset((EntryKind.INTERACTION, EntryKind.EVIDENCE, EntryKind.VOID))
"""Of these the header says enough."""


class Held(NamedTuple):
    """What is held of customers who are one: keys, facts, and the money by chain."""

    keys: tuple[int, ...]
    facts: CustomerFacts
    money: Mapping[UUID, Sequence[HeldMoney]]


class _Line(NamedTuple):
    """A record of a chain with all its corrections, of which nothing was erased."""

    kind: EntryKind
    seqs: tuple[int, ...]
    day: date
    oldest: date
    body: Mapping[str, Any]
    void: bool


def customers_in(connection: Connection) -> list[int]:
    """The keys of all customers of whom something is there, voided ones too, oldest first."""
    there = exists().where(_payload.c.entry_id == _entry.c.id)
    query = select(_entry.c.subject_id).where(_entry.c.kind == EntryKind.CUSTOMER, there)
    return list(connection.scalars(query.distinct().order_by(_entry.c.subject_id)))


def groups(connection: Connection, keys: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Customers who are one, together; each once, by who stands for them."""
    merged = heads()
    into: dict[int, int] = {
        row.customer_id: row.head_id
        for row in connection.execute(select(merged.c.customer_id, merged.c.head_id))
    }
    stand_for_others = set(into.values())
    for key in keys:
        if key in stand_for_others:
            yield tuple(group_of(connection, key))
        elif key not in into:
            yield (key,)


def facts_of(
    connection: Connection, context: Context, found: Sequence[tuple[int, ...]], as_of: date
) -> list[Held]:
    """What is held of each group of customers."""
    keys = [key for group in found for key in group]
    rows = _rows_of(connection, keys)
    uuids = context.identities.uuids(connection, keys)
    held = _holds_of(connection, keys)
    told = [row.id for chain in rows.values() for row in chain if row.kind not in _UNREAD]
    bodies = bodies_of(connection, sorted(told))
    return [
        _held(
            group,
            {key: _lines(rows.get(key, ()), bodies, context.zone) for key in group},
            uuids,
            held,
            as_of,
        )
        for group in found
    ]


def _held(
    group: tuple[int, ...],
    lines: Mapping[int, Sequence[_Line]],
    uuids: Mapping[int, UUID],
    holds: Mapping[int, Collection[int]],
    as_of: date,
) -> Held:
    people = [line for key in group for line in lines[key] if line.kind is EntryKind.CUSTOMER]
    head = people[0].body
    units: list[Unit] = []
    money: dict[UUID, Sequence[HeldMoney]] = {}
    for key in group:
        uuid = uuids[key]
        money[uuid] = [_money(uuid, line) for line in lines[key] if line.kind in _MONEY]
        units += [*money_units(money[uuid]), *_others(uuid, lines[key])]
    units = _decisions_as_one(units)
    every = [line for key in group for line in lines[key]]
    bought = any(line.kind in _MONEY for line in every)
    blocks = [
        *(_hold_block(seq) for key in group for seq in sorted(holds.get(key, ()))),
        *(b for key in group for b in _blocks(lines[key], as_of)),
    ]
    if any(unit.block is not None and unit.block.why is Stay.UNPAID for unit in units):
        text = "Something is not paid, and these are the reminders."
        blocks.append(Block(Stay.UNPAID, text, frozenset((Kept.REMINDER,))))
    facts = CustomerFacts(
        customer_id=uuids[group[0]],
        name=f"{head['name']}{' (taken back)' if people[0].void else ''}",
        since=min(date_of_day(line.body["joined_day"]) for line in people),
        prospect=head.get("status") == CustomerStatus.PROSPECT and not bought,
        units=tuple(sorted(units, key=lambda u: (u.customer != uuids[group[0]], u.seqs))),
        blocks=tuple(blocks),
    )
    return Held(group, facts, money)


def _rows_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[Any]]:
    """The entries of which something is there, by chain and in order."""
    there = exists().where(_payload.c.entry_id == _entry.c.id)
    columns = (
        _entry.c.id,
        _entry.c.subject_id,
        _entry.c.seq,
        _entry.c.kind,
        _entry.c.recorded_at,
        _entry.c.occurred_at,
        _entry.c.supersedes,
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for portion in portions(keys):
        query = select(*columns).where(_entry.c.subject_id.in_(portion), there)
        for row in connection.execute(query.order_by(_entry.c.subject_id, _entry.c.seq)):
            found[row.subject_id].append(row)
    return found


def _holds_of(connection: Connection, keys: Sequence[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for portion in portions(keys):
        query = select(_hold.c.customer_id, _hold.c.seq).where(_hold.c.customer_id.in_(portion))
        for key, seq in connection.execute(query):
            found[key].add(seq)
    return found


def _lines(rows: Sequence[Any], bodies: Mapping[int, Any], zone: str) -> list[_Line]:
    """The records of a chain; a correction is part of the record that it corrects."""
    first: dict[int, int] = {}
    together: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        first[row.seq] = first.get(row.supersedes or 0, row.seq)
        together[first[row.seq]].append(row)
    return [_line(found, bodies, zone) for found in together.values()]


def _line(rows: Sequence[Any], bodies: Mapping[int, Any], zone: str) -> _Line:
    said = [row for row in rows if row.kind is not EntryKind.VOID] or list(rows)
    moments = [row.recorded_at if row.occurred_at is None else row.occurred_at for row in said]
    days = [date_of_day(day_of(moment, zone)) for moment in moments]
    return _Line(
        kind=said[-1].kind,
        seqs=tuple(row.seq for row in rows),
        day=max(days),
        oldest=min(days),
        body=bodies.get(said[-1].id, {}).get(Part.SHARED, {}),
        void=rows[-1].kind is EntryKind.VOID,
    )


def _money(customer: UUID, line: _Line) -> HeldMoney:
    body = line.body
    due = body.get("due_day")
    return HeldMoney(
        customer,
        line.seqs,
        MoneyKind(line.kind.value),
        Money(*body["amount"]),
        line.day,
        line.oldest,
        None if due is None else date_of_day(due),
        body.get("applies_to"),
        not line.void,
    )


def _others(customer: UUID, lines: Sequence[_Line]) -> Iterator[Unit]:
    """What is not money: events by their case, all decisions as one, anything else alone.

    A decision rests on those before it: a warning that went would leave it without one.
    """
    together: dict[tuple[Kept, int], list[_Line]] = defaultdict(list)
    for line in lines:
        kind = kept_of(line.kind)
        if kind is None or kind is Kept.MONEY:
            continue
        case = line.body.get("of", line.seqs[0]) if "event" in line.body else line.seqs[0]
        together[kind, 0 if kind is Kept.DECISION else case].append(line)
    for (kind, _), found in together.items():
        seqs = tuple(sorted(seq for line in found for seq in line.seqs))
        day, oldest = max(line.day for line in found), min(line.oldest for line in found)
        yield Unit(customer, kind, seqs, day, oldest, active=kind not in _QUIET)


def _decisions_as_one(units: Sequence[Unit]) -> list[Unit]:
    """Decisions under one name may rest on those under another: they go on the same day."""
    days = [unit.day for unit in units if unit.kind is Kept.DECISION]
    return [u._replace(day=max(days)) if u.kind is Kept.DECISION else u for u in units]


def _hold_block(seq: int) -> Block:
    return Block(Stay.LEGAL_HOLD, f"The legal hold #{seq} stands.")


def _blocks(lines: Sequence[_Line], as_of: date) -> Iterator[Block]:
    """What is going on with a customer, and needs the records."""
    there = [line for line in lines if not line.void and "event" in line.body]
    by_case: dict[tuple[EntryKind, int], list[_Line]] = defaultdict(list)
    for line in there:
        by_case[line.kind, line.body.get("of", line.seqs[0])].append(line)
    for (kind, seq), events in by_case.items():
        words = {event.body["event"] for event in events}
        if kind is EntryKind.COMPLAINT and _is_open(events):
            yield Block(Stay.OPEN_COMPLAINT, f"The complaint #{seq} is open.")
        elif kind is EntryKind.SUBJECT_ACCESS and words == {"contested"}:
            text = f"The customer disputes an entry (#{seq}); nobody decided yet."
            yield Block(Stay.OPEN_CONTEST, text)
        elif kind is EntryKind.SUBJECT_ACCESS and _asks(words):
            text = f"The request for access #{seq} waits for its answer."
            yield Block(Stay.OPEN_REQUEST, text)
    yield from _of_decisions([line for line in there if line.kind is EntryKind.DECISION], as_of)


def _asks(words: Collection[str]) -> bool:
    """Whether a request waits; one whose opening was erased does not."""
    return "requested" in words and not {"answered", "refused"} & set(words)


def _is_open(events: Sequence[_Line]) -> bool:
    steps = [e.body["event"] for e in events if e.body["event"] in _COMPLAINT_STEPS]
    return "opened" in steps and steps[-1] != "resolved"


_COMPLAINT_STEPS: Final = ("opened", "reopened", "resolved")


def _of_decisions(events: Sequence[_Line], as_of: date) -> Iterator[Block]:
    """Until its review date a decision is taken for in force, also one that was ended before."""
    reviews = [e.body["until_day"] for e in events if e.body.get("until_day") is not None]
    last = date_of_day(max(reviews)) if reviews else None
    if last is not None and as_of < last:
        text = f"A decision about the customer holds, or held, until {day_in_words(last)}."
        yield Block(Stay.DECISION, text)
    words = [e.body["event"] for e in events]
    if words.count("appeal") > words.count("appeal_decided"):
        yield Block(Stay.DECISION, "An appeal waits for its decision.")
