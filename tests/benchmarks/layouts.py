"""Measure table layouts for the evidence trail against one plain table, on SQLite.

    python tests/benchmarks/layouts.py --rows 1000000 --customers 50000 --json out.json

Every layout stores the same simulated interactions, with the same query indexes, on disk (WAL,
synchronous FULL, foreign keys on). `raw` is the peer: one table and no trail. Measured are the
import (batches of 20,000 rows a transaction), one durable write, the verification of the whole
trail (header hashes, links, commitments, copies), the score of all customers, and bytes a row.

The layouts take turns, batch by batch and round by round, so that a noisy machine disturbs all of
them alike. Ratios are peer / layout: 1.0 is as good as the peer, 0.5 takes twice as much of it.
Figures "cpu" come from the processor time of this process, the others from the wall clock.
"""

import argparse
import gc
import hashlib
import hmac
import json
import math
import os
import random
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from json.encoder import encode_basestring as quote
from operator import itemgetter
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

Row = tuple[Any, ...]
BATCH, DAY, START = 20_000, 86_400_000_000, 1_500_000_000_000_000
LEDGER = str(uuid.UUID(int=random.Random(1).getrandbits(128)))
ACTORS = [str(uuid.UUID(int=random.Random(n).getrandbits(128))) for n in range(40)]

# --- the bytes that are hashed --------------------------------------------------------------

BODY = [
    "known_at", "channel", "direction", "purpose", "conduct", "fault", "handling_seconds", "staff",
    "rate_minor", "rate_currency", "summary", "customer_words", "case_ref", "source", "external_id",
]  # fmt: skip
WIDE = ["customer", "occurred_at", "occurred_day", "known_day", *BODY]
NARROW = [
    name
    for name in WIDE
    if name not in ("occurred_at", "rate_currency", "summary", "customer_words", "case_ref")
]
BODY_NARROW = itemgetter(*NARROW[3:])
parse = json.JSONDecoder().raw_decode


def body_bytes(
    known: int, channel: int, direction: int, purpose: int, conduct: int, fault: int,
    seconds: int, staff: int, rate: int, currency: str, summary: str, words: str | None,
    case: str | None, source: int, external: str,
) -> bytes:  # fmt: skip
    """Return `{"case_ref":"C-1","channel":1,...,"summary":"..."}`; absent fields are left out."""
    case_ref = "" if case is None else f'"case_ref":{quote(case)},'
    customer_words = "" if words is None else f'"customer_words":{quote(words)},'
    return (
        f'{{{case_ref}"channel":{channel},"conduct":{conduct},{customer_words}'
        f'"direction":{direction},"external_id":{quote(external)},"fault":{fault},'
        f'"handling_seconds":{seconds},"known_at":{known},"purpose":{purpose},'
        f'"rate_currency":{quote(currency)},"rate_minor":{rate},"source":{source},'
        f'"staff":{staff},"summary":{quote(summary)}}}'
    ).encode()


def list_bytes(*values: Any) -> bytes:
    """Return `[1500000000000000,1,...,"EUR","summary",null,"C-1"]`, the copied fields first."""
    currency, summary, words, case = values[9:13]
    return (
        f"{list_start(*values[:9], *values[13:])},{quote(currency)},{quote(summary)},"
        f"{'null' if words is None else quote(words)},{'null' if case is None else quote(case)}]"
    ).encode()


def list_start(
    known: int, channel: int, direction: int, purpose: int, conduct: int, fault: int,
    seconds: int, staff: int, rate: int, source: int, external: str,
) -> str:  # fmt: skip
    return (
        f"[{known},{channel},{direction},{purpose},{conduct},{fault},{seconds},{staff},{rate},"
        f"{source},{quote(external)}"
    )


def same_object(body: bytes, narrow: list[Any]) -> bool:
    """Whether the copies equal the fields of a body that is a JSON object."""
    said: Row = BODY_NARROW(parse(body.decode())[0])
    return said == tuple(narrow[3:])


def same_list(body: bytes, narrow: list[Any]) -> bool:
    """The same for a list: what is copied comes first, so nothing needs to be parsed."""
    return body.startswith(list_start(*narrow[3:]).encode() + b",")


