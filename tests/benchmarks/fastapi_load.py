"""The FastAPI example under load, beside the same endpoint with a plain insert.

The help desk of docs/examples, served by uvicorn in a process of its own on loopback; clients keep
their connections and post tickets as fast as they are answered. Two endpoints take turns:

- ``/tickets``: the example's own, which records the contact in the ledger;
- ``/plain``: the same session, the same ticket, the same count of open tickets, and a plain ORM
  insert of the contact into one table with the ledger's query index, without a trail.

At the end every acknowledged ticket must have exactly one entry, and the ledger must verify. Then
the steps of one request are timed in this process, without HTTP, to say where the time goes.
PostgreSQL runs with fsync, SQLite with synchronous = FULL.

``python tests/benchmarks/fastapi_load.py --seconds 5 --json out.json``
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends
from sqlalchemy import Index, UniqueConstraint, create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "examples"))

import custledger
from custledger.edges.hosting import customer_reference
from fastapi_desk import app as sync_desk
from fastapi_desk import app_async as async_desk
from fastapi_desk.prepare import OWNER, prepare
from fastapi_desk.staff import StaffName
from fastapi_desk.tickets import (
    Base,
    NewTicket,
    Opened,
    Ticket,
    open_ticket,
    open_tickets,
    set_up_sqlite,
)
from tests.postgres import own_server

PASSWORD = "benchmark"
VARIANTS = {"sync": sync_desk, "async": async_desk}
PATHS = {"plain": "/plain", "ledger": "/tickets"}


class PlainContact(Base):
    """What the ledger's copy of an interaction holds, in a table of the desk's own."""

    __tablename__ = "plain_contact"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_plain_score", "customer", "occurred_at", "channel", "minutes", "rate_minor"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[UUID] = mapped_column(customer_reference())
    occurred_at: Mapped[datetime]
    known_at: Mapped[datetime]
    channel: Mapped[str]
    minutes: Mapped[int]
    rate_minor: Mapped[int]
    staff: Mapped[str]
    summary: Mapped[str]
    customer_words: Mapped[str]
    source: Mapped[str]
    external_id: Mapped[str]


def open_plainly(session: Session, new: NewTicket, staff: str) -> Opened:
    """``open_ticket`` with a plain insert instead of the ledger."""
    ticket = Ticket(id=uuid4(), customer=new.customer, subject=new.subject, mail_id=new.mail_id)
    now = datetime.now(UTC).replace(tzinfo=None)
    contact = PlainContact(
        customer=new.customer,
        occurred_at=now,
        known_at=now,
        channel=new.channel,
        minutes=new.minutes,
        rate_minor=3000,
        staff=staff,
        summary=new.subject,
        customer_words=new.words,
        source="help desk",
        external_id=str(ticket.id),
    )
    session.add_all([contact, ticket])
    session.flush()
    return Opened(ticket=ticket.id, open_tickets=open_tickets(session, new.customer))


def post_plain(
    new: NewTicket,
    session: Annotated[Session, Depends(sync_desk.session_of_request, scope="function")],
    staff: StaffName,
) -> Opened:
    """The peer of ``fastapi_desk.app``'s endpoint."""
    return open_plainly(session, new, staff)


async def post_plain_async(
    new: NewTicket,
    session: Annotated[AsyncSession, Depends(async_desk.session_of_request, scope="function")],
    staff: StaffName,
) -> Opened:
    """The peer of ``fastapi_desk.app_async``'s endpoint."""
    return await session.run_sync(open_plainly, new, staff)


