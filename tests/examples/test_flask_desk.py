"""The booking site on Flask: the site's rows and the ledger's, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

import custledger
from custledger import Money
from custledger.core.records import MoneyKind, Purpose
from flask_desk import bookings
from flask_desk.app import SITE, create_app
from flask_desk.bookings import Booking, db

PASSWORD = "open sesame"
OWNER = "Olivia Owner"


class Site:
    """The site, and what is in its database."""

    def __init__(self, app: Flask, location: str) -> None:
        self.app, self.location = app, location

    def ledger(self) -> custledger.Ledger:
        return custledger.open_ledger(self.location, actor=OWNER)

    def night(self, days: int) -> str:
        with self.ledger() as ledger:
            return str(ledger.today() + timedelta(days=days))

    def book(self, night: str, name: str = "Ann", email: str = "ann@example.org") -> TestResponse:
        form = {"name": name, "email": email, "night": night}
        return self.app.test_client().post("/bookings", data=form)

    def cancel(self, booked: TestResponse, why: str = "ill") -> TestResponse:
        return self.app.test_client().post(f"{booked.location}/cancel", data={"why": why})

    def get(self, address: str, name: str = OWNER, password: str = PASSWORD) -> TestResponse:
        return self.app.test_client().get(address, auth=(name, password))

    def bookings(self) -> tuple[int, int]:
        """How many there are, and how many of them are cancelled."""
        with self.app.app_context():
            query = select(func.count(), func.count(Booking.cancelled_on))
            return tuple(db.session.execute(query).one())  # type: ignore[return-value]

    def entries(self) -> list[str]:
        """What the ledger holds of all customers, once it was found to be whole."""
        with self.ledger() as ledger:
            assert ledger.verify().ok
            people = ledger.customers.all()
            money = [entry.kind.value for c in people for entry in ledger.money.of(c)]
            return sorted(
                money + [i.purpose.value for c in people for i in ledger.interactions.of(c)]
            )


@pytest.fixture
def site(location: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("BOOKING_PASSWORD", PASSWORD)
    app = create_app(location if "://" in location else f"sqlite:///{location}")
    yield Site(app, location)
    with app.app_context():
        db.engine.dispose()


def test_booking_and_cancellation_are_recorded_with_the_site_as_actor(site: Site) -> None:
    booked = site.book(site.night(3))
    assert site.cancel(booked, "the train was cancelled").status_code == 303
    assert site.bookings() == (1, 1)
    assert site.entries() == ["cancellation", "refund", "sale"]
    with site.ledger() as ledger:
        ann = ledger.customers.get("ann@example.org")
        [contact] = ledger.interactions.of(ann)
        assert (contact.purpose, contact.customer_words) == (
            Purpose.CANCELLATION,
            "the train was cancelled",
        )
        assert contact.recorded_by == ledger.staff.get(SITE).id
        sale, refund = ledger.money.of(ann)
        assert (refund.kind, refund.amount) == (MoneyKind.REFUND, Money.of(80, "EUR"))
        assert refund.applies_to == sale.id


def test_cancellation_that_the_database_refuses_keeps_nothing(site: Site) -> None:
    booked = site.book(site.night(-1))
    answer = site.cancel(booked)
    assert answer.status_code == 409
    assert "cannot be cancelled" in answer.text
    assert site.bookings() == (1, 0)
    assert site.entries() == ["sale"]


def test_error_after_recording_keeps_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookings, "Booking", None)  # the last step of booking fails
    assert site.book(site.night(3)).status_code == 500
    monkeypatch.undo()
    assert site.bookings() == (0, 0)
    with site.ledger() as ledger:
        assert ledger.customers.all() == []
        assert ledger.verify().ok


def test_second_cancellation_pays_nothing_back(site: Site) -> None:
    booked = site.book(site.night(3))
    answers = [site.cancel(booked).status_code for _ in range(2)]
    assert answers == [303, 404]
    assert site.entries() == ["cancellation", "refund", "sale"]


def test_parallel_requests_lose_nothing_and_pay_back_once(site: Site) -> None:
    night = site.night(3)
    with ThreadPoolExecutor(8) as pool:
        booked = list(pool.map(lambda _: site.book(night), range(16)))
        assert {answer.status_code for answer in booked} == {303}
        cancelled = list(pool.map(lambda _: site.cancel(booked[0]), range(8)))
    assert sorted(answer.status_code for answer in cancelled) == [303] + [404] * 7
    assert site.bookings() == (16, 1)
    assert site.entries() == ["cancellation", "refund"] + ["sale"] * 16
    with site.ledger() as ledger:
        assert len(ledger.customers.all()) == 1


def test_customer_is_found_again_by_mail(site: Site) -> None:
    site.book(site.night(3))
    site.book(site.night(4), name="Annie", email=" Ann@Example.org")
    with site.ledger() as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["Ann"]


def test_staff_page_shows_the_ranking_with_every_name_escaped(site: Site) -> None:
    site.cancel(site.book(site.night(3), "<b>Ann</b> & Co"))
    page = site.get("/staff")
    assert page.status_code == 200
    assert "&lt;b&gt;Ann&lt;/b&gt; &amp; Co</a>" in page.text
    assert "<b>Ann" not in page.text
    with site.ledger() as ledger:
        [row] = ledger.ranking()
        assert (row.net_minor, row.revenue_minor, row.refunds_minor) == (0, 8000, 8000)
    assert page.text.count('<td class="number">80.00</td>') == 2
    shown = site.get(f"/staff/{row.customer_id}").text
    assert "How &lt;b&gt;Ann&lt;/b&gt; &amp; Co fits" in shown
    assert "A score informs; a named person decides" in shown


def test_pages_on_the_fit_are_for_registered_staff(site: Site) -> None:
    assert site.app.test_client().get("/staff").status_code == 401
    assert site.get("/staff", password="guessed").status_code == 401
    assert site.get("/staff", name="Mallory").status_code == 403
    assert site.get(f"/staff/{UUID(int=7)}").status_code == 404


def test_application_leaves_no_connection_open_for_a_fork_to_share(site: Site) -> None:
    with site.app.app_context():
        assert db.engine.pool.checkedin() == 0  # type: ignore[attr-defined]
