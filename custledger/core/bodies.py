"""Records read back from a payload's body; the other direction is ``custledger.core.facts``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.money import Money
from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    ContactPoint,
    Customer,
    CustomerStatus,
    Direction,
    EntryKind,
    EntryRef,
    Evidence,
    ExchangeRate,
    Fault,
    HourlyRate,
    Interaction,
    MoneyEntry,
    MoneyKind,
    Purpose,
    Staff,
    StaffRole,
)

__all__ = [
    "StoredEntry",
    "customer_from",
    "evidence_from",
    "exchange_rate_from",
    "hourly_rate_from",
    "interaction_from",
    "money_from",
    "staff_from",
]


class StoredEntry(NamedTuple):
    """An entry as read from the trail, with its bodies; ``id`` is the first of its corrections."""

    id: EntryRef
    entry: EntryRef
    kind: EntryKind
    recorded_at: int
    occurred_at: int | None
    actor: UUID
    body: Mapping[str, Any]
    staff_body: Mapping[str, Any]


def customer_from(stored: StoredEntry) -> Customer:
    """The customer that a stored entry of kind customer describes."""
    body = stored.body
    source, external_id = body.get("external", ("", ""))
    return Customer(
        id=stored.id.subject,
        name=body["name"],
        status=CustomerStatus(body.get("status", CustomerStatus.ACTIVE)),
        joined_on=date_of_day(body["joined_day"]),
        contact_points=tuple(
            ContactPoint(ContactKind(p["kind"]), p["value"], p["normalised"])
            for p in body.get("contact_points", ())
        ),
        source=source,
        external_id=external_id,
        staff_note=stored.staff_body.get("staff_note", ""),
    )


def staff_from(body: Mapping[str, Any]) -> Staff:
    """The member of staff that a body describes."""
    return Staff(
        UUID(body["staff"]), body["name"], StaffRole(body["role"]), body.get("active", True)
    )


def hourly_rate_from(body: Mapping[str, Any]) -> HourlyRate:
    """The hourly rate that a body describes."""
    staff = body.get("staff")
    return HourlyRate(
        Money(*body["rate"]),
        date_of_day(body["effective_day"]),
        UUID(staff) if staff else None,
    )


def exchange_rate_from(body: Mapping[str, Any]) -> ExchangeRate:
    """The exchange rate that a body describes."""
    return ExchangeRate(body["currency"], body["rate"], _day(body.get("effective_day")))


def interaction_from(stored: StoredEntry) -> Interaction:
    """The interaction that a stored entry describes."""
    body = stored.body
    seconds, staff, rate = (body.get(name) for name in ("seconds", "staff", "rate"))
    occurred_at, known_at = _times(stored)
    source, external_id = body.get("external", ("", ""))
    return Interaction(
        id=stored.id,
        entry=stored.entry,
        customer_id=stored.id.subject,
        occurred_at=occurred_at,
        known_at=known_at,
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        channel=Channel(body["channel"]),
        direction=Direction(body.get("direction", Direction.IN)),
        purpose=Purpose(body.get("purpose", Purpose.OTHER)),
        conduct=Conduct(body.get("conduct", Conduct.NONE)),
        fault=Fault(body.get("fault", Fault.UNKNOWN)),
        handling_time=None if seconds is None else timedelta(seconds=seconds),
        staff_id=UUID(staff) if staff else None,
        hourly_rate=None if rate is None else Money(*rate),
        summary=body.get("summary", ""),
        customer_words=body.get("words", ""),
        staff_note=stored.staff_body.get("staff_note", ""),
        case=body.get("case", ""),
        product=body.get("product", ""),
        cause=body.get("cause", ""),
        tags=frozenset(body.get("tags", ())),
        source=source,
        external_id=external_id,
    )


def money_from(stored: StoredEntry) -> MoneyEntry:
    """The money entry that a stored entry describes."""
    body = stored.body
    applies_to = body.get("applies_to")
    occurred_at, known_at = _times(stored)
    source, external_id = body.get("external", ("", ""))
    return MoneyEntry(
        id=stored.id,
        entry=stored.entry,
        customer_id=stored.id.subject,
        kind=MoneyKind(stored.kind.value),
        amount=Money(*body["amount"]),
        occurred_at=occurred_at,
        known_at=known_at,
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        fault=Fault(body.get("fault", Fault.UNKNOWN)),
        due_on=_day(body.get("due_day")),
        goods_returned=body.get("returned", False),
        applies_to=None if applies_to is None else EntryRef(stored.id.subject, applies_to),
        summary=body.get("summary", ""),
        staff_note=stored.staff_body.get("staff_note", ""),
        product=body.get("product", ""),
        cause=body.get("cause", ""),
        source=source,
        external_id=external_id,
    )


def evidence_from(stored: StoredEntry) -> Evidence:
    """The evidence that a stored entry describes."""
    body = stored.body
    occurred_at, _ = _times(stored)
    return Evidence(
        id=stored.id,
        customer_id=stored.id.subject,
        occurred_at=occurred_at,
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        media_type=body["media_type"],
        size=body["size"],
        caption=body.get("caption", ""),
        file_name=body.get("file_name", ""),
        interaction=_ref(stored, "interaction"),
        same_as=_ref(stored, "same_as"),
        from_mail=_ref(stored, "from_mail"),
        cipher=body.get("cipher", ""),
    )


def _ref(stored: StoredEntry, name: str) -> EntryRef | None:
    seq = stored.body.get(name)
    return None if seq is None else EntryRef(stored.id.subject, seq)


def _times(stored: StoredEntry) -> tuple[datetime, datetime]:
    occurred = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
    return from_microseconds(occurred), from_microseconds(stored.body.get("known_at", occurred))


def _day(number: int | None) -> date | None:
    return None if number is None else date_of_day(number)
