"""The shop's ledger: in Django's own transaction on PostgreSQL, in a file of its own on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer
from django_desk.orders.models import Order

OWNER = "Olivia Owner"
SHOP = "Web shop"


def shares_transaction() -> bool:
    """Whether orders and entries are kept or dropped together."""
    return connection.vendor == "postgresql"


@contextmanager
def ledger_of_shop(actor: str) -> Iterator[Ledger]:
    """The ledger; on PostgreSQL inside ``transaction.atomic()`` only, which then decides."""
    home = connection.connection if shares_transaction() else _file()
    with open_ledger(home, actor=actor, currency="EUR", zone="Europe/Paris") as ledger:
        yield ledger


def _file() -> Path:
    return settings.FOLDER / "shop.ledger.sqlite"


def record_once(ledger: Ledger, order: Order) -> bool:
    """Record an order as a sale unless it was recorded before; says whether it was missing.

    It looks at the whole history: a sale that somebody voided since is not recorded again.
    """
    with ledger.transaction():
        customer = _customer(ledger, order.customer)
        recorded = [entry.facts.get("external") for entry in ledger.history(customer)]
        if [SHOP, str(order.pk)] in recorded:
            return False
        ledger.money.record_sale(
            customer,
            amount=Money(order.cents, "EUR"),
            occurred_at=order.placed_at,
            product=order.article,
            source=SHOP,
            external_id=str(order.pk),
        )
    return True


def customer_number(user_id: int) -> str:
    """The id under which the ledger knows a user."""
    return f"shop-user-{user_id}"


def _customer(ledger: Ledger, user: AbstractBaseUser) -> Customer:
    number = customer_number(user.pk)
    for customer in ledger.customers.find(number):
        if (customer.source, customer.external_id) == (SHOP, number):
            return customer
    return ledger.customers.add(user.get_username(), source=SHOP, external_id=number)
