"""The score of all customers: SQLite and PostgreSQL against DuckDB, the same select and rows.

    python -m tests.benchmarks.score_all --rows 1000000 --customers 50000 --json out.json

``rows`` interactions and two thirds as many money entries, simulated. All databases get the same
rows, SQLite and PostgreSQL with the same index, and run the same select; DuckDB also from Parquet
files. The runs take turns, so that a noisy machine disturbs all alike; the table shows medians and
the ratio to DuckDB. The figures are compared as well. PostgreSQL is a throwaway server as it comes,
or the one that ``--database`` names.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.dialects.sqlite import dialect

from custledger.core.clock import month_number
from custledger.core.records import Channel, Conduct, Fault, MoneyKind, Purpose, StaffRole
from custledger.core.score.policy import ScorePolicy
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.engine import engine_for
from custledger.storage.naming import options_for
from custledger.storage.scoring.score_rows import question_for
from custledger.storage.scoring.standing_sql import score_select
from custledger.storage.tables import (
    CustomerRow,
    ExchangeRateRow,
    IdentityRow,
    InteractionRow,
    MoneyRow,
    StaffRow,
    metadata,
)
from custledger.storage.types import code_of
from tests.benchmarks.on_postgres import OURS, durable_database

Row = tuple[Any, ...]
FIRST_DAY, DAYS = 18_993, 1_095  # 2022 to 2024
STAFF, BATCH = 10_000_000, 50_000
AS_OF = FIRST_DAY + DAYS - 30
POLICY = ScorePolicy(version=1, margin=0.4, K=165.0, r0=0.18, u=48.0, calibrated=True)
MODELS = (CustomerRow, IdentityRow, StaffRow, ExchangeRateRow, InteractionRow, MoneyRow)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=0, help="default: rows / 20")
    parser.add_argument("--rates-a-currency", type=int, default=36)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--database", help="URL of a PostgreSQL database; default: a new server")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    customers = args.customers or max(1, args.rows // 20)
    size = Size(args.rows, customers, args.rates_a_currency)
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_database(args.database) as url,
        _postgres(url, size) as postgres,
    ):
        result = measure(Path(folder), postgres, size, args.repeats)
    base = result["duckdb"]
    print(f"{args.rows:,} interactions, {customers:,} customers, medians of {args.repeats}")
    for name, seconds in result.items():
        print(f"{name:24} {seconds:8.2f} s {seconds / base:6.1f} x duckdb")
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


class Size(NamedTuple):
    """How much is simulated."""

    rows: int
    customers: int
    rates: int


def measure(folder: Path, postgres: Connection, size: Size, repeats: int) -> dict[str, float]:
    """Median seconds by engine, after checking that the engines agree."""
    engine = engine_for(str(folder / "score.sqlite"))
    event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = OFF"))
    metadata.create_all(engine)
    with engine.begin() as connection:
        _fill(connection, size)
    with engine.connect() as connection:
        question = question_for(connection, policy=POLICY, as_of_day=AS_OF, currency="EUR")
        query = score_select(question)
        compiled = query.compile(
            dialect=dialect(paramstyle="qmark"), compile_kwargs={"render_postcompile": True}
        )
        text = str(compiled)
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        values = [code_of(v) if isinstance(v, StrEnum) else v for v in values]
        duck, parquet = _duckdb(connection, folder)
        runs: dict[str, Callable[[], list[Row]]] = {
            "sqlite": lambda: [tuple(r) for r in connection.exec_driver_sql(text, tuple(values))],
            "postgresql": lambda: [tuple(r) for r in postgres.execute(query)],
            "duckdb": lambda: duck.execute(text, values).fetchall(),
            "duckdb on parquet": lambda: parquet.execute(text, values).fetchall(),
        }
        _compare(runs["sqlite"](), runs["duckdb"]())
        _compare(runs["sqlite"](), runs["postgresql"]())
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                start = perf_counter()
                run()
                times[name].append(perf_counter() - start)
    engine.dispose()
    return {name: median(seconds) for name, seconds in times.items()}


@contextmanager
def _postgres(url: str, size: Size) -> Iterator[Connection]:
    """A connection to the rows, vacuumed and analyzed as the server does by itself in time."""
    engine = create_engine(url, execution_options=options_for(OURS))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {OURS}")
        metadata.create_all(connection)
        for table in metadata.tables.values():
            for key in table.foreign_key_constraints:
                connection.exec_driver_sql(
                    f"ALTER TABLE {OURS}.{table.name} DROP CONSTRAINT {key.name}"
                )
        _fill(connection, size)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _duckdb(connection: Connection, folder: Path) -> tuple[Any, Any]:
    duck, parquet = duckdb.connect(), duckdb.connect()
    for model in MODELS:
        table = table_of(model)
        names = [c.name for c in table.columns if c.name not in ("source", "external_id")]
        found = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}").all()
        rows = pa.table({n: [r[i] for r in found] for i, n in enumerate(names)})
        path = folder / f"{table.name}.parquet"
        pq.write_table(rows, path)
        duck.execute(f"CREATE TABLE {table.name} AS SELECT * FROM '{path}'")
        parquet.execute(f"CREATE VIEW {table.name} AS SELECT * FROM '{path}'")
    return duck, parquet


def _compare(one: list[Row], other: list[Row]) -> None:
    """Every figure of every customer; the key is in the second column."""
    one, other = (sorted(rows, key=lambda r: r[1]) for rows in (one, other))
    worst = 0.0
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for a, b in zip(left[1:], right[1:], strict=True):
            if isinstance(a, float):
                worst = max(worst, abs(a - b) / max(1.0, abs(a)))
            else:
                assert a == b, (left, right)
    print(f"the engines agree: relative difference at most {worst:.1e}")


def _fill(connection: Connection, size: Size) -> None:
    rows, customers, rates = size
    random.seed(7)
    keys = range(1, customers + 1)
    staff = range(STAFF, STAFF + 40)
    native = connection.dialect.name == "postgresql"
    uuids = ((k, UUID(int=k)) for k in (*keys, *staff))
    insert_rows(connection, IdentityRow, [(k, u if native else u.hex) for k, u in uuids])
    agent = code_of(StaffRole.AGENT)
    insert_rows(connection, StaffRow, [(k, 1, f"staff {k}", f"staff {k}", agent, 1) for k in staff])
    people = [(k, 1, f"customer {k}", "", 1, FIRST_DAY - k % 400, None, None) for k in keys]
    insert_rows(connection, CustomerRow, people)
    step = max(1, DAYS // rates)
    rows_of_rates = [
        (currency, day, round(base * 1e12 * (1 + 0.05 * math.sin(day / 50))))
        for currency, base in (("USD", 0.92), ("GBP", 1.17))
        for day in range(FIRST_DAY - step, FIRST_DAY + DAYS, step)
    ]
    insert_rows(
        connection, ExchangeRateRow, [(n, *row) for n, row in enumerate(rows_of_rates, start=1)]
    )
    for model, source in (
        (InteractionRow, _interactions(rows, customers)),
        (MoneyRow, _money(rows * 2 // 3, customers)),
    ):
        while batch := list(islice(source, BATCH)):
            insert_rows(connection, model, batch)


def _interactions(rows: int, customers: int) -> Iterator[Row]:
    purposes = [code_of(p) for p in Purpose]
    adverse = [code_of(c) for c in Conduct][1:]
    faults = [code_of(f) for f in Fault]
    channels = [code_of(c) for c in Channel][:4]
    unknown = code_of(Fault.UNKNOWN)
    for number in range(1, rows + 1):
        day = FIRST_DAY + random.randrange(DAYS)
        customer = int(customers * random.random() ** 1.5) + 1
        conduct = random.choice(adverse) if random.random() < 0.06 else 0
        fault = random.choice(faults) if random.random() < 0.2 else unknown
        seconds = None if random.random() < 0.03 else random.randrange(60, 2400)
        yield (
            *(number, number, number, customer, day * 86_400_000_000, day, month_number(day), day),
            *(random.choice(channels), 0, random.choice(purposes), conduct, fault, 0, seconds),
            *(2800, "EUR", STAFF + random.randrange(40), None, None),
        )


def _money(rows: int, customers: int) -> Iterator[Row]:
    kinds = [code_of(k) for k in MoneyKind]
    weights = [48, 2, 45, 3, 0.3, 0.7, 1]
    unknown = code_of(Fault.UNKNOWN)
    for number in range(1, rows + 1):
        day = FIRST_DAY + random.randrange(DAYS)
        customer = int(customers * random.random() ** 1.5) + 1
        kind = random.choices(kinds, weights)[0]
        currency = random.choices(("EUR", "USD", "GBP"), (80, 14, 6))[0]
        due = day + 14 if kind == 0 else None
        yield (
            *(number, number, number, customer, kind, random.randrange(500, 40_000), currency),
            *(day * 86_400_000_000, day, month_number(day), day, due, unknown, 0, None, None, None),
        )


if __name__ == "__main__":
    main()
