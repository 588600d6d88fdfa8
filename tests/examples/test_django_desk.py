"""The shop on Django: one transaction on PostgreSQL, an order and then its entry on SQLite."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django
import pytest
from sqlalchemy import make_url

import custledger

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("DJANGO_SETTINGS_MODULE", "django_desk.settings")
    patch.setenv("TZ", os.environ.get("TZ", ""))  # Django moves the whole process to its time zone
    django.setup()
time.tzset()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client

from django_desk.orders import ledgers, placing
from django_desk.orders.ledgers import OWNER, SHOP
from django_desk.orders.models import Order

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


class Shop:
    """The shop, and what is in its database and its ledger."""

    def __init__(self, home: Path | str) -> None:
        self.home = home
        users = get_user_model()
        self.ann = users.objects.create(username="Ann")
        self.boss = users.objects.create(username=OWNER, is_staff=True)

    def ledger(self) -> custledger.Ledger:
        return custledger.open_ledger(self.home, actor=OWNER)

    def post(self, user: Any = None, **form: Any) -> Any:
        client = Client(SERVER_NAME="localhost")
        client.force_login(user or self.ann)
        return client.post("/orders", {"article": "rake", "cents": 1999} | form)

    def orders(self) -> list[str]:
        return sorted(str(pk) for pk in Order.objects.values_list("pk", flat=True))

    def entries(self) -> list[str]:
        """The orders that the ledger's sales name, once it was found to be whole."""
        with self.ledger() as ledger:
            assert ledger.verify().ok
            people = ledger.customers.all()
            return sorted(sale.external_id for c in people for sale in ledger.money.of(c))

    def catch_up(self) -> str:
        out = io.StringIO()
        call_command("catch_up", stdout=out)
        return out.getvalue().strip()


def number_in(answer: Any) -> str:
    found = re.search(r"order (\d+),", answer.text)
    assert found is not None
    return found[1]


def order_and_fail(shop: Shop) -> None:
    with transaction.atomic():
        placing.place_order(shop.ann, "spade", 2999)
        raise RuntimeError("after both")


@pytest.fixture
def on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(settings, "FOLDER", tmp_path)
    database = {**settings.DATABASES["default"], "NAME": str(tmp_path / "shop.sqlite")}
    with_database(database, monkeypatch)
    yield Shop(tmp_path / "shop.ledger.sqlite")
    connections.close_all()


@pytest.fixture
def on_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    url = make_url(postgres_url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.query.get("host", url.host or ""),
        "PORT": url.port or "",
    }
    with_database(database, monkeypatch)
    yield Shop(postgres_url)
    connections.close_all()


