"""Opening a ledger: what lies at the location, whether it fits, and who writes."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import NoResultFound

from custledger.core.checks import check_name
from custledger.core.clock import to_microseconds
from custledger.core.clock import zone as check_zone
from custledger.core.contact import check_region
from custledger.core.facts import Body, staff_body
from custledger.core.money import exponent_of
from custledger.core.records import EntryKind, Part, StaffRole
from custledger.core.score.policy import default_policy
from custledger.errors import (
    BadInputError,
    LedgerUnreadableError,
    NotFoundError,
)
from custledger.storage import schema
from custledger.storage.actors import actor_of
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.database import Database
from custledger.storage.evidence.blobs import BlobStore, EitherStore, FolderStore, TableStore
from custledger.storage.evidence.data_keys import DataKeys, KeyFolder
from custledger.storage.evidence.encryption import aes_gcm
from custledger.storage.homes import Home, Host, Place, home_of
from custledger.storage.identities import Identities
from custledger.storage.journal import Draft, Journal
from custledger.storage.tables import EntryRow, IdentityRow, PayloadRow, StaffRow

__all__ = [
    "Known",
    "Settings",
    "Terms",
    "context_of",
    "known_at",
    "open_context",
    "terms",
    "wall_clock",
]

_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)
_staff = table_of(StaffRow)
_identity = table_of(IdentityRow)

_NO_LEDGER: Final = "There is no ledger yet. Name its owner to make one."


class Settings(NamedTuple):
    """What is fixed when a ledger is made; None takes the default, or what the ledger has."""

    zone: str | None = None
    currency: str | None = None
    region: str | None = None


class Terms(NamedTuple):
    """How a ledger is opened: what may be fixed, the clock, the folder for files, the wait."""

    settings: Settings
    now: Callable[[], datetime]
    evidence: str | os.PathLike[str] | None
    wait: timedelta
    encryption: DataKeys | None = None


class Known(NamedTuple):
    """What stays true of a ledger for good: its key, its uuid, and what was fixed at the start."""

    key: int
    ledger: uuid.UUID
    about: Settings


def terms(
    settings: Settings,
    now: Callable[[], datetime] | None,
    evidence: str | os.PathLike[str] | None,
    wait: timedelta,
    encryption: DataKeys | None = None,
) -> Terms:
    """The terms, checked before anything is touched: a typing error leaves no file behind."""
    clock = now or wall_clock
    if settings.zone is not None:
        check_zone(settings.zone)
    if settings.currency is not None:
        exponent_of(settings.currency)
    if settings.region is not None:
        check_region(settings.region)
    to_microseconds(clock())
    if encryption is not None:
        aes_gcm()
    return Terms(settings, clock, evidence, wait, encryption)


def open_context(home: Place | Host, schema_name: str | None, actor: str, terms: Terms) -> Context:
    """Open what is there, or make a ledger where nothing is; see ``custledger.open_ledger``."""
    actor = check_name(actor)
    found = home_of(home, schema_name, terms.wait.total_seconds())
    database = Database(found.transactions)
    with _leaving_nothing(found):
        _refuse_keys_beside(found.path, terms)
        known = _known(database, actor, terms)
        return context_of(database, known, found.path, actor, terms)


def known_at(home: Home, owner: str | None, terms: Terms) -> Known:
    """What stays true of the ledger at a home; an owner makes it where there is none."""
    if owner is not None:
        owner = check_name(owner)
    elif home.fresh:  # to look into a file that is not there would make it
        raise NotFoundError(_NO_LEDGER)
    with _leaving_nothing(home):
        _refuse_keys_beside(home.path, terms)
        return _known(Database(home.transactions), owner, terms)


@contextmanager
def _leaving_nothing(home: Home) -> Iterator[None]:
    try:
        yield
    except BaseException:
        home.transactions.close()
        if home.fresh and home.path is not None:
            _remove_unless_made(home.path)
        raise


def _known(database: Database, owner: str | None, terms: Terms) -> Known:
    with database.read() as connection:
        fresh = not _is_ledger(connection)
    if fresh:
        if owner is None:
            raise NotFoundError(_NO_LEDGER)
        _make(database, owner, terms)
    with database.read() as connection:
        schema.check_version(schema.current_version(connection))
        known = _about(connection)
    _refuse_other(terms.settings, known.about)
    return known


def _make(database: Database, owner: str, terms: Terms) -> None:
    with database.write() as connection:
        schema.lock(connection)
        if not _is_ledger(connection):  # another process may have made it meanwhile
            if schema.current_version(connection) is None:
                schema.create(connection)
            schema.check_version(schema.current_version(connection))
            _found(connection, owner, terms.now, terms.settings)


def _is_ledger(connection: Connection) -> bool:
    # Tables alone are no ledger: a host's migration may have made them (schema.upgrade).
    return schema.has_table(connection, _entry.name) and any(
        connection.scalar(select(table.c.id).limit(1)) for table in (_identity, _entry)
    )


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
    journal = Journal(
        connection, identities, ledger, zone, owner_key, owner, to_microseconds(now())
    )
    journal.append(
        [
            Draft(key, EntryKind.LEDGER, about),
            Draft(key, EntryKind.STAFF, staff_body(owner, actor, StaffRole.OWNER)),
            Draft(key, EntryKind.SCORE_POLICY, policy.to_body()),
        ]
    )


def context_of(
    database: Database, known: Known, path: Path | None, actor: str, terms: Terms
) -> Context:
    """The ledger as its books see it, for a registered actor."""
    context = Context(
        database=database,
        ledger=known.ledger,
        key=known.key,
        zone=known.about.zone or "",
        currency=known.about.currency or "",
        region=known.about.region,
        actor=0,
        actor_id=known.ledger,
        now=terms.now,
        blobs=_store(path, terms.evidence, known.ledger, joins_host=database.joins_host),
        encryption=terms.encryption,
    )
    with database.read() as connection:
        context.actor, context.actor_id = actor_of(connection, context, check_name(actor))
    return context


def _about(connection: Connection) -> Known:
    """From the ledger's first entry: copies may need rebuilding."""
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
        settings = Settings(about["zone"], about["currency"], about.get("region"))
        return Known(key, ledger, settings)
    except (NoResultFound, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerUnreadableError(
            "The entry about the ledger itself is gone or damaged. Restore a backup."
        ) from error


def _refuse_other(wanted: Settings, found: Settings) -> None:
    for name, want, have in zip(Settings._fields, wanted, found, strict=True):
        if want is not None and want != have:
            raise BadInputError(
                f"This ledger's {name} is {have}, not {want}: it was fixed at the start."
            )


def _store(
    path: Path | None,
    evidence: str | os.PathLike[str] | None,
    ledger: uuid.UUID,
    *,
    joins_host: bool,
) -> BlobStore:
    if evidence is not None:
        # A folder of the user's, which may hold other things: another ledger's files, for one.
        return FolderStore(Path(evidence) / str(ledger))
    if path is None:
        return TableStore()
    # A host's rollback takes back what is in the table; files in the folder would stay.
    beside = FolderStore(_beside(path))
    return EitherStore(beside, keep_in_table=joins_host)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.evidence")


def _refuse_keys_beside(path: Path | None, terms: Terms) -> None:
    if isinstance(terms.encryption, KeyFolder):
        if terms.evidence is not None:
            terms.encryption.refuse_beside(Path(terms.evidence))
        elif path is not None:
            terms.encryption.refuse_beside(_beside(path))


def _remove_unless_made(path: Path) -> None:
    # A location that could not be made into a ledger is left as it was: without a file.
    try:
        if path.stat().st_size == 0:
            for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                name.unlink(missing_ok=True)
    except OSError:
        pass


def wall_clock() -> datetime:
    """Now, as the machine says."""
    return datetime.now(UTC)
