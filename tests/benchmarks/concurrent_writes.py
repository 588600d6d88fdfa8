"""Many processes that write at once, one durable commit a write, against inserts without a chain.

Peer: the same rows (entry, payload, interaction) into the same tables with the same indexes and
foreign keys, in a database of their own, through SQLAlchemy Core: one transaction a write, the rows
ready in memory, no head to read, no lock, no hash, no guards. The two take turns in the same
processes; every figure is the median of the rounds. "hot" writes to 5 customers, "spread" to 200.

Without ``--url`` PostgreSQL is a throwaway server of the tests, with fsync and synchronous_commit
on.

``python tests/benchmarks/concurrent_writes.py --writes 100 --rounds 7 --json out.json``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection as Link
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, create_engine, event, insert, make_url, select

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import custledger
from custledger.storage.bulk import table_of
from custledger.storage.tables import EntryRow
from tests.postgres import Server, own_server

CASES = {"hot": 5, "spread": 200}
GOALS = {"hot": 0.5, "spread": 0.7}
FACTS = {
    "channel": "phone",
    "purpose": "complaint",
    "handling_time": timedelta(minutes=7),
    "summary": "asked about the order " * 4,
}
TABLES = table_of(EntryRow).metadata

Rows = dict[str, list[dict[str, Any]]]


class Place(NamedTuple):
    """Where a case is written to, and what: for each write of the peer the rows of its tables."""

    ours: str
    plain: str
    writes: list[list[tuple[str, dict[str, Any]]]]


class Spent(NamedTuple):
    """What one process needed for its writes of one round."""

    began: float
    ended: float
    cpu: float
    each: list[float]
    statements: int


# The peer


def engine_of(location: str) -> Engine:
    """An engine as durable as the ledger's; SQLite takes its lock at the beginning, as it does."""
    if "://" in location:
        return create_engine(location)
    engine = create_engine(f"sqlite:///{location}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def rows_in(engine: Engine) -> Rows:
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row._mapping)
                for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in TABLES.sorted_tables
        }


def template(
    folder: Path, customers: int, writes: int
) -> tuple[Rows, list[list[tuple[str, dict[str, Any]]]]]:
    """The rows of a ledger before the writes, and for each write those that it adds."""
    path = folder / f"template{customers}.sqlite"
    with custledger.open_ledger(path, actor="Olga") as ledger:
        ids = settle(ledger, customers)
        engine = engine_of(str(path))
        before = rows_in(engine)
        chance = random.Random(7)
        ledger.interactions.record_many(
            {**FACTS, "customer": chance.choice(ids)} for _ in range(writes)
        )
        after = rows_in(engine)
        engine.dispose()
    added = {name: rows[len(before[name]) :] for name, rows in after.items()}
    names = [name for name, rows in added.items() if rows]
    assert {len(added[name]) for name in names} == {writes}
    return before, [[(name, added[name][n]) for name in names] for n in range(writes)]


def settle(ledger: custledger.Ledger, customers: int) -> list[Any]:
    ledger.staff.set_rate(custledger.Money.of(30, "EUR"))
    return ledger.customers.add_many([{"name": f"C{n}"} for n in range(customers)])


def prepare_plain(location: str, rows: Rows) -> None:
    engine = engine_of(location)
    with engine.begin() as connection:
        TABLES.create_all(connection)
        for table in TABLES.sorted_tables:
            if rows[table.name]:
                connection.execute(insert(table), rows[table.name])
    engine.dispose()


# One process


def work(places: dict[str, Place], name: int, start: Barrier, link: Link) -> None:
    """Write what is asked for: (case, whose, numbers of the writes)."""
    statements = [0]
    event.listen(Engine, "after_cursor_execute", lambda *_: count(statements))
    doers = {}
    for case, place in places.items():
        doers[case, "ours"] = ours(place, CASES[case], name)
        doers[case, "plain"] = plain(place)
    link.send("ready")
    for case, whose, numbers in iter(link.recv, None):
        write = doers[case, whose]
        start.wait()
        statements[0] = 0
        cpu, began, each = time.process_time(), time.perf_counter(), []
        for number in numbers:
            before = time.perf_counter()
            write(number)
            each.append(time.perf_counter() - before)
        spent = (began, time.perf_counter(), time.process_time() - cpu, each, statements[0])
        link.send(Spent(*spent))


def count(statements: list[int]) -> None:
    statements[0] += 1


def ours(place: Place, customers: int, name: int) -> Callable[[int], None]:
    ledger = custledger.open_ledger(place.ours, actor="Olga", wait=timedelta(seconds=60))
    ids = [ledger.customers.get(f"C{n}").id for n in range(customers)]
    chance = random.Random(name)

    def write(_number: int) -> None:
        ledger.interactions.record(chance.choice(ids), **FACTS)

    return write