def serve(variant: str, descriptor: int) -> None:
    """What the server's process does."""
    import uvicorn

    app = VARIANTS[variant].app
    app.post("/plain", status_code=201)(post_plain if variant == "sync" else post_plain_async)
    config = uvicorn.Config(app, access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


@contextmanager
def server(url: str, variant: str) -> Iterator[tuple[str, int]]:
    """uvicorn in a process of its own; yields its address, at which it is listening already."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", variant, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env=os.environ | {"DESK_DATABASE": url, "DESK_PASSWORD": PASSWORD},
        )
        try:
            yield listening.getsockname()
        finally:
            process.terminate()
            process.wait(30)


class Client:
    """One connection that is kept, one request at a time."""

    def __init__(self, address: tuple[str, int], customers: list[UUID], seed: int) -> None:
        self.connection = http.client.HTTPConnection(*address, timeout=60)
        self.customers, self.chance = customers, random.Random(seed)
        word = base64.b64encode(f"Sam:{PASSWORD}".encode()).decode()
        self.headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
        self.tickets: list[str] = []
        self.seconds: list[float] = []

    def post(self, path: str) -> None:
        """One ticket, which is acknowledged or an error here."""
        new = {
            "customer": str(self.chance.choice(self.customers)),
            "subject": "asked about the order " * 4,
            "words": "where is my parcel, please " * 3,
            "minutes": self.chance.randrange(1, 30),
        }
        begun = time.perf_counter()
        self.connection.request("POST", path, json.dumps(new), self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        self.seconds.append(time.perf_counter() - begun)
        if answer.status != 201:
            raise AssertionError(f"{answer.status}: {body.decode()}")
        self.tickets.append(json.loads(body)["ticket"])

    def post_until(self, path: str, end: float) -> None:
        """Tickets until a moment of the monotonic clock."""
        while time.monotonic() < end:
            self.post(path)


def load(
    address: tuple[str, int], path: str, customers: list[UUID], clients: int, seconds: float
) -> tuple[list[str], list[float], float]:
    """(Acknowledged tickets, seconds of each request, requests a second) of one round."""
    crowd = [Client(address, customers, seed) for seed in range(clients)]
    errors: list[BaseException] = []
    begun = time.monotonic()

    def work(client: Client) -> None:
        try:
            client.post_until(path, begun + seconds)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(client,)) for client in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - begun
    for client in crowd:
        client.connection.close()
    if errors:
        raise errors[0]
    tickets = [ticket for client in crowd for ticket in client.tickets]
    return tickets, [s for client in crowd for s in client.seconds], len(tickets) / elapsed


def people(url: str, count: int) -> list[UUID]:
    """The desk's database made, with so many customers."""
    with redirect_stdout(StringIO()):
        prepare(url)
    with custledger.open_ledger(url, actor=OWNER) as ledger:
        return ledger.customers.add_many([{"name": f"customer {n}"} for n in range(count)])


def lost(url: str, acknowledged: dict[str, list[str]]) -> int:
    """How many acknowledged tickets lack their one entry, their one contact, or themselves."""
    with custledger.open_ledger(url, actor=OWNER) as ledger:
        if not ledger.verify().ok:
            raise AssertionError("the ledger does not verify")
        found = {
            "ledger": Counter(
                contact.external_id
                for customer in ledger.customers.all()
                for contact in ledger.interactions.of(customer)
            )
        }
    engine = create_engine(url)
    with Session(engine) as session:
        found["plain"] = Counter(session.scalars(select(PlainContact.external_id)))
        tickets = {str(number) for number in session.scalars(select(Ticket.id))}
    engine.dispose()
    missing = sum(
        found[name][ticket] != 1 or ticket not in tickets
        for name, numbers in acknowledged.items()
        for ticket in numbers
    )
    written = sum(found["ledger"].values()) + sum(found["plain"].values())
    sent = sum(len(numbers) for numbers in acknowledged.values())
    return missing + abs(written - sent) + abs(len(tickets) - sent)


def run(
    url: str, *, variant: str, seconds: float, clients: int, rounds: int, customers: int
) -> dict[str, Any]:
    """Both endpoints in turn, for so many rounds of so many seconds each."""
    ids = people(url, customers)
    acknowledged: dict[str, list[str]] = {name: [] for name in PATHS}
    latencies: dict[str, list[float]] = {name: [] for name in PATHS}
    rates: dict[str, list[float]] = {name: [] for name in PATHS}
    with server(url, variant) as address:
        for name, path in PATHS.items():  # the first requests import, connect and prepare
            acknowledged[name] += load(address, path, ids, clients, min(seconds, 0.5))[0]
        for _ in range(rounds):
            for name, path in PATHS.items():
                tickets, spent, rate = load(address, path, ids, clients, seconds)
                acknowledged[name] += tickets
                latencies[name] += spent
                rates[name].append(rate)
    figures: dict[str, Any] = {
        "ratio": statistics.median(
            ours / plain for ours, plain in zip(rates["ledger"], rates["plain"], strict=True)
        )
    }
    for name in PATHS:
        figures[f"{name}_a_second"] = statistics.median(rates[name])
        cuts = statistics.quantiles(latencies[name], n=100)
        figures[f"{name}_p50_ms"], figures[f"{name}_p99_ms"] = cuts[49] * 1e3, cuts[98] * 1e3
    figures["acknowledged"] = sum(map(len, acknowledged.values()))
    figures["lost"] = lost(url, acknowledged)
    return figures


def steps(url: str, repeats: int) -> dict[str, float]:
    """Milliseconds (median) of each step of a request, one at a time, without HTTP."""
    engine = create_engine(url)
    set_up_sqlite(engine)
    sessions = sessionmaker(engine)
    ledgers = custledger.LedgerMaker(engine)
    with ledgers.open(actor=OWNER) as ledger:
        new = NewTicket(customer=ledger.customers.all()[0].id, subject="x" * 88, words="y" * 81)
    spent: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = work()
        spent.setdefault(name, []).append((time.perf_counter() - begun) * 1e3)
        return result

    for _ in range(repeats):
        session = sessions()
        timed("plain_work_ms", lambda s=session: open_plainly(s, new, "Sam"))
        timed("plain_commit_ms", session.commit)
        session.close()
        session = sessions()
        ledger = timed("ledger_open_ms", lambda s=session: ledgers.open(s, actor="Sam"))
        timed("ledger_work_ms", lambda s=session, g=ledger: open_ticket(s, g, new, "Sam"))
        timed("ledger_commit_ms", session.commit)
        ledger.close()
        session.close()
    engine.dispose()
    return {name: statistics.median(values) for name, values in spent.items()}


@contextmanager
def place(database: str) -> Iterator[str]:
    """The URL of a fresh database."""
    if database == "postgresql":
        with own_server() as owned, owned.database() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/desk.sqlite"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], int(arguments.serve[1]))
        return
    columns: dict[str, dict[str, Any]] = {}
    for database in arguments.databases:
        for variant in arguments.variants:
            with place(database) as url:
                columns[f"{database}, {variant}"] = run(
                    url,
                    variant=variant,
                    seconds=arguments.seconds,
                    clients=arguments.clients,
                    rounds=arguments.rounds,
                    customers=arguments.customers,
                ) | (steps(url, 200) if variant == "sync" else {})
    print(
        f"{arguments.clients} clients, {arguments.rounds} turns of {arguments.seconds:g} s each\n"
    )
    print("| figure | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for key in max(columns.values(), key=len):
        values = (figures.get(key) for figures in columns.values())
        shown = (
            "" if v is None else f"{v:,}" if isinstance(v, int) else f"{v:.3g}" for v in values
        )
        print(f"| {key.replace('_', ' ')} | " + " | ".join(shown) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps(columns, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