def header_bytes(
    actor: str, commit: bytes, occurred: int, prev: bytes, recorded: int, seq: int, subject: str
) -> bytes:
    """Return `{"actor":"...","commit":{"shared":"..."},"kind":"interaction",...,"v":1}`."""
    return (
        f'{{"actor":"{actor}","commit":{{"shared":"{commit.hex()}"}},"kind":"interaction",'
        f'"ledger":"{LEDGER}","occurred_at":{occurred},"prev":"{prev.hex()}",'
        f'"recorded_at":{recorded},"seq":{seq},"subject":"{subject}","v":1}}'
    ).encode()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def genesis(subject: str) -> bytes:
    start = f'{{"customer":"{subject}","ledger":"{LEDGER}","v":1}}'
    return hashlib.sha256(start.encode()).digest()


def check_templates(rows: list[Row]) -> None:
    """The byte templates must give what `json.dumps` gives."""
    for row in rows:
        fields = dict(zip(BODY, row[4:], strict=True))
        assert body_bytes(*row[4:]) == canonical({k: v for k, v in fields.items() if v is not None})
    head = header_bytes(ACTORS[1], b"\1" * 32, START, b"\2" * 32, START + 1, 7, ACTORS[2])
    assert canonical(json.loads(head)) == head


# --- simulated interactions -----------------------------------------------------------------


def customer_uuids(count: int) -> list[str]:
    draw = random.Random(2)
    return [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(count)]


def simulate(first: int, count: int, customers: int) -> list[Row]:
    """Rows `first` and following, in time order across customers, some customers more often."""
    draw = random.Random(first)
    words = ["order", "late", '"refund"', "asked", "Größe", "again", "call", "shouted", "parcel"]
    text = " ".join(draw.choices(words, k=4000))
    rows: list[Row] = []
    for number in range(first, first + count):
        when = START + number * 90_000_000 + draw.randrange(60_000_000)
        known = when + draw.choice((0, 0, 0, 3_600_000_000, DAY))
        a, b = draw.randrange(15_000), draw.randrange(15_000)
        rows.append(
            (
                1 + int(customers * draw.random() ** 1.5), when, when // DAY, known // DAY, known,
                a % 5, a % 2, b % 9, b % 7, a % 3, 30 + a % 1800, a % 40, 3000 + b % 2500, "EUR",
                text[a : a + 80 + b % 40], text[b : b + 60 + a % 40] if a & 1 else None,
                f"C-{number // 3}" if b & 1 else None, a % 3, f"T{number:09d}",
            )
        )  # fmt: skip
    return rows


# --- the layouts ----------------------------------------------------------------------------

Linked = tuple[int, int, int, bytes, bytes, bytes, bytes, Row]
"""id, seq, recorded_at, salt, body, header, hash, row"""


@dataclass
class Layout:
    name: str
    tables: str
    writes: list[tuple[str, Callable[[Linked], Row]]]
    select: str = ""
    check: "Callable[[Iterator[Row], list[str]], tuple[int, int]] | None" = None
    head: str = ""
    guarded: dict[str, str] = field(default_factory=dict)
    """Table: the condition that finds the row which an INSERT OR REPLACE would replace."""
    body: Callable[..., bytes] = body_bytes


INTS = [*WIDE[:4], *BODY[:9], "source"]
TYPES = dict.fromkeys(INTS, "INTEGER NOT NULL") | dict.fromkeys(
    ("customer_words", "case_ref"), "TEXT"
)


def columns(names: list[str]) -> str:
    return ", ".join(f"{n} {TYPES.get(n, 'TEXT NOT NULL')}" for n in names)


def record_table(names: list[str], extra: str = "", entry: str = "") -> str:
    return f"""
    CREATE TABLE record (id INTEGER PRIMARY KEY {entry}, {extra} {columns(names)},
        UNIQUE (source, external_id), FOREIGN KEY (customer) REFERENCES customer (id));
    CREATE INDEX record_score ON record (customer, occurred_day, known_day, handling_seconds,
        rate_minor, conduct, fault, purpose);"""


def insert(table: str, count: int) -> str:
    return f"INSERT INTO {table} VALUES ({','.join('?' * count)})"


def head_query(table: str, subject: str) -> str:
    return f"""SELECT c.id, c.uuid, e.seq, e.hash FROM json_each(?) j JOIN customer c
        ON c.id = j.value LEFT JOIN {table} e ON e.{subject} = c.id AND e.seq =
        (SELECT max(seq) FROM {table} WHERE {subject} = c.id)"""


