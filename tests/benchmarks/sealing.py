"""Sealing: all customers, one in a hundred, and what sealing by itself costs the single writes.

Every figure is a ratio within this run, custledger beside its peer, the medians of rounds in turn:

- a seal, committed and signed: the hashing alone (SHA-256 over as many leaves and nodes, in
  memory, through hashlib), and a plain scan (the driver reads the same ends of chains with one
  query, and does nothing with them). The first seal holds all customers as moved, and is made once;
- single writes with ``Sealing(entries=1000)``, and without: the median, and the sum, which includes
  the seals.

``python -m tests.benchmarks.sealing --customers 100000 --json out.json``; PostgreSQL is a throwaway
server that flushes each commit, or the one that ``--database`` names.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import tracemalloc
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import custledger
from custledger.edges.keys import KeyFile, generate_key
from custledger.storage.sealing.sealing import make_seal
from tests.benchmarks.main_job import timed
from tests.benchmarks.on_postgres import OURS, durable_database

BATCH = 10_000
SHARE_MOVED = 100
SCAN = """
SELECT i.uuid, e.seq, e.hash FROM custledger_identity i JOIN custledger_entry e
ON e.subject_id = i.id AND e.seq = (SELECT max(l.seq) FROM custledger_entry l
WHERE l.subject_id = i.id) ORDER BY i.id
"""


def hash_alone(count: int) -> None:
    """As many leaves and nodes as a tree of so many chains has, with nothing around them."""
    leaf, node = b"\x00" + bytes(56), b"\x01" + bytes(64)
    for _ in range(count):
        sha256(leaf).digest()
    for _ in range(count - 1):
        sha256(node).digest()


def scan(ledger: custledger.Ledger, schema: str | None) -> None:
    """The ends of all chains, by the driver alone."""
    prefix = f"{schema}." if schema else ""
    query = SCAN.replace("custledger_", f"{prefix}custledger_")
    with ledger.context.read() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(query)
        cursor.fetchall()
        cursor.close()


def bench_seals(
    ledger: custledger.Ledger, key: KeyFile, customers: int, rounds: int, schema: str | None = None
) -> dict[str, float]:
    ids: list[Any] = []
    for start in range(0, customers, BATCH):
        names = range(start, min(customers, start + BATCH))
        ids += ledger.customers.add_many([{"name": f"C{n}"} for n in names])
    first = timed(partial(ledger.trail.seal, key))[0]
    spent: dict[str, list[float]] = {"seal": [], "hash": [], "scan": []}
    for number in range(rounds):
        moved = ids[number::SHARE_MOVED]
        ledger.interactions.record_many({"customer": c, "channel": "phone"} for c in moved)
        spent["seal"].append(timed(partial(ledger.trail.seal, key))[0])
        spent["hash"].append(timed(partial(hash_alone, customers))[0])
        spent["scan"].append(timed(partial(scan, ledger, schema))[0])
    middle = {name: statistics.median(found) for name, found in spent.items()}
    return {
        "first_seal_s": first,
        "first_seal_ratio_to_hashlib": middle["hash"] / first,
        "first_seal_ratio_to_scan": middle["scan"] / first,
        "one_percent_seal_s": middle["seal"],
        "one_percent_seal_ratio_to_hashlib": middle["hash"] / middle["seal"],
        "one_percent_seal_ratio_to_scan": middle["scan"] / middle["seal"],
        "memory_bytes_a_customer": memory(ledger, ids, customers),
    }


def memory(ledger: custledger.Ledger, ids: list[Any], customers: int) -> float:
    """The most that one more seal has in memory at a time, while one customer in 100 moved."""
    moved = ids[::SHARE_MOVED]
    ledger.interactions.record_many({"customer": c, "channel": "phone"} for c in moved)
    context = ledger.context
    with context.write() as journal:
        tracemalloc.start()
        make_seal(journal.connection, context.ledger, context.key, journal.recorded_at)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most / customers


def bench_writes(
    plain: custledger.Ledger, sealing: custledger.Ledger, customers: int, writes: int
) -> dict[str, float]:
    """Two ledgers of as many customers, written to in turn."""
    spent: dict[str, list[float]] = {"plain": [], "sealing": []}
    ledgers = {"plain": plain, "sealing": sealing}
    ids = {
        name: ledger.customers.add_many([{"name": f"C{n}"} for n in range(customers)])
        for name, ledger in ledgers.items()
    }
    for number in range(writes):
        for name, ledger in ledgers.items():
            who = ids[name][number % customers]
            work = partial(ledger.interactions.record, who, channel="phone", summary="x")
            spent[name].append(timed(work)[0])
    seals = len(sealing.trail.seals())
    return {
        "write_ms": statistics.median(spent["sealing"]) * 1e3,
        "write_ratio_median": statistics.median(spent["plain"])
        / statistics.median(spent["sealing"]),
        "write_ratio_with_seals": sum(spent["plain"]) / sum(spent["sealing"]),
        "seals_in_between": float(seals),
    }


def run(where: tuple[Any, Any, Any], key: KeyFile, options: Any) -> dict[str, float]:
    big, plain, sealed = where
    terms = custledger.Sealing(key, every=timedelta(days=1), entries=1000)
    opened = partial(custledger.open_ledger, actor="Olga")
    with opened(big[0], schema=big[1]) as ledger:
        figures = bench_seals(ledger, key, options.customers, options.rounds, big[1])
    with (
        opened(plain[0], schema=plain[1]) as first,
        opened(sealed[0], schema=sealed[1], sealing=terms) as second,
    ):
        return figures | bench_writes(first, second, options.writing_customers, options.writes)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=3_000)
    parser.add_argument("--writing-customers", type=int, default=1_000)
    parser.add_argument("--database", help="URL of a PostgreSQL database; default: a new server")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_key(folder / "bench.key", "bench.example")
        key = KeyFile(folder / "bench.key")
        if options.only != "postgresql":
            files = [(folder / f"{part}.sqlite", None) for part in ("big", "plain", "sealed")]
            figures |= run((files[0], files[1], files[2]), key, options)
        if options.only != "sqlite":
            with durable_database(options.database) as url:
                schemas = [(url, schema) for schema in (OURS, f"{OURS}_plain", f"{OURS}_sealed")]
                found = run((schemas[0], schemas[1], schemas[2]), key, options)
                figures |= {f"postgres_{name}": value for name, value in found.items()}
    print(f"{options.customers:,} customers\n\n| figure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name.replace('_', ' ')} | {value:.3g} |")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
