"""The canonical export: the current state as JSON lines that two ledgers can be compared by.

Nothing that differs from run to run is in it: no uuids, no moments of recording. Customers come in
the order of source, external id and name, each followed by what belongs to it, sorted. Two ledgers
that were told the same facts export the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from custledger.core.money import Money
from custledger.core.records import (
    ContactPoint,
    Customer,
    EntryRef,
    Evidence,
    ExchangeRate,
    HourlyRate,
    Interaction,
    MoneyEntry,
    Staff,
)
from custledger.ledger import Ledger

__all__ = ["canonical_export"]

_RUN_DEPENDENT: Final = {"id", "entry", "customer_id", "recorded_at", "recorded_by"}

_Record = Customer | Interaction | MoneyEntry | Evidence | Staff | HourlyRate | ExchangeRate


def canonical_export(ledger: Ledger) -> Iterator[str]:
    """One JSON object a line, keys sorted, without line ends.

    >>> from custledger import open_ledger
    >>> with open_ledger(":memory:", actor="Olga") as ledger:
    ...     print(next(canonical_export(ledger)))
    {"active":true,"name":"Olga","record":"staff","role":"owner"}
    """
    staff = ledger.staff.all()
    names = {member.id: member.name for member in staff}
    for member in sorted(staff, key=lambda m: m.name):
        yield _line("staff", member, names)
    for hourly in ledger.staff.rates():
        yield _line("hourly_rate", hourly, names)
    for exchange in ledger.exchange_rates.all():
        yield _line("exchange_rate", exchange, names)
    for customer in sorted(ledger.customers.all(), key=_customer_order):
        yield _line("customer", customer, names)
        yield from sorted(_lines_of(ledger, customer, names))


def _lines_of(ledger: Ledger, customer: Customer, names: Mapping[UUID, str]) -> Iterator[str]:
    records: list[tuple[str, Interaction | MoneyEntry | Evidence]] = [
        *(("interaction", r) for r in ledger.interactions.of(customer)),
        *(("money", r) for r in ledger.money.of(customer)),
        *(("evidence", r) for r in ledger.evidence.of(customer)),
    ]
    # A reference to another record is written as what identifies that record elsewhere.
    targets = {r.id: _identity(kind, r) for kind, r in records}
    for kind, record in records:
        yield _line(kind, record, names, targets)


def _line(
    kind: str,
    record: _Record,
    names: Mapping[UUID, str],
    targets: Mapping[EntryRef, str] | None = None,
) -> str:
    document: dict[str, Any] = {"record": kind}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in _RUN_DEPENDENT or value in (None, "", (), frozenset()):
            continue
        if field.name == "staff_id":
            document["staff"] = names[value]
        else:
            document[field.name] = _plain(value, targets or {})
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any, targets: Mapping[EntryRef, str]) -> Any:
    match value:
        case EntryRef():
            return targets.get(value, "")
        case Money():
            return str(value)
        case StrEnum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return round(value.total_seconds())
        case frozenset():
            return sorted(value)
        case ContactPoint():
            return [value.kind.value, value.value, value.normalised]
        case tuple():
            return [_plain(item, targets) for item in value]
    return value


def _identity(kind: str, record: Interaction | MoneyEntry | Evidence) -> str:
    source, external_id = getattr(record, "source", ""), getattr(record, "external_id", "")
    if external_id:
        return f"{source}/{external_id}"
    return f"{kind} of {record.occurred_at.isoformat()}"


def _customer_order(customer: Customer) -> tuple[str, str, str]:
    return customer.source, customer.external_id, customer.name
