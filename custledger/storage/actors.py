"""Who writes: the registered member of staff in whose name a ledger is opened."""

from __future__ import annotations

import json
import shlex
import uuid
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, bindparam, select
from sqlalchemy.orm import aliased

from custledger.core.contact import folded
from custledger.core.records import EntryKind
from custledger.errors import BadInputError, UnregisteredActorError
from custledger.storage import schema
from custledger.storage.bulk import table_of
from custledger.storage.chains import Lines, Span, pages
from custledger.storage.context import Context
from custledger.storage.tables import IdentityRow, StaffRow

__all__ = ["actor_of"]

_staff, _identity = table_of(StaffRow), table_of(IdentityRow)
_whose = aliased(_identity)
# A Table, because only those follow the schema of choice.
_version = Table(schema.VERSION_TABLE, MetaData(), Column("version_num", String))
_ACTOR: Final = select(
    _staff.c.id,
    _identity.c.uuid,
    _staff.c.active,
    select(_whose.c.uuid).where(_whose.c.id == bindparam("ledger")).scalar_subquery(),
    select(_version.c.version_num).scalar_subquery(),
).join(_identity, _identity.c.id == _staff.c.id)


def actor_of(connection: Connection, context: Context, name: str) -> tuple[int, uuid.UUID]:
    """(Key, uuid) of who writes, by name or id; one query, as each request opens a ledger."""
    query = _ACTOR
    try:
        query = query.where(_identity.c.uuid == uuid.UUID(name))
    except ValueError:
        query = query.where(_staff.c.name_folded == folded(name))
    row: Any = connection.execute(query, {"ledger": context.key}).one_or_none()
    if row is None:
        found = _actor_of_trail(connection, context, name)
    else:
        *found, ledger, version = row
        _refuse_changed(context, ledger, version)
    if found is None:
        raise UnregisteredActorError(
            f"{name!r} is not registered in this ledger. Someone who is can add them: "
            f"`custledger --actor NAME add staff {shlex.quote(name)}`."
        )
    key, who, active = found
    if not active:
        raise UnregisteredActorError(f"{name!r} is registered as having left, and cannot write.")
    return key, who


def _refuse_changed(context: Context, ledger: uuid.UUID | None, version: str) -> None:
    # What a LedgerMaker knows may be of yesterday, or of another database than it was given.
    if ledger != context.ledger:
        raise BadInputError(
            "Another ledger is there than the LedgerMaker was made for. Make the LedgerMaker anew, "
            "on the database of the Session."
        )
    schema.check_version(version)


def _actor_of_trail(
    connection: Connection, context: Context, actor: str
) -> tuple[int, uuid.UUID, bool] | None:
    """(Key, uuid, active) of someone whose row is gone from the copies, to rebuild them."""
    span = Span.of(context.key)
    lines = Lines(connection, span)
    for link in (link for page in pages(connection, span) for link in page):
        placed, body = lines.place(link), {}
        with suppress(ValueError):
            body = json.loads(link.shared() or b"{}")
        if placed is None or placed.kind is not EntryKind.STAFF:
            continue
        if folded(body.get("name", "")) == folded(actor):
            who = uuid.UUID(body["staff"])
            key = context.identities.key(connection, who)
            return None if key is None else (key, who, body.get("active", True))
    return None
