"""The desk: ``uvicorn fastapi_desk.app:app``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from custledger import LedgerMaker
from fastapi_desk.staff import StaffName, explain_refusals
from fastapi_desk.tickets import (
    NewTicket,
    Opened,
    engine_options,
    open_ticket,
    set_up_sqlite,
    show_ticket,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Begin and end with the process that serves: nothing is opened before a fork."""
    url = os.environ["DESK_DATABASE"]
    engine = create_engine(url, **engine_options(url))
    set_up_sqlite(engine)
    app.state.sessions = sessionmaker(engine)
    app.state.ledgers = LedgerMaker(engine)
    yield
    engine.dispose()


app = FastAPI(title="Help desk", lifespan=lifespan)
explain_refusals(app)


def session_of_request(request: Request) -> Iterator[Session]:
    """One session, one transaction a request: committed at the end, rolled back on an error."""
    with request.app.state.sessions.begin() as session:
        yield session


# "function": commit before the answer is sent. The default commits afterwards, when the client has
# been told already that all is well.
RequestSession = Annotated[Session, Depends(session_of_request, scope="function")]


async def ledgers_of(request: Request) -> LedgerMaker:
    """What opens a ledger for a request."""
    ledgers: LedgerMaker = request.app.state.ledgers
    return ledgers


Ledgers = Annotated[LedgerMaker, Depends(ledgers_of)]


@app.post("/tickets", status_code=201)
def post_ticket(
    new: NewTicket, session: RequestSession, ledgers: Ledgers, staff: StaffName
) -> Opened:
    """Save a ticket and record the contact, in one transaction."""
    with ledgers.open(session, actor=staff) as ledger:
        return open_ticket(session, ledger, new, staff)


@app.get("/tickets/{number}")
def get_ticket(
    number: UUID, session: RequestSession, ledgers: Ledgers, staff: StaffName
) -> dict[str, Any]:
    """A ticket and the customer's fit: for staff, never for the customer."""
    with ledgers.open(session, actor=staff) as ledger:
        found = show_ticket(session, ledger, number)
    if found is None:
        raise HTTPException(404, "There is no such ticket.")
    return found
