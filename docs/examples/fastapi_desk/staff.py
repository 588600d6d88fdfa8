"""Who acts, and what they are told when something is refused."""

from __future__ import annotations

import os
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from sqlalchemy.exc import IntegrityError, OperationalError

from custledger.errors import (
    BadInputError,
    ConnectionLostError,
    CustledgerError,
    LedgerBusyError,
    NotFoundError,
    UnregisteredActorError,
)
from fastapi_desk.tickets import is_known_mail


async def staff_name(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    """The name that goes into the trail. An example: take it from your own login instead.

    Here everybody who knows the one password may say who they are; the ledger asks only that the
    name is registered.
    """
    password = os.environ["DESK_PASSWORD"]
    if not secrets.compare_digest(given.password.encode(), password.encode()):
        raise HTTPException(401, "Wrong password.", {"WWW-Authenticate": "Basic"})
    return given.username


StaffName = Annotated[str, Depends(staff_name)]

_STATUS: dict[type[CustledgerError], int] = {
    NotFoundError: 404,
    BadInputError: 422,
    UnregisteredActorError: 403,
    LedgerBusyError: 503,
    ConnectionLostError: 503,
}
_TRY_AGAIN = {"Retry-After": "5"}


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status, _TRY_AGAIN if status == 503 else None)


async def _known(_request: Request, error: Exception) -> JSONResponse:
    if not (isinstance(error, IntegrityError) and is_known_mail(error)):
        raise error  # any other is a mistake of ours
    return JSONResponse({"detail": "There is a ticket for this mail already."}, 409)


async def _lost(_request: Request, error: Exception) -> JSONResponse:
    if not (isinstance(error, OperationalError) and error.connection_invalidated):
        raise error
    return JSONResponse({"detail": str(ConnectionLostError())}, 503, _TRY_AGAIN)


def explain_refusals(app: FastAPI) -> None:
    """Answer with what custledger's errors say; by then the transaction has been rolled back."""
    for kind in _STATUS:
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(IntegrityError, _known)
    app.add_exception_handler(OperationalError, _lost)  # met by the desk's own statements
