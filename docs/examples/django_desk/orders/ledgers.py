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


def record_sale(ledger: Ledger, order: Order) -> None:
    """Record an order as a sale; the ledger refuses one that it holds already."""
    with ledger.transaction():
        customer = _find(ledger, order.customer) or _add(ledger, order.customer)
        ledger.money.record_sale(
            customer,
            amount=Money(order.cents, "EUR"),
            occurred_at=order.placed_at,
            product=order.article,
            source=SHOP,
            external_id=str(order.pk),
        )


def ever_recorded(ledger: Ledger, user: AbstractBaseUser) -> set[str]:
    """The numbers of a user's orders that were ever recorded, those of voided sales among them.

    It reads the customer's whole history: what was voided stands nowhere else.
    """
    customer = _find(ledger, user)
    history = [] if customer is None else ledger.history(customer)
    known = [entry.facts.get("external") or ("", "") for entry in history]
    return {number for source, number in known if source == SHOP}


def customer_number(user_id: int) -> str:
    """The id under which the ledger knows a user."""
    return f"shop-user-{user_id}"


def _find(ledger: Ledger, user: AbstractBaseUser) -> Customer | None:
    number = customer_number(user.pk)
    for customer in ledger.customers.find(number):
        if (customer.source, customer.external_id) == (SHOP, number):
            return customer
    return None


def _add(ledger: Ledger, user: AbstractBaseUser) -> Customer:
    number = customer_number(user.pk)
    return ledger.customers.add(user.get_username(), source=SHOP, external_id=number)