PARENT = "REFERENCES entry (id)"
SUBJECT = "subject INTEGER NOT NULL REFERENCES customer (id), seq INTEGER NOT NULL"
CHAIN = """kind INTEGER NOT NULL, recorded_at INTEGER NOT NULL, occurred_at INTEGER, actor INTEGER
    NOT NULL, supersedes INTEGER, batch INTEGER"""
HASH = "hash BLOB NOT NULL"
PAYLOAD = "CREATE TABLE payload (entry_id INTEGER NOT NULL {}, part INTEGER NOT NULL, salt BLOB \
    NOT NULL, body BLOB NOT NULL, PRIMARY KEY (entry_id, part)) WITHOUT ROWID;"
ENTRY_GUARD = {"entry": "subject = NEW.subject AND seq = NEW.seq OR id = NEW.id"}
PAYLOAD_GUARD = {"payload": "entry_id = NEW.entry_id AND part = NEW.part"}
WRITE_PAYLOAD = (insert("payload", 4), lambda e: (e[0], 0, e[3], e[4]))
WRITE_NARROW = (
    insert("record", 1 + len(NARROW)),
    lambda e: (e[0], e[7][0], *e[7][2:13], e[7][17], e[7][18]),
)
READ_CHAIN = "e.subject, e.seq, e.recorded_at, e.occurred_at, e.actor, e.hash"
READ_NARROW = ", ".join(f"r.{n}" for n in NARROW)
READ_WIDE = ", ".join(f"r.{n}" for n in WIDE)


def chain_row(e: Linked) -> Row:
    return (e[0], e[7][0], e[1], 1, e[2], e[7][1], e[7][11], None, None)


def check_stored(rows: Iterator[Row], uuids: list[str]) -> tuple[int, int]:
    faults = size = 0
    heads: dict[int, tuple[int, bytes]] = {}
    for subject, seq, header, digest, salt, body, *wide in rows:
        last, prev = heads.get(subject) or (0, genesis(uuids[subject - 1]))
        said = json.loads(header)
        commit = hmac.digest(salt, body, "sha256")
        expected = header_bytes(
            said["actor"], commit, wide[1], prev, said["recorded_at"], last + 1, uuids[subject - 1]
        )
        faults += not (
            header == expected
            and hashlib.sha256(b"\0" + header).digest() == digest
            and body_bytes(*wide[4:]) == body
            and (seq, subject, *days(wide[1], wide[4])) == (last + 1, wide[0], *wide[2:4])
        )
        heads[subject] = seq, digest
        size += len(header) + len(body)
    return faults, size


def check_split(
    rows: Iterator[Row], uuids: list[str], same: Callable[[bytes, list[Any]], bool] = same_object
) -> tuple[int, int]:
    faults = size = 0
    heads: dict[int, tuple[int, bytes]] = {}
    for subject, seq, recorded, occurred, actor, digest, salt, body, *narrow in rows:
        name = uuids[subject - 1]
        last, prev = heads.get(subject) or (0, genesis(name))
        commit = hmac.digest(salt, body, "sha256")
        header = header_bytes(ACTORS[actor], commit, occurred, prev, recorded, seq, name)
        faults += not (
            hashlib.sha256(b"\0" + header).digest() == digest
            and same(body, narrow)
            and seq == last + 1
            and subject == narrow[0]
            and occurred // DAY == narrow[1]
            and narrow[3] // DAY == narrow[2]
        )
        heads[subject] = seq, digest
        size += len(header) + len(body)
    return faults, size


def check_columns(rows: Iterator[Row], uuids: list[str]) -> tuple[int, int]:
    faults = size = 0
    heads: dict[int, tuple[int, bytes]] = {}
    for seq, recorded, actor, digest, salt, subject, occurred, day, known_day, *wide in rows:
        last, prev = heads.get(subject) or (0, genesis(uuids[subject - 1]))
        body = body_bytes(*wide)
        commit = hmac.digest(salt, body, "sha256")
        header = header_bytes(
            ACTORS[actor], commit, occurred, prev, recorded, seq, uuids[subject - 1]
        )
        faults += not (
            seq == last + 1
            and hashlib.sha256(b"\0" + header).digest() == digest
            and days(occurred, wide[0]) == (day, known_day)
        )
        heads[subject] = seq, digest
        size += len(header) + len(body)
    return faults, size


def days(occurred: int, known: int) -> tuple[int, int]:
    return occurred // DAY, known // DAY


