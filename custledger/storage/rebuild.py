"""The copies made again from the truth."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import delete
from sqlmodel import SQLModel

from custledger.errors import LedgerUnreadableError
from custledger.storage import guards
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.chains import Link, current_entries, read_chains, subject_groups
from custledger.storage.copies import CopyRow, Places, copy_rows
from custledger.storage.journal import Journal
from custledger.storage.tables import COPIES

__all__ = ["rebuild"]


def rebuild(journal: Journal) -> int:
    """Replace every copy by what the entries give, in one transaction; returns the rows written.

    The guards step aside meanwhile, and are all in place again when the transaction commits.
    """
    connection = journal.connection
    guards.drop(connection)
    for copy in COPIES:
        connection.execute(delete(table_of(copy)))
    places = Places(journal.zone, journal.key_of)
    total = 0
    for subjects in subject_groups(connection):
        rows: dict[type[SQLModel], list[tuple[Any, ...]]] = defaultdict(list)
        with closing(read_chains(connection, subjects)) as chains:
            for chain in chains:
                for model, row in _copies(chain, places):
                    rows[model].append(row)
        for model, tuples in rows.items():
            insert_rows(connection, model, tuples)
            total += len(tuples)
    guards.apply(connection)
    return total


def _copies(chain: Sequence[Link], places: Places) -> Iterable[CopyRow]:
    try:
        bodies = {link.seq: json.loads(link.shared() or b"null") for link in chain}
        for placed, body, _ in current_entries(chain, bodies):
            yield from copy_rows(placed, body, places)
    except Exception as error:  # an edited payload can be anything
        raise LedgerUnreadableError(
            "The trail itself was changed, so the copies cannot be made from it. Nothing was "
            "written; `custledger verify` names the entries. Restore a backup."
        ) from error
