"""The help desk on FastAPI, over HTTP: both variants, both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

import custledger
from fastapi_desk import app, app_async, tickets
from fastapi_desk.prepare import OWNER, prepare
from tests.examples.serving import serving
from tests.postgres import Server

PASSWORD = "open sesame"
VARIANTS = {"sync": app.app, "async": app_async.app}


class Desk:
    """A running desk, and what is in its database."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address
        self.client = httpx.Client(base_url=address, auth=("Sam", PASSWORD))
        with self.ledger() as ledger:
            self.ann = ledger.customers.get("Ann").id

    def ledger(self) -> custledger.Ledger:
        return custledger.open_ledger(self.url, actor=OWNER)

    def post(self, **facts: Any) -> httpx.Response:
        new = {"customer": str(self.ann), "subject": "the lid is missing", "minutes": 10} | facts
        return self.client.post("/tickets", json=new)

    def tickets(self) -> list[str]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [
                str(UUID(str(row[0]))) for row in connection.execute(text("SELECT id FROM ticket"))
            ]
        engine.dispose()
        return sorted(found)

    def entries(self) -> list[str]:
        """The tickets that the ledger's entries name, once it was found to be whole."""
        with self.ledger() as ledger:
            assert ledger.verify().ok
            people = ledger.customers.all()
            return sorted(i.external_id for c in people for i in ledger.interactions.of(c))


@pytest.fixture
def url(location: str) -> str:
    return location if "://" in location else f"sqlite:///{location}"


@pytest.fixture(params=VARIANTS)
def desk(
    request: pytest.FixtureRequest, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("DESK_DATABASE", url)
    monkeypatch.setenv("DESK_PASSWORD", PASSWORD)
    prepare(url)
    with serving(VARIANTS[request.param]) as address:
        desk = Desk(url, address)
        with desk.client:
            yield desk


def test_ticket_and_entry_are_kept_together(desk: Desk) -> None:
    answer = desk.post(words="Where is the lid?")
    assert answer.status_code == 201
    ticket = answer.json()["ticket"]
    assert desk.tickets() == desk.entries() == [ticket]
    with desk.ledger() as ledger:
        [contact] = ledger.interactions.of(desk.ann)
        assert contact.recorded_by == ledger.staff.get("Sam").id
        assert contact.customer_words == "Where is the lid?"
        assert contact.hourly_rate == custledger.Money.of(30, "GBP")


def test_error_after_both_keeps_neither(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = desk.post().json()["ticket"]

    def fail(*_: object) -> int:
        raise custledger.errors.BadInputError("after both were written")

    monkeypatch.setattr(tickets, "open_tickets", fail)
    assert desk.post().status_code == 422
    assert desk.tickets() == desk.entries() == [before]


def test_ticket_is_acknowledged_only_once_it_is_committed(desk: Desk) -> None:
    def fail(_session: Session) -> None:
        raise RuntimeError("the commit failed")

    event.listen(Session, "before_commit", fail)
    try:
        assert desk.post().status_code == 500
    finally:
        event.remove(Session, "before_commit", fail)
    assert desk.tickets() == desk.entries() == []


def test_mail_that_comes_twice_makes_one_ticket_and_one_entry(desk: Desk) -> None:
    first = desk.post(mail_id="<1@example.org>")
    again = desk.post(mail_id="<1@example.org>")
    assert (first.status_code, again.status_code) == (201, 409)
    assert desk.tickets() == desk.entries() == [first.json()["ticket"]]


def test_row_that_is_refused_for_another_reason_is_not_taken_for_a_known_mail(desk: Desk) -> None:
    engine = create_engine(desk.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE UNIQUE INDEX one_a_subject ON ticket (subject)"))
    engine.dispose()
    first = desk.post(mail_id="<1@example.org>")
    assert desk.post(mail_id="<2@example.org>").status_code == 500
    assert desk.tickets() == desk.entries() == [first.json()["ticket"]]


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
@pytest.mark.parametrize("before", ["uuid4", "open_tickets"], ids=["the entry", "the commit"])
def test_connection_that_is_lost_is_answered_with_try_again(
    desk: Desk, postgres_server: Server, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> Any:
        assert postgres_server.terminate_backends(desk.url) > 0
        return UUID(int=7) if before == "uuid4" else 1

    with monkeypatch.context() as broken:
        broken.setattr(tickets, before, cut)
        answer = desk.post()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert desk.tickets() == desk.entries() == []
    assert desk.post().status_code == 201


def test_refusals_say_why_and_keep_nothing(desk: Desk) -> None:
    nobody = str(UUID(int=7))
    assert desk.post(customer=nobody).status_code == 404
    assert desk.post(channel="pigeon").status_code == 422
    assert "pigeon" in desk.post(channel="pigeon").json()["detail"]
    desk.client.auth = httpx.BasicAuth("Mallory", PASSWORD)
    assert desk.post().status_code == 403
    desk.client.auth = httpx.BasicAuth("Sam", "guessed")
    assert desk.post().status_code == 401
    assert desk.tickets() == desk.entries() == []


def test_staff_see_the_fit_and_nobody_else_does(desk: Desk) -> None:
    ticket = desk.post().json()["ticket"]
    shown = desk.client.get(f"/tickets/{ticket}").json()
    assert (shown["customer"], shown["band"], shown["flagged"]) == ("Ann", "good", False)
    assert shown["fit"].startswith("Ann (")
    assert "A score informs; a named person decides" in shown["fit"]
    assert desk.client.get(f"/tickets/{UUID(int=7)}").status_code == 404
    desk.client.auth = None
    assert desk.client.get(f"/tickets/{ticket}").status_code == 401


def test_parallel_tickets_lose_nothing(desk: Desk) -> None:
    with desk.ledger() as ledger:
        customers = [desk.ann, ledger.customers.add("Ben").id]

    def one(number: int) -> str:
        answer = desk.post(customer=str(customers[number % 2]))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    with ThreadPoolExecutor(8) as pool:
        acknowledged = sorted(pool.map(one, range(40)))
    assert desk.tickets() == desk.entries() == acknowledged
    assert max(Counter(acknowledged).values()) == 1


def test_prepare_says_who_ann_is_each_time(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(url)
    first = capsys.readouterr().out
    prepare(url)
    with custledger.open_ledger(url, actor=OWNER) as ledger:
        assert capsys.readouterr().out == first
        assert first == f"The customer Ann is {ledger.customers.get('Ann').id}.\n"


def test_ticket_cannot_refer_to_a_customer_that_there_is_not(url: str) -> None:
    prepare(url)
    engine = create_engine(url)
    tickets.set_up_sqlite(engine)
    statement = text(
        "INSERT INTO ticket (id, customer, subject, is_open) VALUES (:a, :a, 's', true)"
    )
    with engine.connect() as connection, pytest.raises(Exception, match=r"(?i)foreign key"):
        connection.execute(statement, {"a": UUID(int=7).hex})
    engine.dispose()