def layouts() -> list[Layout]:
    wide = insert("record", 1 + len(WIDE))
    joins = "CROSS JOIN payload p ON p.entry_id = e.id AND p.part = 0 CROSS JOIN record r"
    split = f"SELECT {READ_CHAIN}, p.salt, p.body, {READ_NARROW} FROM entry e {joins} ON"
    inline = f"SELECT {READ_CHAIN}, e.salt, e.body, {READ_NARROW} FROM entry e CROSS JOIN record r"
    head = head_query("entry", "subject")
    rowid = f"CREATE TABLE entry (id INTEGER PRIMARY KEY, {SUBJECT}, {CHAIN},"
    key = f"CREATE TABLE entry (id INTEGER NOT NULL, {SUBJECT}, {CHAIN},"
    unique, clustered = "UNIQUE (subject, seq));", "PRIMARY KEY (subject, seq)) WITHOUT ROWID;"
    content = "salt BLOB, body BLOB,"
    entry = (insert("entry", 10), lambda e: (*chain_row(e), e[6]))
    write_split = [entry, WRITE_PAYLOAD, WRITE_NARROW]
    entry = (insert("entry", 12), lambda e: (*chain_row(e), e[3], e[4], e[6]))
    write_inline = [entry, WRITE_NARROW]
    both = ENTRY_GUARD | PAYLOAD_GUARD
    found = [
        Layout("raw", record_table(WIDE), []),
        Layout(
            "A stored",
            f"CREATE TABLE entry (id INTEGER PRIMARY KEY, {SUBJECT}, header BLOB NOT NULL, {HASH},"
            + unique + PAYLOAD.format(PARENT) + record_table(WIDE, entry=PARENT),
            [
                (insert("entry", 5), lambda e: (e[0], e[7][0], e[1], e[5], e[6])), WRITE_PAYLOAD,
                (wide, lambda e: (e[0], *e[7])),
            ],
            f"SELECT e.subject, e.seq, e.header, e.hash, p.salt, p.body, {READ_WIDE} FROM entry e"
            f" {joins} ON r.id = e.id WHERE e.id <= ? ORDER BY e.id",
            check_stored, head, both,
        ),
        Layout(
            "B split",
            f"{rowid} {HASH}, {unique}" + PAYLOAD.format(PARENT) + record_table(NARROW, "", PARENT),
            write_split, f"{split} r.id = e.id WHERE e.id <= ? ORDER BY e.id",
            check_split, head, both,
        ),
        Layout(
            "B2 split, clustered",
            f"{key} {HASH}, {clustered}" + PAYLOAD.format("") + record_table(NARROW),
            write_split, f"{split} r.id = e.id WHERE e.id <= ? ORDER BY e.subject, e.seq",
            check_split, head, {"entry": "subject = NEW.subject AND seq = NEW.seq"} | PAYLOAD_GUARD,
        ),
        Layout(
            "C inline",
            f"{rowid} {content} {HASH}, {unique}" + record_table(NARROW, "", PARENT),
            write_inline, f"{inline} ON r.id = e.id WHERE e.id <= ? ORDER BY e.id",
            check_split, head, ENTRY_GUARD,
        ),
        Layout(
            "D columns",
            record_table(
                WIDE,
                "seq INTEGER NOT NULL, kind INTEGER NOT NULL, recorded_at INTEGER NOT NULL, actor"
                f" INTEGER NOT NULL, supersedes INTEGER, batch INTEGER, salt BLOB, {HASH},",
            ) + "CREATE UNIQUE INDEX record_chain ON record (customer, seq);",
            [
                (
                    insert("record", 9 + len(WIDE)),
                    lambda e: (e[0], e[1], 1, e[2], e[7][11], None, None, e[3], e[6], *e[7]),
                )
            ],
            f"SELECT r.seq, r.recorded_at, r.actor, r.hash, r.salt, {READ_WIDE} FROM record r"
            " WHERE r.id <= ? ORDER BY r.id",
            check_columns, head_query("record", "customer"),
            {"record": "customer = NEW.customer AND seq = NEW.seq OR id = NEW.id"},
        ),
    ]  # fmt: skip
    check = partial(check_split, same=same_list)
    return [
        *found,
        replace(found[2], name="B3 split, list body", check=check, body=list_bytes),
        replace(found[4], name="C3 inline, list body", check=check, body=list_bytes),
    ]


# --- the work that is measured --------------------------------------------------------------


