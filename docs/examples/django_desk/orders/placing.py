"""Placing an order, and recording it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from django_desk.orders.ledgers import (
    SHOP,
    ever_recorded,
    ledger_of_shop,
    record_sale,
    shares_transaction,
)
from django_desk.orders.models import Order


def place_order(user: AbstractBaseUser, article: str, cents: int) -> Order:
    """Save an order and record it.

    On PostgreSQL both are kept or neither. On SQLite the order is kept first, and recorded right
    after: a crash in between leaves an order without its entry, which ``catch_up`` records.
    """
    with transaction.atomic():
        order = Order.objects.create(customer=user, article=article, cents=cents)
        if shares_transaction():
            record(order)
        else:
            # robust: the order stands, whatever happens to its entry; Django logs the error.
            transaction.on_commit(lambda: record(order), robust=True)
    return order


def record(order: Order) -> None:
    """Record an order that is new, as the web shop."""
    _take_turns(order.customer)
    with ledger_of_shop(SHOP) as ledger:
        record_sale(ledger, order)


def catch_up(user: AbstractBaseUser) -> int:
    """Record those orders of a user that never were; says how many.

    One look at the history serves them all. Nobody writes between the look and the records.
    """
    with transaction.atomic():
        _take_turns(user)
        with ledger_of_shop(SHOP) as ledger, ledger.transaction():
            known = ever_recorded(ledger, user)
            orders = Order.objects.filter(customer=user).order_by("pk")
            missing = [order for order in orders if str(order.pk) not in known]
            for order in missing:
                record_sale(ledger, order)
    return len(missing)


def _take_turns(user: AbstractBaseUser) -> None:
    """One order of a customer at a time, so that nobody is added to the ledger twice."""
    if shares_transaction():
        get_user_model().objects.select_for_update().get(pk=user.pk)
