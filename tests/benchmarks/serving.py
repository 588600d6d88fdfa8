"""The one door, `check_service`, beside a read of one row by its primary key.

    python -m tests.benchmarks.serving --customers 1000000 --json serving.json

A ledger gets simulated customers with an e-mail address, a phone number and an external id each,
`--decisions` of them a do-not-serve, `--merges` a second name. Then the door is asked about random
customers, by id, by external id and by e-mail address, about restricted ones, and about members of
an address that 1,000 customers share. The peer reads one row of the customers' table by its primary
key with SQLAlchemy Core, in a transaction of its own, as the door is. They take turns; the table
shows medians and the ratio. PostgreSQL is a throwaway server, or the one that `--database` names.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, create_engine, select, text

from custledger import Ledger, open_ledger
from custledger.core.records import EntryKind
from custledger.storage.bulk import table_of
from custledger.storage.engine import engine_for
from custledger.storage.events import append_event
from custledger.storage.naming import options_for
from custledger.storage.tables import CustomerRow
from tests.benchmarks.on_postgres import OURS, durable_database

BATCH, BOX = 20_000, 1_000
WHY = "Insulted two drivers on the phone and threatened one of them."


class Size(NamedTuple):
    """How much is simulated, and how often the door is asked."""

    customers: int
    decisions: int
    merges: int
    calls: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--merges", type=int, default=0)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--database", help="URL of a PostgreSQL database; default: a new server")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    size = Size(args.customers, args.decisions, args.merges, args.calls)
    result: dict[str, Any] = {}
    if args.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "ledger.sqlite")
            with open_ledger(path, actor="Olga") as ledger:
                result["sqlite"] = measure(ledger, engine_for(path), size)
    if args.only != "sqlite":
        with durable_database(args.database) as url, _postgres(url) as (ledger, engine):
            result["postgresql"] = measure(ledger, engine, size)
    for database, rows in result.items():
        print(f"\n{database}: {size.customers:,} customers, {size.decisions} decisions, ", end="")
        print(f"{size.merges} merges; medians of {size.calls:,} calls")
        for name, row in rows.items():
            print(f"  {name:34} {row['us']:8.0f} us {row['ratio']:6.1f} x")
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


@contextmanager
def _postgres(url: str) -> Iterator[tuple[Ledger, Engine]]:
    engine = create_engine(url, execution_options=options_for(OURS))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {OURS}"))
    with open_ledger(url, actor="Olga", schema=OURS) as ledger:
        yield ledger, engine
    engine.dispose()


def measure(ledger: Ledger, engine: Engine, size: Size) -> dict[str, dict[str, float]]:
    """Median microseconds by question, and the ratio to the read by primary key."""
    random.seed(7)
    ids = _fill(ledger, size)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    restricted = ids[: size.decisions]
    merged = ids[len(ids) - 2 * size.merges :]
    box = ids[size.decisions : size.decisions + BOX]
    plain = range(size.decisions + BOX, size.customers - 2 * size.merges)
    with engine.connect() as connection:
        keys = {row.external_id: row.id for row in connection.execute(_KEYS)}

    def some() -> int:
        return random.choice(plain)

    runs: dict[str, Callable[[], object]] = {
        "read by primary key (the peer)": lambda: _read(engine, keys[f"{some()}"]),
        "by id": lambda: ledger.check_service(ids[some()], "order"),
        "by external id": lambda: ledger.check_service(("shop", str(some())), "order"),
        "by e-mail address": lambda: ledger.check_service(f"c{some()}@example.org", "order"),
        "unknown e-mail address": lambda: ledger.check_service(f"n{some()}@example.org", "order"),
        "one of 1,000 with one address": lambda: ledger.check_service(random.choice(box), "order"),
    }
    if restricted:
        runs["restricted"] = lambda: ledger.check_service(random.choice(restricted), "order")
    if merged:
        runs["merged"] = lambda: ledger.check_service(random.choice(merged), "order")
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(size.calls):
        for name, run in runs.items():
            start = perf_counter()
            run()
            times[name].append(perf_counter() - start)
    engine.dispose()
    peer = median(next(iter(times.values())))
    return {
        name: {"us": 1e6 * median(taken), "ratio": median(taken) / peer}
        for name, taken in times.items()
    }


_customer = table_of(CustomerRow)
_KEYS = select(_customer.c.external_id, _customer.c.id)
_ROW = select(_customer)


def _read(engine: Engine, key: int) -> object:
    with engine.connect() as connection:
        return connection.execute(_ROW.where(_customer.c.id == key)).one()


def _fill(ledger: Ledger, size: Size) -> Sequence[UUID]:
    ids: list[UUID] = []
    box = range(size.decisions, size.decisions + BOX)
    for start in range(0, size.customers, BATCH):
        ids += ledger.customers.add_many(
            {
                "name": f"Customer {n}",
                "email": "info@example.com" if n in box else f"c{n}@example.org",
                "phone": f"+336{n:08}",
                "source": "shop",
                "external_id": str(n),
            }
            for n in range(start, min(start + BATCH, size.customers))
        )
    with ledger.transaction():
        for who in ids[: size.decisions]:
            _ban(ledger, who)
        pairs = ids[len(ids) - 2 * size.merges :]
        for one, into in zip(pairs[::2], pairs[1::2], strict=True):
            with ledger.context.write() as journal:
                body = {"event": "merge", "other": str(into)}
                append_event(journal, journal.key_of(one), EntryKind.MERGE, body)
    return ids


def _ban(ledger: Ledger, who: UUID) -> None:
    hit = ledger.interactions.record(who, channel="phone", conduct="threat", summary="threats")
    step = ledger.decisions.do_not_serve(
        who,
        reasons=WHY,
        incidents=[hit],
        safety=[hit],
        bypass="He came to the door with a knife.",
        staff_text="Pass calls to Olga.",
        customer_text="Please speak with Olga.",
    )
    assert step.done, step.refusals


if __name__ == "__main__":
    main()