def guards(layout: Layout) -> str:
    """Refuse UPDATE, DELETE and the silent replacement of a row by INSERT OR REPLACE."""
    return "".join(
        f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}"
        + (f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})" if verb == "INSERT" else "")
        + " BEGIN SELECT raise(ABORT, 'append only'); END;"
        for table, same in layout.guarded.items()
        for verb in ("INSERT", "UPDATE", "DELETE")
    )


def create(path: Path, layout: Layout, uuids: list[str], guarded: bool) -> sqlite3.Connection:
    ledger = sqlite3.connect(path, isolation_level=None)
    ledger.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL);" + layout.tables
    )
    ledger.execute("BEGIN")
    ledger.executemany("INSERT INTO customer VALUES (?, ?)", enumerate(uuids, 1))
    ledger.execute("COMMIT")
    ledger.executescript(guards(layout) if guarded else "")
    ledger.create_function("power", 2, math.pow, deterministic=True)
    return ledger


def store(ledger: sqlite3.Connection, layout: Layout, rows: list[Row], now: int) -> None:
    """Write the rows, with their trail unless the layout is the peer, in one transaction."""
    ledger.execute("BEGIN IMMEDIATE")
    if layout.writes:
        linked = link(ledger, layout, rows, now)
        for statement, pick in layout.writes:
            ledger.executemany(statement, map(pick, linked))
    else:
        ledger.executemany(insert("record", 1 + len(WIDE)).replace("?", "NULL", 1), rows)
    ledger.execute("COMMIT")


def link(ledger: sqlite3.Connection, layout: Layout, rows: list[Row], now: int) -> list[Linked]:
    wanted = json.dumps(sorted({row[0] for row in rows}))
    heads = {
        customer: (name, seq or 0, digest or genesis(name))
        for customer, name, seq, digest in ledger.execute(layout.head, (wanted,))
    }
    number = ledger.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0]
    salts = os.urandom(32 * len(rows))
    linked = []
    for index, row in enumerate(rows):
        subject, seq, prev = heads[row[0]]
        salt, body = salts[32 * index : 32 * index + 32], layout.body(*row[4:])
        commit = hmac.digest(salt, body, "sha256")
        header = header_bytes(ACTORS[row[11]], commit, row[1], prev, now, seq + 1, subject)
        digest = hashlib.sha256(b"\0" + header).digest()
        heads[row[0]] = subject, seq + 1, digest
        linked.append((number + index + 1, seq + 1, now, salt, body, header, digest, row))
    return linked


def verify(
    ledger: sqlite3.Connection, layout: Layout, uuids: list[str], last: int
) -> tuple[int, int]:
    """Return the number of faulty entries among the first `last`, and the bytes hashed."""
    assert layout.check
    return layout.check(ledger.execute(layout.select, (last,)), uuids)


