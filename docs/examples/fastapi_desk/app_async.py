"""The desk with an AsyncSession: ``uvicorn fastapi_desk.app_async:app``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

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

DRIVERS = {"postgresql": "postgresql+psycopg_async", "sqlite": "sqlite+aiosqlite"}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Begin and end with the process that serves: nothing is opened before a fork."""
    url = make_url(os.environ["DESK_DATABASE"])
    asynchronous = url.set(drivername=DRIVERS[url.get_backend_name()])
    engine = create_async_engine(asynchronous, **engine_options(url))
    set_up_sqlite(engine.sync_engine)
    app.state.sessions = async_sessionmaker(engine)
    # It looks at the ledger now, before the first request, and over a connection of its own.
    app.state.ledgers = LedgerMaker(url.render_as_string(hide_password=False))
    yield
    app.state.ledgers.close()
    await engine.dispose()


app = FastAPI(title="Help desk", lifespan=lifespan)
explain_refusals(app)


async def session_of_request(request: Request) -> AsyncIterator[AsyncSession]:
    """One session, one transaction a request: committed at the end, rolled back on an error."""
    async with request.app.state.sessions.begin() as session:
        yield session


async def ledgers_of(request: Request) -> LedgerMaker:
    """What opens a ledger for a request."""
    ledgers: LedgerMaker = request.app.state.ledgers
    return ledgers


RequestSession = Annotated[AsyncSession, Depends(session_of_request, scope="function")]
Ledgers = Annotated[LedgerMaker, Depends(ledgers_of)]


@app.post("/tickets", status_code=201)
async def post_ticket(
    new: NewTicket, session: RequestSession, ledgers: Ledgers, staff: StaffName
) -> Opened:
    """Save a ticket and record the contact, in one transaction."""

    def work(inner: Session) -> Opened:
        with ledgers.open(inner, actor=staff) as ledger:
            return open_ticket(inner, ledger, new, staff)

    return await session.run_sync(work)


@app.get("/tickets/{number}")
async def get_ticket(
    number: UUID, session: RequestSession, ledgers: Ledgers, staff: StaffName
) -> dict[str, Any]:
    """A ticket and the customer's fit: for staff, never for the customer."""

    def work(inner: Session) -> dict[str, Any] | None:
        with ledgers.open(inner, actor=staff) as ledger:
            return show_ticket(inner, ledger, number)

    found = await session.run_sync(work)
    if found is None:
        raise HTTPException(404, "There is no such ticket.")
    return found
