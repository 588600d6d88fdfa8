"""From an entry to its rows in the copies.

Writing, rebuilding and verifying share this one derivation, so that a copy is right exactly when
it equals what this module computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlmodel import SQLModel

from custledger.core.clock import day_number, day_of, month_number
from custledger.core.contact import folded
from custledger.core.money import parse_decimal
from custledger.core.records import (
    ACCOMMODATION,
    HARDSHIP,
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    PolicyTopic,
    Purpose,
    StaffRole,
)
from custledger.storage.tables import (
    ContactPointRow,
    CustomerRow,
    EventRow,
    EvidenceRow,
    ExchangeRateRow,
    HourlyRateRow,
    ImportBatchRow,
    InteractionRow,
    LedgerRow,
    LegalHoldRow,
    MoneyRow,
    PolicyRow,
    ScorePolicyRow,
    StaffRow,
    VoidedRow,
)
from custledger.storage.types import CODES

__all__ = [
    "ABOUT_THE_FIRM",
    "EVENT_KINDS",
    "UNDATED",
    "CopyRow",
    "Placed",
    "Places",
    "copy_rows",
    "table_for",
]

UNDATED: Final = day_number(date.min)
"""The effective day of an exchange rate without a date."""

CopyRow = tuple[type[SQLModel], tuple[Any, ...]]


class Placed(NamedTuple):
    """Where an entry stands: its own key, and the key and number of the original."""

    entry_id: int
    first_id: int
    first_seq: int
    subject_id: int
    kind: EntryKind
    recorded_at: int
    occurred_at: int | None


class Places:
    """What the derivation needs beside the entry: the ledger's zone and the key of a uuid."""

    def __init__(self, zone: str, key_of: Callable[[UUID], int]) -> None:
        self.zone = zone
        self._key_of = key_of
        self._keys: dict[str, int] = {}

    def key(self, uuid: str) -> int:
        """The identity key of a uuid in text form, looked up once."""
        if uuid not in self._keys:
            self._keys[uuid] = self._key_of(UUID(uuid))
        return self._keys[uuid]


def copy_rows(placed: Placed, body: Mapping[str, Any], places: Places) -> Iterable[CopyRow]:
    """The rows that stand in the copies for a current entry, as tuples in column order."""
    return _DERIVATIONS[placed.kind](placed, body, places)


def table_for(kind: EntryKind) -> tuple[type[SQLModel], ...]:
    """The copies in which entries of a kind have rows."""
    return _TABLES[kind]