def plain(place: Place) -> Callable[[int], None]:
    engine = engine_of(place.plain)
    inserts = {table.name: insert(table) for table in TABLES.sorted_tables}

    def write(number: int) -> None:
        with engine.begin() as connection:
            for name, row in place.writes[number]:
                connection.execute(inserts[name], row)

    return write


# All of them


@contextmanager
def crew(places: dict[str, Place], processes: int) -> Iterator[Callable[..., list[Spent]]]:
    """Processes that write together; what is given takes (case, whose, first and last number)."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes)
    links, started = [], []
    for name in range(processes):
        link, other = context.Pipe()
        links.append(link)
        started.append(context.Process(target=work, args=(places, name, start, other), daemon=True))
        started[-1].start()
    for link in links:
        link.recv()

    def together(case: str, whose: str, first: int, last: int) -> list[Spent]:
        for name, link in enumerate(links):
            link.send((case, whose, range(first + name, last, processes)))
        return [link.recv() for link in links]

    try:
        yield together
    finally:
        for link in links:
            link.send(None)
        for process in started:
            process.join(30)


def measure(
    places: dict[str, Place], processes: int, writes: int, rounds: int
) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, list[float]]] = {}
    with crew(places, processes) as together:
        for number in range(rounds + 1):
            first = number * processes * writes
            for case in places:
                for whose in ("ours", "plain") if number % 2 else ("plain", "ours"):
                    spent = together(case, whose, first, first + processes * writes)
                    if number:  # the first round warms up
                        note(figures.setdefault(case, {}), whose, spent)
    return {
        case: {name: statistics.median(values) for name, values in found.items()}
        for case, found in figures.items()
    }


def note(found: dict[str, list[float]], whose: str, spent: list[Spent]) -> None:
    each = sorted(second for one in spent for second in one.each)
    wall = max(one.ended for one in spent) - min(one.began for one in spent)
    figures = {
        "a_second": len(each) / wall,
        "client_ms": sum(one.cpu for one in spent) / len(each) * 1e3,
        "median_ms": statistics.median(each) * 1e3,
        "p99_ms": each[len(each) * 99 // 100] * 1e3,
        "statements": sum(one.statements for one in spent) / len(each),
    }
    for name, value in figures.items():
        found.setdefault(f"{whose}_{name}", []).append(value)
    if len(found["ours_a_second"]) == len(found.get("plain_a_second", [])):
        ratio = found["ours_a_second"][-1] / found["plain_a_second"][-1]
        found.setdefault("ratio", []).append(ratio)


@contextmanager
def places_on(
    folder: Path, server: Server | None, processes: int, writes: int, rounds: int
) -> Iterator[dict[str, Place]]:
    """Fresh places for each case."""
    found = {}
    with ExitStack() as stack:
        for case, customers in CASES.items():
            before, added = template(folder, customers, processes * writes * (rounds + 1))
            if server:
                ours_at, plain_at = (stack.enter_context(server.database()) for _ in range(2))
            else:
                ours_at, plain_at = (str(folder / f"{case}{n}.sqlite") for n in range(2))
            with custledger.open_ledger(ours_at, actor="Olga") as ledger:
                settle(ledger, customers)
            prepare_plain(plain_at, before)
            found[case] = Place(ours_at, plain_at, added)
        yield found


def table_of_figures(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = [
        "| database, customers | writes a second | peer's | ratio | goal | p99, ms | peer's "
        "| statements a write | peer's | client's processor time a write, ms | peer's |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for database, cases in figures.items():
        for case, f in cases.items():
            lines.append(
                f"| {database}, {CASES[case]} | {f['ours_a_second']:.0f} "
                f"| {f['plain_a_second']:.0f} | {f['ratio']:.2f} | {GOALS[case]} "
                f"| {f['ours_p99_ms']:.1f} | {f['plain_p99_ms']:.1f} "
                f"| {f['ours_statements']:.1f} | {f['plain_statements']:.1f} "
                f"| {f['ours_client_ms']:.2f} | {f['plain_client_ms']:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--writes", type=int, default=50, help="of each process in a round")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="default: both")
    parser.add_argument("--url", help="a PostgreSQL server whose user may create databases")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    size = (arguments.processes, arguments.writes, arguments.rounds)
    figures = {}
    for database in ("sqlite", "postgresql"):
        if arguments.database in (None, database):
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                server = None
                if database == "postgresql":
                    url = arguments.url and make_url(arguments.url)
                    server = Server(url) if url else stack.enter_context(own_server())
                places = stack.enter_context(places_on(folder, server, *size))
                figures[database] = measure(places, *size)
    print("{} processes, {} writes each, {} rounds\n".format(*size))
    print(table_of_figures(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