def hash_in_memory(rows: int, size: int, whole: bool) -> None:
    """SHA-256 over as many bytes, in one piece or as a header and a body a row."""
    piece = b"x" * (1 << 20 if whole else size // (2 * rows))
    total = hashlib.sha256()
    for _ in range(size // len(piece)):
        total.update(piece) if whole else hashlib.sha256(piece).digest()


SCORE = """
WITH daily AS (
    SELECT customer, occurred_day AS day, sum(handling_seconds * rate_minor *
        (1.0 + 0.5 * (conduct > 4) + 0.25 * (fault = 1) - 0.5 * (purpose = 3))) AS cost
    FROM record WHERE occurred_day <= :day AND known_day <= :day GROUP BY customer, occurred_day)
SELECT count(*), sum(cost) FROM (SELECT customer, sum(cost * power(2, -(:day - day) / 180.0))
    AS cost FROM daily GROUP BY customer)"""


def score_all(ledger: sqlite3.Connection, day: int) -> list[Row]:
    return ledger.execute(SCORE, {"day": day}).fetchall()


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, float, Any]:
    """Return the wall seconds and the processor seconds of one call, and what it returned."""
    wall, cpu = perf_counter(), process_time()
    result = work(*arguments)
    return perf_counter() - wall, process_time() - cpu, result


def measure(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    uuids, tables = customer_uuids(options.customers), layouts()
    check_templates(simulate(0, 500, options.customers))
    paths = [folder / f"{n}.db" for n in range(len(tables))]
    ledgers = [create(p, t, uuids, options.guards) for p, t in zip(paths, tables, strict=True)]
    turns = list(zip(tables, ledgers, strict=True))
    results: dict[str, dict[str, Any]] = {t.name: {"import": (0.0, 0.0)} for t in tables}

    for first in range(0, options.rows, BATCH):
        rows = simulate(first, min(BATCH, options.rows - first), options.customers)
        for shift in range(len(turns)):
            table, ledger = turns[(shift + first // BATCH) % len(turns)]
            gc.collect()
            wall, cpu, _ = timed(store, ledger, table, rows, START + first)
            before = results[table.name]["import"]
            results[table.name]["import"] = before[0] + wall, before[1] + cpu

    for table, ledger in turns:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        results[table.name]["bytes"] = paths[tables.index(table)].stat().st_size / options.rows
        results[table.name] |= {"verify": [], "whole": [], "pieces": [], "score": [], "write": []}

    day = (START + options.rows * 90_000_000) // DAY
    for _ in range(options.rounds):
        for table, ledger in turns:
            result = results[table.name]
            result["score"].append(timed(score_all, ledger, day)[0])
            if table.check:
                wall, cpu, (faults, size) = timed(verify, ledger, table, uuids, options.rows)
                assert faults == 0, (table.name, faults)
                result["verify"].append((wall, cpu))
                result["size"] = size
                result["whole"].append(timed(hash_in_memory, options.rows, size, True)[1])
                result["pieces"].append(timed(hash_in_memory, options.rows, size, False)[1])

    for row in simulate(options.rows, options.writes, options.customers):
        for table, ledger in turns:
            results[table.name]["write"].append(timed(store, ledger, table, [row], START)[0])

    for table, ledger in turns:
        ledger.executescript("" if not options.guards else "".join(drop_guards(table)))
        ledger.execute("UPDATE record SET handling_seconds = handling_seconds + 1 WHERE id = 7")
        assert not table.check or verify(ledger, table, uuids, 1000)[0] == 1, table.name
        ledger.close()
    return [{"layout": table.name, **results[table.name]} for table in tables]


def drop_guards(layout: Layout) -> list[str]:
    return [f"DROP TRIGGER {t}_{v};" for t in layout.guarded for v in ("INSERT", "UPDATE")]


def figures(result: dict[str, Any], raw: dict[str, Any], rows: int) -> dict[str, str]:
    shown = {
        "layout": result["layout"],
        "import s": f"{result['import'][0]:.1f}",
        "ratio": f"{raw['import'][0] / result['import'][0]:.2f}",
        "ratio cpu": f"{raw['import'][1] / result['import'][1]:.2f}",
        "durable write ms": f"{1000 * median(result['write']):.2f}",
        "write ratio": f"{median(raw['write']) / median(result['write']):.2f}",
    }
    verified = "verify s|us a row cpu|MB/s|vs sha256 stream cpu|vs sha256 a message cpu"
    if result["verify"]:
        wall, cpu = (median(t[n] for t in result["verify"]) for n in (0, 1))
        values = (
            f"{wall:.1f}",
            f"{1e6 * cpu / rows:.1f}",
            f"{result['size'] / wall / 1e6:.0f}",
            f"{median(result['whole']) / cpu:.3f}",
            f"{median(result['pieces']) / cpu:.3f}",
        )
    else:
        values = ("-",) * 5
    shown |= dict(zip(verified.split("|"), values, strict=True))
    return shown | {
        "score s": f"{median(result['score']):.2f}",
        "score ratio": f"{median(raw['score']) / median(result['score']):.2f}",
        "bytes a row": f"{result['bytes']:.0f}",
        "bytes / raw": f"{result['bytes'] / raw['bytes']:.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--customers", type=int, default=2_500)
    parser.add_argument("--rounds", type=int, default=3, help="repeats of verify and score")
    parser.add_argument("--writes", type=int, default=300, help="single durable writes")
    parser.add_argument("--guards", action="store_true", help="with append-only triggers")
    parser.add_argument("--folder", help="where the databases are made, and removed again")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        results = measure(options, Path(folder))
    shown = [figures(result, results[0], options.rows) for result in results]
    print("| " + " | ".join(shown[0]) + " |\n|" + "---|" * len(shown[0]))
    for line in shown:
        print("| " + " | ".join(line.values()) + " |")
    if options.json:
        options.json.write_text(
            json.dumps({"options": vars(options), "results": results}, default=str)
        )


if __name__ == "__main__":
    main()
