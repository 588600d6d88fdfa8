"""Opening a ledger: what lies at the location, whether it fits, and who writes."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import NoResultFound

from custledger.core.checks import check_name
from custledger.core.clock import to_microseconds
from custledger.core.clock import zone as check_zone
from custledger.core.contact import check_region, folded
from custledger.core.facts import Body, staff_body
from custledger.core.money import exponent_of
from custledger.core.policy import default_policy
from custledger.core.records import EntryKind, Part, StaffRole
from custledger.errors import (
    BadInputError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotFoundError,
    SchemaVersionError,
    UnregisteredActorError,
)
from custledger.storage import schema
from custledger.storage.blobs import BlobStore, FolderStore, TableStore
from custledger.storage.bulk import table_of
from custledger.storage.chains import current_entries, read_chains
from custledger.storage.context import Context
from custledger.storage.database import Database
from custledger.storage.engine import engine_for, file_of, refuse_foreign_file
from custledger.storage.identities import Identities
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import staff_key
from custledger.storage.tables import EntryRow, IdentityRow, PayloadRow, StaffRow

__all__ = ["Settings", "open_context"]

_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)
_staff = table_of(StaffRow)
_identity = table_of(IdentityRow)


class Settings(NamedTuple):
    """What is fixed when a ledger is made; None takes the default, or what the ledger has."""

    zone: str | None = None
    currency: str | None = None
    region: str | None = None


def open_context(
    location: str,
    actor: str,
    now: Callable[[], datetime] | None,
    settings: Settings,
    evidence: str | os.PathLike[str] | None,
    wait: timedelta,
) -> Context:
    """Open what is there, or make a ledger where nothing is; see ``custledger.open_ledger``."""
    actor = check_name(actor)
    clock = now or _wall_clock
    _check_settings(settings)
    to_microseconds(clock())
    path = file_of(location)
    if path is not None:
        refuse_foreign_file(path, wait.total_seconds())
        if not path.parent.is_dir():
            raise LedgerUnwritableError(
                f"The folder {path.parent} does not exist. Create it first."
            )
    fresh_file = path is not None and not path.exists()
    database = Database(engine_for(location, wait.total_seconds()))
    try:
        _make_if_fresh(database, actor, clock, settings)
        return _context(database, actor, clock, settings, partial(_store, path, evidence))
    except BaseException:
        database.close()
        if fresh_file and path is not None:
            _remove_unless_made(path)
        raise


def _check_settings(settings: Settings) -> None:
    # Before anything is touched, so that a typing error leaves no file behind.
    if settings.zone is not None:
        check_zone(settings.zone)
    if settings.currency is not None:
        exponent_of(settings.currency)
    if settings.region is not None:
        check_region(settings.region)


def _make_if_fresh(
    database: Database, actor: str, now: Callable[[], datetime], settings: Settings
) -> None:
    with database.read() as connection:
        if _is_ledger(connection):
            return
    with database.write() as connection:
        schema.lock(connection)
        if not _is_ledger(connection):  # another process may have made it meanwhile
            schema.create(connection)
            _found(connection, actor, now, settings)


def _is_ledger(connection: Connection) -> bool:
    return inspect(connection).has_table(table_of(EntryRow).name)


def _found(
    connection: Connection, actor: str, now: Callable[[], datetime], settings: Settings
) -> None:
    zone, currency = settings.zone or "UTC", settings.currency or "EUR"
    identities, ledger, owner = Identities(), uuid.uuid4(), uuid.uuid4()
    key, owner_key = identities.add(connection, [ledger, owner])
    about: Body = {"zone": zone, "currency": currency}
    if settings.region:
        about["region"] = settings.region
    policy = replace(default_policy(currency), version=1)
    journal = Journal(connection, identities, ledger, zone, owner_key, to_microseconds(now()))
    journal.append(
        [
            Draft(key, EntryKind.LEDGER, about),
            Draft(key, EntryKind.STAFF, staff_body(owner, actor, StaffRole.OWNER)),
            Draft(key, EntryKind.SCORE_POLICY, policy.to_body()),
        ]
    )


def _context(
    database: Database,
    actor: str,
    now: Callable[[], datetime],
    settings: Settings,
    store: Callable[[uuid.UUID], BlobStore],
) -> Context:
    with database.read() as connection:
        _check_version(connection)
        key, ledger, about = _about(connection)
        _refuse_other(settings, about)
        context = Context(
            database=database,
            ledger=ledger,
            key=key,
            zone=about.zone or "",
            currency=about.currency or "",
            region=about.region,
            actor=0,
            now=now,
            blobs=store(ledger),
        )
        context.actor = _actor_key(connection, context, actor)
    return context


def _about(connection: Connection) -> tuple[int, uuid.UUID, Settings]:
    """The ledger's key, uuid and settings, from its first entry: copies may need rebuilding."""
    query = (
        select(_entry.c.subject_id, _identity.c.uuid, _payload.c.body)
        .join(_identity, _identity.c.id == _entry.c.subject_id)
        .join(_payload, _payload.c.entry_id == _entry.c.id)
        .where(_entry.c.kind == EntryKind.LEDGER, _payload.c.part == Part.SHARED)
        .order_by(_entry.c.id)
        .limit(1)
    )
    try:
        key, ledger, body = connection.execute(query).one()
        about = json.loads(body)
        return key, ledger, Settings(about["zone"], about["currency"], about.get("region"))
    except (NoResultFound, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerUnreadableError(
            "The entry about the ledger itself is gone or damaged. Restore a backup."
        ) from error


def _check_version(connection: Connection) -> None:
    current, head = schema.current_version(connection), schema.head_version()
    if current == head:
        return
    if current is not None and current > head:
        raise SchemaVersionError(
            f"A newer custledger made this ledger (schema {current}, this one knows {head}). "
            "Upgrade the package: pip install --upgrade custledger."
        )
    raise SchemaVersionError(
        f"This ledger has the older schema {current} (now {head}). Run `custledger upgrade` on it; "
        "that makes a backup first."
    )


def _refuse_other(wanted: Settings, found: Settings) -> None:
    for name, want, have in zip(Settings._fields, wanted, found, strict=True):
        if want is not None and want != have:
            raise BadInputError(
                f"This ledger's {name} is {have}, not {want}: it was fixed at the start."
            )


def _actor_key(connection: Connection, context: Context, actor: str) -> int:
    try:
        key = staff_key(connection, context, actor)
        active = connection.scalar(select(_staff.c.active).where(_staff.c.id == key))
    except NotFoundError as error:
        found = _actor_of_trail(connection, context, actor)
        if found is None:
            raise UnregisteredActorError(
                f"{actor!r} is not registered in this ledger. Someone who is can add them: "
                f"`custledger --actor NAME add staff {actor!r}`."
            ) from error
        key, active = found
    if not active:
        raise UnregisteredActorError(f"{actor!r} is registered as having left, and cannot write.")
    return key


def _actor_of_trail(
    connection: Connection, context: Context, actor: str
) -> tuple[int, bool] | None:
    """(Key, active) of someone whose row is gone from the copies: they may have to rebuild them."""
    chain = [link for part in read_chains(connection, [context.key]) for link in part]
    bodies: dict[int, dict[str, Any]] = {}
    for link in chain:
        with suppress(ValueError):
            bodies[link.seq] = json.loads(link.shared() or b"{}")
    for placed, body, _ in current_entries(chain, bodies):
        if placed.kind is EntryKind.STAFF and folded(body.get("name", "")) == folded(actor):
            key = context.identities.key(connection, uuid.UUID(body["staff"]))
            return None if key is None else (key, body.get("active", True))
    return None


def _store(
    path: Path | None, evidence: str | os.PathLike[str] | None, ledger: uuid.UUID
) -> BlobStore:
    if evidence is not None:
        # A folder of the user's, which may hold other things: another ledger's files, for one.
        return FolderStore(Path(evidence) / str(ledger))
    return TableStore() if path is None else FolderStore(path.with_name(f"{path.name}.evidence"))


def _remove_unless_made(path: Path) -> None:
    # A location that could not be made into a ledger is left as it was: without a file.
    try:
        if path.stat().st_size == 0:
            for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                name.unlink(missing_ok=True)
    except OSError:
        pass


def _wall_clock() -> datetime:
    return datetime.now(UTC)
