"""The main job against plain tables: import, one durable write, verification, bytes a row.

Every figure is a ratio within this run: custledger beside its peer, the two in turn. Peers:

- import: ``sqlite3.executemany`` of the same rows into one table with the same query indexes, no
  trail, batches of the same size, the rows ready in memory (``record_many``) or read from the same
  CSV file (``import_csv``); on PostgreSQL psycopg's COPY into such a table;
- one write: a SQLAlchemy Core insert of the same row, one a transaction, same durability;
- verify: SHA-256 over the stored payload bytes in memory, in one piece.

``python -m tests.benchmarks.main_job --rows 1000000 --json out.json``; PostgreSQL is a throwaway
server that flushes each commit, or the one that ``--database`` names.
"""

from __future__ import annotations

import argparse
import csv
import gc
import hashlib
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event, insert

import custledger
from custledger.edges.importing import import_csv
from custledger.storage.bulk import table_of
from custledger.storage.tables import InteractionRow
from tests.benchmarks.on_postgres import (
    OURS,
    PLAIN,
    copy_plain,
    durable_database,
    payloads_of,
    plain_interactions,
    size_of,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
BATCH = 10_000
FIELDS = (
    "customer",
    "occurred_at",
    "known_at",
    "channel",
    "purpose",
    "conduct",
    "handling_seconds",
    "staff",
    "summary",
    "customer_words",
    "external_id",
)
RAW = """
CREATE TABLE raw (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, occurred_at BIGINT NOT NULL,
    occurred_day INTEGER NOT NULL, known_day INTEGER NOT NULL, occurred_month SMALLINT NOT NULL,
    channel SMALLINT NOT NULL, direction SMALLINT NOT NULL, purpose SMALLINT NOT NULL,
    conduct SMALLINT NOT NULL, fault SMALLINT NOT NULL, exempt SMALLINT NOT NULL,
    handling_seconds INTEGER, rate_minor BIGINT, rate_currency TEXT, staff INTEGER,
    summary TEXT, customer_words TEXT, source TEXT, external_id TEXT, UNIQUE (source, external_id)
);
CREATE INDEX raw_score ON raw (customer, occurred_day, known_day, occurred_month, channel, purpose,
    conduct, fault, exempt, handling_seconds, rate_minor, rate_currency, staff);
"""


def rows_of(count: int, customers: int) -> Iterator[dict[str, Any]]:
    """Simulated interactions, the same for the same arguments."""
    chance = random.Random(7)
    for number in range(count):
        moment = START + timedelta(seconds=60 * number // max(1, count // 1_000_000))
        yield {
            "customer": chance.randrange(customers),
            "occurred_at": moment,
            "channel": chance.choice(("phone", "email", "chat")),
            "purpose": chance.choice(("inquiry", "order", "complaint")),
            "conduct": "verbal_abuse" if chance.random() < 0.02 else "none",
            "handling_seconds": chance.randrange(30, 1800),
            "staff": f"agent {chance.randrange(20)}",
            "summary": "asked about the order " * 4,
            "customer_words": "where is my parcel, please " * 3 if number % 2 else "",
            "external_id": str(number),
        }


def raw_tuple(number: int, row: dict[str, Any]) -> tuple[Any, ...]:
    """The same row for the plain table: codes and day numbers ready."""
    day = (row["occurred_at"] - datetime(1970, 1, 1, tzinfo=UTC)).days
    moment = int(row["occurred_at"].timestamp()) * 1_000_000
    words = row["customer_words"] or None
    codes = (1, 0, 2, int(row["conduct"] != "none"), 4, 0)
    return (
        *(number + 1, row["customer"], moment, day, day, day // 30),
        *codes,
        *(row["handling_seconds"], 3000, "EUR", 7, row["summary"], words, "s", row["external_id"]),
    )


def facts_of(row: dict[str, Any], ids: list[Any]) -> dict[str, Any]:
    """The same row for ``interactions.record_many``."""
    facts = {k: v for k, v in row.items() if k not in ("customer", "handling_seconds") and v != ""}
    facts["customer"] = ids[row["customer"]]
    facts["known_at"] = row["occurred_at"]
    facts["handling_time"] = timedelta(seconds=row["handling_seconds"])
    return facts | {"source": "s"}


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """(Wall seconds, processor seconds) of a piece of work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def raw_database(folder: Path, name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / name, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(RAW)
    return connection


def insert_raw(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO raw VALUES ({','.join('?' * 20)})", rows)
    connection.execute("COMMIT")


def people(ledger: custledger.Ledger, customers: int) -> list[Any]:
    """Staff with a rate, and the customers."""
    ledger.staff.set_rate(custledger.Money.of(30, "EUR"), effective_on=START.date())
    ledger.staff.add_many([f"agent {n}" for n in range(20)])
    return ledger.customers.add_many([{"name": f"customer {n}"} for n in range(customers)])


def bench_import(folder: Path, rows: list[dict[str, Any]], customers: int) -> dict[str, Any]:
    """``record_many`` and executemany in turn, batch by batch, rows ready in memory."""
    raw = raw_database(folder, "raw.sqlite")
    spent = {"ours": [0.0, 0.0], "raw": [0.0, 0.0]}
    ledger = custledger.open_ledger(folder / "ours.sqlite", actor="Olga")
    with ledger:
        ids = people(ledger, customers)
        before = size(folder, "ours.sqlite")
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            tuples = [raw_tuple(start + n, row) for n, row in enumerate(batch)]
            facts = [facts_of(row, ids) for row in batch]
            for name, work in (
                ("raw", lambda t=tuples: insert_raw(raw, t)),
                ("ours", lambda f=facts: ledger.interactions.record_many(f)),
            ):
                wall, cpu = timed(work)
                spent[name][0] += wall
                spent[name][1] += cpu
        raw.close()
        verify = [timed(ledger.verify) for _ in range(3)]
        payload = read_payloads(folder)
        digest = [timed(lambda: hashlib.sha256(payload).digest()) for _ in range(3)]
    n = len(rows)
    return {
        "import_us_a_row": spent["ours"][0] / n * 1e6,
        "import_ratio": spent["raw"][0] / spent["ours"][0],
        "import_ratio_cpu": spent["raw"][1] / spent["ours"][1],
        "verify_us_a_row": statistics.median(w for w, _ in verify) / n * 1e6,
        "verify_ratio_to_sha256": statistics.median(w for w, _ in digest)
        / statistics.median(w for w, _ in verify),
        "bytes_a_row": (size(folder, "ours.sqlite") - before) / n,
        "bytes_ratio": (size(folder, "ours.sqlite") - before) / size(folder, "raw.sqlite"),
    }


def bench_csv(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """``import_csv`` of a file in custledger's own layout, and csv.reader with executemany."""
    path = folder / "interactions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for row in rows:
            moment = row["occurred_at"].isoformat()
            writer.writerow([{**row, "occurred_at": moment, "known_at": moment}[f] for f in FIELDS])
    raw = raw_database(folder, "raw_csv.sqlite")

    def plain() -> None:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            next(reader)
            batch = []
            for number, line in enumerate(reader):
                row: dict[str, Any] = dict(zip(FIELDS, line, strict=True))
                row["occurred_at"] = datetime.fromisoformat(line[1])
                batch.append(raw_tuple(number, row))
                if len(batch) == BATCH:
                    insert_raw(raw, batch)
                    batch = []
            insert_raw(raw, batch)

    with custledger.open_ledger(folder / "csv.sqlite", actor="Olga") as ledger:
        ledger.staff.set_rate(custledger.Money.of(30, "EUR"), effective_on=START.date())
        raw_wall, raw_cpu = timed(plain)
        wall, cpu = timed(lambda: import_csv(ledger, path))
    raw.close()
    return {
        "csv_us_a_row": wall / len(rows) * 1e6,
        "csv_ratio": raw_wall / wall,
        "csv_ratio_cpu": raw_cpu / cpu,
    }


def bench_single(folder: Path, writes: int) -> dict[str, Any]:
    """One interaction a transaction, and a plain Core insert of the copy's row, in turn."""
    engine = create_engine(f"sqlite:///{folder / 'single_raw.sqlite'}")

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    table = table_of(InteractionRow)
    table.metadata.create_all(engine)
    with custledger.open_ledger(folder / "single.sqlite", actor="Olga") as ledger:
        figures = in_turn(ledger, engine, table, writes)
    engine.dispose()
    return figures


def in_turn(ledger: custledger.Ledger, engine: Engine, table: Table, writes: int) -> dict[str, Any]:
    """Single writes, custledger's and the peer's; the medians."""
    ours, plain = [], []
    ann = ledger.customers.add("Ann")
    for number in range(1, writes + 1):
        moment = 1_700_000_000_000_000 + number
        values: dict[str, Any] = dict.fromkeys((c.name for c in table.columns), 1)
        values |= {"id": number, "occurred_at": moment, "channel": "phone", "conduct": "none"}
        values |= {"direction": "in", "purpose": "other", "fault": "unknown"}
        values |= {"rate_currency": "EUR", "source": "s", "external_id": str(number)}

        def core(values: dict[str, Any] = values) -> None:
            with engine.begin() as connection:
                connection.execute(insert(table), values)

        plain.append(timed(core)[0])
        ours.append(
            timed(lambda: ledger.interactions.record(ann.id, channel="phone", summary="x"))[0]
        )
    return {
        "write_ms": statistics.median(ours) * 1e3,
        "write_ratio": statistics.median(plain) / statistics.median(ours),
    }


def bench_postgres(url: str, rows: list[dict[str, Any]], customers: int) -> dict[str, Any]:
    """``record_many`` and psycopg's COPY in turn, batch by batch, rows ready in memory."""
    script = RAW.replace("id INTEGER", "id BIGINT").replace("customer INTEGER", "customer BIGINT")
    spent: dict[str, list[float]] = {"copy": [], "ours": []}
    with (
        copy_plain(url, script, "raw") as copy,
        custledger.open_ledger(url, schema=OURS, actor="Olga") as ledger,
    ):
        ids = people(ledger, customers)
        before = size_of(url)
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            tuples = [raw_tuple(start + n, row) for n, row in enumerate(batch)]
            facts = [facts_of(row, ids) for row in batch]
            spent["copy"].append(timed(partial(copy, tuples))[0])
            spent["ours"].append(timed(partial(ledger.interactions.record_many, facts))[0])
        verify = [timed(ledger.verify)[0] for _ in range(3)]
        payload = payloads_of(url)
        digest = [timed(lambda: hashlib.sha256(payload).digest())[0] for _ in range(3)]
        grown = size_of(url) - before
    n, ours = len(rows), sum(spent["ours"])
    return {
        "postgres_import_us_a_row": ours / n * 1e6,
        "postgres_import_ratio_to_copy": sum(spent["copy"]) / ours,
        "postgres_verify_us_a_row": statistics.median(verify) / n * 1e6,
        "postgres_verify_ratio_to_sha256": statistics.median(digest) / statistics.median(verify),
        "postgres_bytes_a_row": grown / n,
        "postgres_bytes_ratio": grown / size_of(url, [f"{PLAIN}.raw"]),
    }


def bench_single_postgres(url: str, writes: int) -> dict[str, Any]:
    """One interaction a transaction, and a plain Core insert of the copy's row, in turn."""
    engine, table = plain_interactions(url)
    with custledger.open_ledger(url, schema=OURS, actor="Olga") as ledger:
        figures = in_turn(ledger, engine, table, writes)
    engine.dispose()
    return {f"postgres_{name}": value for name, value in figures.items()}


def size(folder: Path, name: str) -> int:
    with sqlite3.connect(folder / name) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / name).stat().st_size


def read_payloads(folder: Path) -> bytes:
    with sqlite3.connect(folder / "ours.sqlite") as connection:
        return b"".join(row[0] for row in connection.execute("SELECT body FROM custledger_payload"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=0, help="default: one for 20 rows")
    parser.add_argument("--writes", type=int, default=300)
    parser.add_argument("--database", help="URL of a PostgreSQL database; default: a new server")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    customers = arguments.customers or max(1, arguments.rows // 20)
    rows = list(rows_of(arguments.rows, customers))
    gc.collect()
    gc.freeze()  # the rows that wait are the benchmark's own: no collection should walk over them
    figures: dict[str, Any] = {}
    if arguments.only != "postgresql":
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            figures |= bench_import(folder, rows, customers)
            figures |= bench_csv(folder, rows)
            figures |= bench_single(folder, arguments.writes)
    if arguments.only != "sqlite":
        with durable_database(arguments.database) as url:
            figures |= bench_postgres(url, rows, customers)
            figures |= bench_single_postgres(url, arguments.writes)
    print(f"{arguments.rows:,} rows, {customers:,} customers\n\n| figure | value |\n|---|---|")
    for key, value in figures.items():
        print(f"| {key.replace('_', ' ')} | {value:.3g} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
