"""The copies made again from the truth."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import SQLModel

from custledger.errors import LedgerUnreadableError
from custledger.storage import guards
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.chains import Lines, Link, pages, ranges
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
    for span in ranges(connection):
        lines = Lines(connection, span)
        for page in pages(connection, span):
            rows: dict[type[SQLModel], list[tuple[Any, ...]]] = defaultdict(list)
            for model, row in _copies(page, lines, places):
                rows[model].append(row)
            for model, tuples in rows.items():
                insert_rows(connection, model, tuples)
                total += len(tuples)
    guards.apply(connection)
    return total


def _copies(page: Sequence[Link], lines: Lines, places: Places) -> Iterable[CopyRow]:
    try:
        for link in page:
            placed, shared = lines.place(link), link.shared()
            if placed is not None and shared is not None:
                yield from copy_rows(placed, json.loads(shared), places)
    except Exception as error:  # an edited payload can be anything
        raise LedgerUnreadableError(
            "The trail itself was changed, so the copies cannot be made from it. Nothing was "
            "written; `custledger verify` names the entries. Restore a backup."
        ) from error