def _customer(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    status = CODES[CustomerStatus][body.get("status", CustomerStatus.ACTIVE)]
    name = body["name"]
    yield (
        CustomerRow,
        (
            placed.subject_id,
            placed.entry_id,
            name,
            folded(name),
            status,
            body["joined_day"],
            *body.get("external", _NO_PAIR),
        ),
    )
    for position, point in enumerate(body.get("contact_points", ())):
        kind = CODES[ContactKind][point["kind"]]
        yield (
            ContactPointRow,
            (
                placed.subject_id,
                position,
                placed.entry_id,
                kind,
                point["value"],
                point["normalised"],
            ),
        )


_NO_PAIR: Final = (None, None)
_CHARGED_TO_NOBODY: Final = frozenset({ACCOMMODATION, HARDSHIP})


def _interaction(placed: Placed, body: Mapping[str, Any], places: Places) -> tuple[CopyRow]:
    occurred_at, day, known_day = _days(placed, body, places)
    staff = body.get("staff")
    return (
        (
            InteractionRow,
            (
                placed.first_id,
                placed.first_seq,
                placed.entry_id,
                placed.subject_id,
                occurred_at,
                day,
                month_number(day),
                known_day,
                CODES[Channel][body["channel"]],
                CODES[Direction][body.get("direction", "in")],
                CODES[Purpose][body.get("purpose", "other")],
                CODES[Conduct][body.get("conduct", "none")],
                CODES[Fault][body.get("fault", "unknown")],
                0 if _CHARGED_TO_NOBODY.isdisjoint(body.get("tags", ())) else 1,
                body.get("seconds"),
                *body.get("rate", _NO_PAIR),
                None if staff is None else places.key(staff),
                *body.get("external", _NO_PAIR),
            ),
        ),
    )


def _money(placed: Placed, body: Mapping[str, Any], places: Places) -> tuple[CopyRow]:
    occurred_at, day, known_day = _days(placed, body, places)
    return (
        (
            MoneyRow,
            (
                placed.first_id,
                placed.first_seq,
                placed.entry_id,
                placed.subject_id,
                CODES[MoneyKind][placed.kind.value],
                *body["amount"],
                occurred_at,
                day,
                month_number(day),
                known_day,
                body.get("due_day"),
                CODES[Fault][body.get("fault", "unknown")],
                1 if body.get("returned") else 0,
                body.get("applies_to"),
                *body.get("external", _NO_PAIR),
            ),
        ),
    )


def _evidence(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    yield (
        EvidenceRow,
        (
            placed.first_id,
            placed.first_seq,
            placed.entry_id,
            placed.subject_id,
            body.get("interaction"),
            body["media_type"],
            body["size"],
        ),
    )


def _ledger(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    row = (placed.subject_id, placed.entry_id, body["zone"], body["currency"], body.get("region"))
    yield LedgerRow, row


def _staff(placed: Placed, body: Mapping[str, Any], places: Places) -> Iterable[CopyRow]:
    yield (
        StaffRow,
        (
            places.key(body["staff"]),
            placed.entry_id,
            body["name"],
            folded(body["name"]),
            CODES[StaffRole][body["role"]],
            1 if body.get("active", True) else 0,
        ),
    )


def _hourly_rate(placed: Placed, body: Mapping[str, Any], places: Places) -> Iterable[CopyRow]:
    staff = body.get("staff")
    yield (
        HourlyRateRow,
        (
            placed.entry_id,
            None if staff is None else places.key(staff),
            *body["rate"],
            body["effective_day"],
        ),
    )


def _exchange_rate(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    yield (
        ExchangeRateRow,
        (
            placed.entry_id,
            body["currency"],
            body.get("effective_day", UNDATED),
            int(parse_decimal(body["rate"]).scaleb(12)),
        ),
    )


def _score_policy(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    yield ScorePolicyRow, (body["version"], placed.entry_id)


def _import_batch(placed: Placed, body: Mapping[str, Any], places: Places) -> Iterable[CopyRow]:
    yield (
        ImportBatchRow,
        (
            places.key(body["batch"]),
            body["number"],
            placed.entry_id,
            body["source"],
            body["file_name"],
            body["fingerprint"],
            placed.kind.value.removeprefix("import_"),
        ),
    )


def _void(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    if "external" in body:
        kind = CODES[EntryKind][body["voids"]]
        yield VoidedRow, (placed.entry_id, placed.subject_id, kind, *body["external"])


def _legal_hold(placed: Placed, _body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    yield LegalHoldRow, (placed.first_id, placed.first_seq, placed.entry_id, placed.subject_id)


def _policy(placed: Placed, body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    topic = CODES[PolicyTopic][body["topic"]]
    version = (body.get("name", ""), body["version"], body.get("effective_day"))
    yield PolicyRow, (placed.entry_id, topic, *version)


def _event(placed: Placed, body: Mapping[str, Any], places: Places) -> Iterable[CopyRow]:
    if "firm" in body:  # about no single customer
        return
    other = body.get("other")
    occurred_at, day, _ = _days(placed, body, places)
    yield (
        EventRow,
        (
            placed.first_id,
            placed.first_seq,
            placed.entry_id,
            placed.subject_id,
            CODES[EntryKind][placed.kind],
            body["event"],
            body.get("of", placed.first_seq),
            occurred_at,
            day,
            None if other is None else places.key(other),
            body.get("until_day"),
            body.get("mark"),
        ),
    )


def _nothing(_placed: Placed, _body: Mapping[str, Any], _places: Places) -> Iterable[CopyRow]:
    return ()


def _days(placed: Placed, body: Mapping[str, Any], places: Places) -> tuple[int, int, int]:
    occurred_at = placed.recorded_at if placed.occurred_at is None else placed.occurred_at
    day = day_of(occurred_at, places.zone)
    known_at = body.get("known_at")
    return occurred_at, day, day if known_at is None else day_of(known_at, places.zone)


_Derivation = Callable[[Placed, Mapping[str, Any], Places], Iterable[CopyRow]]
_MONEY_KINDS: Final = tuple(EntryKind(kind.value) for kind in MoneyKind)
_WITHOUT_COPY: Final = (
    EntryKind.ERASURE,
    EntryKind.ERASURE_REFUSED,
    EntryKind.KEY,
    EntryKind.INCARNATION,
)
EVENT_KINDS: Final = (
    EntryKind.COMPLAINT,
    EntryKind.DECISION,
    EntryKind.CONVEYANCE,
    EntryKind.REFUND_ADVICE,
    EntryKind.DUNNING,
    EntryKind.BRIEFING,
    EntryKind.BACKING,
    EntryKind.LESSON,
    EntryKind.PRAISE,
    EntryKind.REFERRAL,
    EntryKind.FLAG,
    EntryKind.MERGE,
    EntryKind.SUBJECT_ACCESS,
)
"""The kinds whose entries are events: their body has the word ``event``, and what it is of."""
ABOUT_THE_FIRM: Final = frozenset((EntryKind.BRIEFING, EntryKind.LESSON))
"""The kinds of events that may stand in the ledger's own chain (``firm`` in the body)."""
_IMPORT_KINDS: Final = (
    EntryKind.IMPORT_STARTED,
    EntryKind.IMPORT_FINISHED,
    EntryKind.IMPORT_UNDONE,
)
_DERIVATIONS: Final[dict[EntryKind, _Derivation]] = {
    EntryKind.LEDGER: _ledger,
    EntryKind.STAFF: _staff,
    EntryKind.HOURLY_RATE: _hourly_rate,
    EntryKind.EXCHANGE_RATE: _exchange_rate,
    EntryKind.SCORE_POLICY: _score_policy,
    **dict.fromkeys(_IMPORT_KINDS, _import_batch),
    EntryKind.CUSTOMER: _customer,
    EntryKind.INTERACTION: _interaction,
    **dict.fromkeys(_MONEY_KINDS, _money),
    EntryKind.EVIDENCE: _evidence,
    EntryKind.VOID: _void,
    EntryKind.LEGAL_HOLD: _legal_hold,
    EntryKind.POLICY: _policy,
    **dict.fromkeys(EVENT_KINDS, _event),
    **dict.fromkeys(_WITHOUT_COPY, _nothing),
}
_TABLES: Final[dict[EntryKind, tuple[type[SQLModel], ...]]] = {
    EntryKind.LEDGER: (LedgerRow,),
    EntryKind.STAFF: (StaffRow,),
    EntryKind.HOURLY_RATE: (HourlyRateRow,),
    EntryKind.EXCHANGE_RATE: (ExchangeRateRow,),
    EntryKind.SCORE_POLICY: (ScorePolicyRow,),
    **dict.fromkeys(_IMPORT_KINDS, (ImportBatchRow,)),
    EntryKind.CUSTOMER: (ContactPointRow, CustomerRow),
    EntryKind.INTERACTION: (InteractionRow,),
    **dict.fromkeys(_MONEY_KINDS, (MoneyRow,)),
    EntryKind.EVIDENCE: (EvidenceRow,),
    EntryKind.VOID: (VoidedRow,),
    EntryKind.LEGAL_HOLD: (LegalHoldRow,),
    EntryKind.POLICY: (PolicyRow,),
    **dict.fromkeys(EVENT_KINDS, (EventRow,)),
    **dict.fromkeys(_WITHOUT_COPY, ()),
}
