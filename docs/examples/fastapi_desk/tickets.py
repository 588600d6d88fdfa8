"""What the desk does, in whichever framework: its table, and what belongs to one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    String,
    UniqueConstraint,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from custledger import Ledger
from custledger.edges.explaining import explain
from custledger.edges.hosting import customer_reference


class Base(DeclarativeBase):
    """The desk's own tables; those of the ledger are none of its business."""


class Ticket(Base):
    """What a customer asked for; the time it took and the words are in the ledger."""

    __tablename__ = "ticket"
    __table_args__ = (UniqueConstraint("mail_id", name="one_ticket_a_mail"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer: Mapped[UUID] = mapped_column(customer_reference(), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    mail_id: Mapped[str | None] = mapped_column(String(200))
    is_open: Mapped[bool] = mapped_column(default=True)


class NewTicket(BaseModel):
    """What staff enter."""

    customer: UUID
    subject: str = Field(min_length=1, max_length=200)
    channel: str = "email"
    minutes: int = Field(0, ge=0, le=24 * 60)
    words: str = ""
    mail_id: str | None = None


class Opened(BaseModel):
    """What staff get back."""

    ticket: UUID
    open_tickets: int


def open_ticket(session: Session, ledger: Ledger, new: NewTicket, staff: str) -> Opened:
    """Save the ticket and record the contact: both are kept, or neither, with the session."""
    ticket = Ticket(id=uuid4(), customer=new.customer, subject=new.subject, mail_id=new.mail_id)
    ledger.interactions.record(
        new.customer,
        channel=new.channel,
        handling_time=timedelta(minutes=new.minutes),
        staff=staff,
        summary=new.subject,
        customer_words=new.words,
        source="help desk",
        external_id=str(ticket.id),
    )
    session.add(ticket)
    session.flush()
    return Opened(ticket=ticket.id, open_tickets=open_tickets(session, new.customer))


def is_known_mail(error: IntegrityError) -> bool:
    """Whether the database refused a second ticket for one mail, and not something else.

    PostgreSQL names the constraint, SQLite its columns.
    """
    about = getattr(error.orig, "diag", None)
    if about is not None:
        return bool(about.constraint_name == "one_ticket_a_mail")
    return str(error.orig) == "UNIQUE constraint failed: ticket.mail_id"


def open_tickets(session: Session, customer: UUID) -> int:
    """How many tickets of the customer are open."""
    query = select(func.count()).where(Ticket.customer == customer, Ticket.is_open)
    return session.scalar(query) or 0


def show_ticket(session: Session, ledger: Ledger, number: UUID) -> dict[str, Any] | None:
    """A ticket with the customer's fit, for staff only; None if there is no such ticket."""
    ticket = session.get(Ticket, number)
    if ticket is None:
        return None
    explanation = explain(ledger, ticket.customer)
    return {
        "subject": ticket.subject,
        "customer": explanation.fit.name,
        "band": explanation.fit.band,
        "flagged": explanation.fit.flag,
        "fit": str(explanation),
    }


def engine_options(url: str | URL) -> dict[str, Any]:
    """On SQLite, one connection: it has one writer at a time, so let requests queue for that.

    They are served in turn, without the long tail of those that try for the file again and again.
    """
    sqlite = make_url(url).get_backend_name() == "sqlite"
    return {"pool_size": 1, "max_overflow": 0} if sqlite else {}


def set_up_sqlite(engine: Engine) -> None:
    """On SQLite: let a transaction begin with its first statement, and check foreign keys.

    Left alone, Python's driver begins it with the first write: what was read before, to decide on
    the write, may be out of date by then.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
