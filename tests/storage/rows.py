"""Rows put straight into the tables, without books and trail: for tests of what reads them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine, event

from custledger.core.clock import day_number, month_number
from custledger.core.exchange import Exchange
from custledger.core.records import (
    Channel,
    Conduct,
    CustomerStatus,
    Direction,
    Fault,
    MoneyKind,
    Purpose,
    StaffRole,
)
from custledger.core.score.contributions import History, ScoredInteraction, ScoredMoney
from custledger.core.score.policy import ScorePolicy
from custledger.storage.bulk import insert_rows
from custledger.storage.engine import engine_for
from custledger.storage.tables import (
    CustomerRow,
    ExchangeRateRow,
    HourlyRateRow,
    IdentityRow,
    InteractionRow,
    MoneyRow,
    StaffRow,
    metadata,
)
from custledger.storage.types import code_of

__all__ = ["STAFF", "Shop", "put", "reference", "reference_policy", "unchecked_engine"]

UNDATED = day_number(date.min)
STAFF = 1_000_000
"""The key of the first member of staff; the customers' keys are below."""

_PURPOSES = {
    "complaint": Purpose.COMPLAINT,
    "refund_request": Purpose.REFUND_REQUEST,
    "no_pay": Purpose.COLLECTION,
    "inquiry": Purpose.INQUIRY,
}


@dataclass(frozen=True)
class Shop:
    """Histories of customers by key, and what the ledger knows around them."""

    histories: Mapping[int, History]
    people: int = 2
    programs: int = 0
    rates: tuple[tuple[str, int, int], ...] = ()
    default_rate: tuple[int, str, int] | None = None
    currency: str = "EUR"
    expected: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def unchecked_engine(location: str) -> Engine:
    """An engine whose database has the tables and checks no foreign keys."""
    engine = engine_for(location)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = OFF"))
    metadata.create_all(engine)
    return engine


def put(connection: Connection, shop: Shop) -> None:
    """Replace what the tables hold with the shop; for an engine of `unchecked_engine`."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET session_replication_role = replica")
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())
    staff = range(STAFF, STAFF + shop.people + shop.programs)
    keys = [*shop.histories, *staff]
    insert_rows(connection, IdentityRow, [(k, _uuid(connection, k)) for k in keys])
    names = {k: f"staff {k}" for k in staff}
    people = [(k, 1, name, name, _role(k, shop), 1) for k, name in names.items()]
    insert_rows(connection, StaffRow, people)
    insert_rows(
        connection, ExchangeRateRow, [(n, *row) for n, row in enumerate(shop.rates, start=1)]
    )
    if shop.default_rate:
        insert_rows(connection, HourlyRateRow, [(1, None, *shop.default_rate)])
    insert_rows(connection, CustomerRow, [_customer(k, h) for k, h in shop.histories.items()])
    pairs = [(k, e) for k, h in shop.histories.items() for e in h.interactions]
    insert_rows(
        connection, InteractionRow, [_interaction(n, *p) for n, p in enumerate(pairs, start=1)]
    )
    money = [(k, e) for k, h in shop.histories.items() for e in h.money]
    insert_rows(connection, MoneyRow, [_money(n, *p) for n, p in enumerate(money, start=1)])


def _uuid(connection: Connection, key: int) -> object:
    return UUID(int=key).hex if connection.dialect.name == "sqlite" else UUID(int=key)


def _role(key: int, shop: Shop) -> int:
    person = key < STAFF + shop.people
    return code_of(StaffRole.AGENT if person else StaffRole.PROGRAM)


def _customer(key: int, history: History) -> tuple[object, ...]:
    status = code_of(CustomerStatus.ACTIVE)
    return key, 1, history.name, history.name, status, history.joined_day, None, None


def _interaction(row: int, customer: int, e: ScoredInteraction) -> tuple[object, ...]:
    return (
        *(row, e.seq, row, customer, e.day * 86_400_000_000, e.day, month_number(e.day)),
        *(e.known_day, code_of(e.channel), code_of(Direction.IN), code_of(e.purpose)),
        *(code_of(e.conduct), code_of(e.fault), int(e.exempt), e.seconds, e.rate_minor),
        *(e.rate_currency, e.witness, None, None),
    )


def _money(row: int, customer: int, e: ScoredMoney) -> tuple[object, ...]:
    return (
        *(row, e.seq, row, customer, code_of(e.kind), e.amount_minor, e.currency),
        *(e.day * 86_400_000_000, e.day, month_number(e.day), e.known_day, e.due_day),
        *(code_of(e.fault), int(e.goods_returned), None, None, None),
    )


def reference(folder: Path, expected: str) -> Shop:
    """The shop of a folder of reference data, with the expected figures of one file."""
    rates = [r for r in _read(folder / "fx.csv") if r["currency"] != "EUR"]
    fx = tuple((r["currency"], UNDATED, _scaled(r["rate_to_base"], 12)) for r in rates)
    exchange = Exchange.of("EUR", fx)
    contacts = _grouped(_read(folder / "interactions.csv"))
    money = _grouped(_read(folder / "money.csv"))
    staff = {int(r["staff_id"]) for rows in contacts.values() for r in rows}
    histories = {}
    for row in _read(folder / "customers.csv"):
        key = int(row["customer_id"])
        histories[key] = History(
            customer_id=UUID(int=key),
            name=f"customer {key}",
            joined_day=_day(row["joined_on"]),
            exchange=exchange,
            human_staff=max(staff) + 1,
            interactions=[_contact_of(r) for r in contacts.get(key, ())],
            money=[_money_of(r) for r in money.get(key, ())],
        )
    figures = {int(r["customer_id"]): r for r in _read(folder / expected)}
    return Shop(histories, people=max(staff) + 1, rates=fx, expected=figures)


def reference_policy(folder: Path) -> ScorePolicy:
    """The policy of the reference data; only what the reference measured differs from ours."""
    given = json.loads((folder / "policy.json").read_text())
    names = ("margin", "K", "r0", "u", "a0", "b0", "bt", "bo", "bx", "cap", "z", "theta")
    return replace(ScorePolicy(calibrated=True), **{name: given[name] for name in names})


def _contact_of(row: Mapping[str, str]) -> ScoredInteraction:
    purpose = _PURPOSES.get(row["category"])
    return ScoredInteraction(
        seq=int(row["interaction_id"]),
        day=_day(row["occurred_on"]),
        known_day=_day(row["recorded_on"]),
        channel=Channel(row["channel"]),
        purpose=purpose or Purpose.OTHER,
        conduct=Conduct.NONE if purpose else Conduct(row["category"]),
        fault=Fault(row["fault"]),
        exempt=False,
        seconds=round(float(row["minutes"]) * 60) if row["minutes"] else None,
        rate_minor=_scaled(row["hourly_rate"], 2),
        rate_currency="EUR",
        witness=STAFF + int(row["staff_id"]),
    )


def _money_of(row: Mapping[str, str]) -> ScoredMoney:
    kind = MoneyKind(row["kind"])
    return ScoredMoney(
        seq=1_000_000 + int(row["money_id"]),
        day=_day(row["occurred_on"]),
        known_day=_day(row["recorded_on"]),
        kind=kind,
        fault=Fault(row["fault"]),
        amount_minor=_scaled(row["amount"], 2),
        currency=row["currency"],
        due_day=_day(row["due_on"]) if kind is MoneyKind.INVOICE else None,
    )


def _day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def _scaled(text: str, decimals: int) -> int:
    return round(float(text) * 10**decimals)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _grouped(rows: Iterable[dict[str, str]]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(int(row["customer_id"]), []).append(row)
    return found
