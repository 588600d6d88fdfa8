"""Bookings, and what is recorded about them: each function is part of the caller's transaction."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CheckConstraint, Connection, Engine, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from custledger import EntryRef, Ledger, Money
from custledger.core.records import Customer
from custledger.edges.hosting import customer_reference

PRICE = Money.of(80, "EUR")
SOURCE = "booking site"


class Base(DeclarativeBase):
    """The site's own tables; those of the ledger are none of its business."""


db = SQLAlchemy(model_class=Base)


class Booking(db.Model):  # type: ignore[name-defined,misc]
    """A room for a night; ``sale`` is the number of the ledger's entry about the payment."""

    __tablename__ = "booking"
    __table_args__ = (CheckConstraint("cancelled_on <= night", name="in_time"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer: Mapped[UUID] = mapped_column(customer_reference(), index=True)
    night: Mapped[date]
    sale: Mapped[int]
    cancelled_on: Mapped[date | None]


def book(ledger: Ledger, name: str, email: str, night: date) -> Booking:
    """Book and pay a night, for a known customer or a new one."""
    customer = _customer(ledger, name, email.strip().lower())
    number = uuid4()
    sale = ledger.money.record_sale(
        customer, amount=PRICE, summary=f"night of {night}", source=SOURCE, external_id=str(number)
    )
    booking = Booking(id=number, customer=customer.id, night=night, sale=sale.id.seq)
    db.session.add(booking)
    return booking


def _customer(ledger: Ledger, name: str, email: str) -> Customer:
    if db.engine.dialect.name == "postgresql":
        # One booking of an address at a time, so that two first ones do not both add the customer.
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(email))))
    for customer in ledger.customers.find(email):
        if (customer.source, customer.external_id) == (SOURCE, email):
            return customer
    return ledger.customers.add(name, email=email, source=SOURCE, external_id=email)


def cancel(ledger: Ledger, number: UUID, why: str, today: date) -> Booking | None:
    """Cancel a booking and pay it back; None if there is no such booking, or it is cancelled.

    The refund, the contact and the booking's new state are kept together or not at all.
    """
    booking = db.session.get(Booking, number, with_for_update=True)
    if booking is None or booking.cancelled_on is not None:
        return None
    ledger.interactions.record(
        booking.customer,
        channel="other",
        purpose="cancellation",
        handling_time=timedelta(0),  # nobody's time: the site did it
        customer_words=why,
    )
    ledger.money.record_refund(
        booking.customer, amount=PRICE, applies_to=EntryRef(booking.customer, booking.sale)
    )
    booking.cancelled_on = today
    db.session.flush()  # the database refuses a cancellation after the night: then nothing is kept
    return booking


def set_up_sqlite(engine: Engine) -> None:
    """On SQLite: let a transaction begin with its first statement, and check foreign keys.

    Left alone, Python's driver begins it with the first write: of two cancellations at once both
    would read that the booking stands, and both would be paid back.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
