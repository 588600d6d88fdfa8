"""Verification against SHA-256 over the same bytes in memory, and the incremental one against it.

Every figure is a ratio within this run, medians of interleaved repeats. The same bytes are those of
all headers and payloads. ``python -m tests.benchmarks.verifying --rows 200000 --json out.json``;
``--database`` names an empty PostgreSQL database instead of a SQLite file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import custledger
from custledger.edges.keys import KeyFile, generate_key
from custledger.storage.chains import pages, ranges
from tests.benchmarks.main_job import BATCH, facts_of, people, rows_of

NEW_SHARE = 0.01


def timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def fill(ledger: custledger.Ledger, rows: list[dict[str, Any]], ids: list[Any]) -> None:
    for start in range(0, len(rows), BATCH):
        ledger.interactions.record_many([facts_of(r, ids) for r in rows[start : start + BATCH]])


def bytes_of(ledger: custledger.Ledger) -> bytes:
    """What a verification hashes, in one piece: payloads, and some 400 bytes of each header."""
    parts: list[bytes] = []
    with ledger.context.read() as connection:
        for span in ranges(connection):
            for page in pages(connection, span):
                for link in page:
                    parts += [part.body or b"" for part in link.parts]
                    parts.append(bytes(400))
    return b"".join(parts)


def bench(location: str, folder: Path, rows: int, customers: int, repeats: int) -> dict[str, Any]:
    generate_key(folder / "signer.key", "benchmark.example")
    signer = KeyFile(folder / "signer.key")
    data = list(rows_of(round(rows * (1 + NEW_SHARE)), customers))
    with custledger.open_ledger(location, actor="Olga") as ledger:
        ids = people(ledger, customers)
        fill(ledger, data[:rows], ids)
        sealing = timed(lambda: ledger.trail.seal(signer))
        since = ledger.trail.checkpoint()
        fill(ledger, data[rows:], ids)
        ledger.trail.seal(signer)
        keys = [signer.key]
        whole: list[float] = []
        cores: list[float] = []
        newer: list[float] = []
        digest: list[float] = []
        payload = bytes_of(ledger)
        for _ in range(repeats):
            digest.append(timed(lambda: hashlib.sha256(payload).digest()))
            whole.append(timed(lambda: ok(ledger.verify(keys=keys, processes=1))))
            cores.append(timed(lambda: ok(ledger.verify(keys=keys, processes=os.cpu_count()))))
            newer.append(timed(lambda: ok(ledger.verify(keys=keys, since=since))))
    entries = rows + round(rows * NEW_SHARE) + customers
    middle = statistics.median
    return {
        "entries": entries,
        "seal_seconds": sealing,
        "sha256_us_an_entry": middle(digest) / entries * 1e6,
        "verify_us_an_entry": middle(whole) / entries * 1e6,
        "verify_ratio_to_sha256": middle(digest) / middle(whole),
        "cores": os.cpu_count(),
        "verify_on_all_cores_ratio_to_one": middle(whole) / middle(cores),
        "verify_on_all_cores_ratio_to_sha256": middle(digest) / middle(cores),
        "incremental_seconds": middle(newer),
        "incremental_share_of_whole": middle(newer) / middle(whole),
    }


def ok(report: Any) -> None:
    if not report.ok:
        raise SystemExit(f"findings: {report.findings[:3]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=0, help="default: one for 20 rows")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    customers = arguments.customers or max(1, arguments.rows // 20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        location = arguments.database or str(folder / "ledger.sqlite")
        figures = bench(location, folder, arguments.rows, customers, arguments.repeats)
    for key, value in figures.items():
        print(f"{key:<40} {value:>14,.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