def with_database(database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    connections.close_all()
    if hasattr(connections._connections, "default"):
        del connections["default"]
    monkeypatch.setattr(
        connections, "settings", connections.configure_settings({"default": database})
    )
    call_command("migrate", verbosity=0)
    call_command("make_ledger", stdout=io.StringIO())


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(f"on_{request.param}")
    return found


def test_order_is_recorded_with_the_shop_as_actor(shop: Shop) -> None:
    answer = shop.post()
    assert answer.status_code == 201
    assert shop.orders() == shop.entries() == [number_in(answer)]
    with shop.ledger() as ledger:
        [sale] = ledger.money.of("Ann")
        assert sale.amount == custledger.Money.of("19.99", "EUR")
        assert sale.recorded_by == ledger.staff.get(SHOP).id
        assert sale.occurred_at == Order.objects.get().placed_at


def test_error_after_the_order_keeps_neither(shop: Shop) -> None:
    with pytest.raises(RuntimeError, match="after both"):
        order_and_fail(shop)
    assert shop.orders() == shop.entries() == []


def test_inner_block_that_fails_takes_back_its_order_alone(shop: Shop) -> None:
    with transaction.atomic():
        kept = placing.place_order(shop.ann, "rake", 1999)
        with pytest.raises(RuntimeError, match="after both"):
            order_and_fail(shop)
    assert shop.orders() == shop.entries() == [str(kept.pk)]


def test_parallel_orders_lose_nothing(shop: Shop) -> None:
    ben = get_user_model().objects.create(username="Ben")

    def one(number: int) -> str:
        try:
            answer = shop.post([shop.ann, ben][number % 2])
            assert answer.status_code == 201
            return number_in(answer)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        placed = sorted(pool.map(one, range(18)))
    assert shop.orders() == shop.entries() == placed
    with shop.ledger() as ledger:
        assert sorted(customer.name for customer in ledger.customers.all()) == ["Ann", "Ben"]


def test_crash_between_order_and_entry_is_repaired_by_catch_up(on_sqlite: Shop) -> None:
    assert on_sqlite.post().status_code == 201
    program = (
        "import django, os; django.setup()\n"
        "from django.contrib.auth import get_user_model\n"
        "from django_desk.orders import placing\n"
        "placing.record = lambda order: os._exit(9)\n"
        "placing.place_order(get_user_model().objects.get(username='Ann'), 'spade', 2999)\n"
    )
    environment = {
        "SHOP_FOLDER": str(settings.FOLDER),
        "PYTHONPATH": str(EXAMPLES),
        "DJANGO_SETTINGS_MODULE": "django_desk.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, check=False
    )
    assert done.returncode == 9
    assert (len(on_sqlite.orders()), len(on_sqlite.entries())) == (2, 1)
    assert on_sqlite.catch_up() == "1 orders recorded"
    assert on_sqlite.orders() == on_sqlite.entries()
    assert on_sqlite.catch_up() == "0 orders recorded"


def test_order_stands_where_its_entry_fails_and_is_caught_up(
    on_sqlite: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(placing, "SHOP", "nobody who is registered")
        assert on_sqlite.post().status_code == 201
    assert "'nobody who is registered' is not registered" in caplog.text
    assert (len(on_sqlite.orders()), on_sqlite.entries()) == (1, [])
    assert on_sqlite.catch_up() == "1 orders recorded"
    assert on_sqlite.orders() == on_sqlite.entries()


def test_sale_that_was_voided_is_not_caught_up(shop: Shop) -> None:
    shop.post()
    with shop.ledger() as ledger:
        ledger.money.void(ledger.money.of("Ann")[0], reason="a test order of our own")
    assert shop.catch_up() == "0 orders recorded"
    assert shop.entries() == []


def test_catch_up_records_the_orders_of_everybody_that_are_missing(shop: Shop) -> None:
    shop.post()
    ben = get_user_model().objects.create(username="Ben")
    for user, article in ((shop.ann, "hoe"), (ben, "pot"), (shop.ann, "saw")):
        Order.objects.create(customer=user, article=article, cents=999)
    assert shop.catch_up() == "3 orders recorded"
    assert shop.orders() == shop.entries()
    assert shop.catch_up() == "0 orders recorded"


def test_order_that_was_recorded_already_is_refused(shop: Shop) -> None:
    shop.post()
    known = pytest.raises(custledger.CustledgerError, match="in the ledger already")
    with known, transaction.atomic():
        placing.record(Order.objects.get())
    assert shop.orders() == shop.entries()


def test_make_ledger_says_what_it_did(
    on_sqlite: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("make_ledger")
    assert capsys.readouterr().out == "The ledger was there already; nothing was changed.\n"
    monkeypatch.setattr(settings, "FOLDER", Path(on_sqlite.home).parent / "anew")
    settings.FOLDER.mkdir()
    call_command("make_ledger")
    assert capsys.readouterr().out.startswith('The ledger is made: "Olivia Owner" owns it')


def test_catch_up_on_postgresql_finds_nothing_to_do(on_postgresql: Shop) -> None:
    on_postgresql.post()
    assert on_postgresql.catch_up() == "0 orders recorded"


def test_ledger_is_refused_outside_a_transaction(on_postgresql: Shop) -> None:
    connection.ensure_connection()
    refused = pytest.raises(custledger.CustledgerError, match="atomic")
    with ledgers.ledger_of_shop(SHOP) as ledger, refused:
        ledger.customers.add("Ben")


def test_fit_is_shown_to_staff_alone(shop: Shop) -> None:
    shop.post()
    client = Client(SERVER_NAME="localhost")
    address = f"/customers/{shop.ann.pk}/fit"
    assert client.get(address).status_code == 302
    client.force_login(shop.ann)
    assert client.get(address).status_code == 302
    client.force_login(shop.boss)
    shown = client.get(address)
    assert shown.status_code == 200
    assert shown.text.startswith("Ann (")
    assert "A score informs; a named person decides" in shown.text
    assert client.get("/customers/999/fit").status_code == 404


def test_migrations_of_django_leave_the_ledger_alone(on_postgresql: Shop) -> None:
    on_postgresql.post()
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    call_command("migrate", "orders", "zero", verbosity=0)
    call_command("migrate", verbosity=0)
    assert on_postgresql.orders() == []
    assert len(on_postgresql.entries()) == 1
