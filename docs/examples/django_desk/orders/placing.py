"""Placing an order, and recording it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from django_desk.orders.ledgers import SHOP, ledger_of_shop, record_once, shares_transaction
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


def record(order: Order) -> bool:
    """Record an order as the web shop, once; says whether it was missing."""
    if shares_transaction():
        # One order of a customer at a time, so that nobody is added to the ledger twice.
        get_user_model().objects.select_for_update().get(pk=order.customer_id)
    with ledger_of_shop(SHOP) as ledger:
        return record_once(ledger, order)
