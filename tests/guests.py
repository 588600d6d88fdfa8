"""What the tests of guests share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url

from custledger import Ledger

__all__ = ["call", "plain"]


def call(ledger: Ledger, customer: str = "7") -> Any:
    """Record a call of a customer, who is named by an external id."""
    return ledger.interactions.record(customer, channel="phone", summary="asked for the hours")


def plain(url: str) -> str:
    """A URL as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
