"""The current entries of a customer's chain that one book keeps: read, corrected and voided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from custledger.core.bodies import StoredEntry
from custledger.core.checks import check_reason
from custledger.core.records import EntryRef
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.drafting import Wording
from custledger.storage.external import refuse_known
from custledger.storage.journal import Draft, Journal, Written
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.reading import stored_entries

__all__ = ["Entries", "check_changes", "check_rows"]

_FIXED: Final = ("customer", "kind")


class _Record(Protocol):
    @property
    def id(self) -> EntryRef: ...


R = TypeVar("R", bound=_Record)


class Entries(Generic[R]):
    """The entries of one table of copies, as the records that ``record_of`` makes of them."""

    def __init__(
        self, context: Context, model: type[SQLModel], record_of: Callable[[StoredEntry], R]
    ) -> None:
        self._context, self._model, self._record_of = context, model, record_of

    def append(self, journal: Journal, drafts: Sequence[Draft]) -> list[Written]:
        """Write new entries, unless the external id of one is in the ledger already."""
        refuse_known(journal.connection, self._model, (draft.body for draft in drafts))
        return journal.append(drafts)

    def record(self, journal: Journal, draft: Draft) -> R:
        """Write one new entry, and return it."""
        return self._record_of(journal.stored(draft, self.append(journal, [draft])[0]))

    def get(self, entry: R | EntryRef) -> R:
        """The current state of an entry, or NotFoundError once it was voided."""
        ref = _ref(entry)
        with self._context.read() as connection:
            found = current(connection, self._context, self._model, ref)
            return self._read(connection, [(found.entry_id, ref.seq)])[0]

    def of(self, customer: CustomerLike) -> list[R]:
        """A customer's entries, in the order they happened."""
        table = table_of(self._model)
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            query = (
                select(table.c.entry_id, table.c.seq)
                .where(table.c.customer_id == key)
                .order_by(table.c.occurred_at, table.c.seq)
            )
            rows = [(entry, seq) for entry, seq in connection.execute(query)]
            return self._read(connection, rows)

    def correct(
        self, entry: R | EntryRef, reason: str, reworded: Callable[[Journal, R], Wording]
    ) -> R:
        """Write a new state, which ``reworded`` words from the current one."""
        ref = _ref(entry)
        with self._context.write() as journal:
            found = current(journal.connection, self._context, self._model, ref)
            draft = reworded(journal, self.get(ref)).draft(found.subject_id)
            draft.body["reason"] = check_reason(reason)
            refuse_known(journal.connection, self._model, [draft.body], but=found.entry_id)
            journal.append([draft._replace(supersedes=found.seq)])
            return self.get(ref)

    def void(self, entry: R | EntryRef, reason: str) -> None:
        """Take an entry recorded by mistake out of the current state."""
        with self._context.write() as journal:
            void(journal, self._context, self._model, _ref(entry), reason)

    def _read(self, connection: Connection, rows: list[tuple[int, int]]) -> list[R]:
        stored = stored_entries(connection, self._context.identities, rows)
        return [self._record_of(entry) for entry in stored]


def check_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a correction names: at least one, and none that never changes."""
    for name in _FIXED:
        if name in changes:
            raise BadInputError(
                f"A correction cannot change the {name}. Void the entry, and record it anew."
            )
    if not changes:
        raise BadInputError("Nothing to correct: name at least one fact that changes.")
    return dict(changes)


def check_rows(rows: object) -> list[Mapping[str, Any]]:
    """The rows of a batch, each a mapping of named facts."""
    found: list[Mapping[str, Any]] = []
    for row in rows if isinstance(rows, Iterable) else (rows,):
        if not isinstance(row, Mapping):
            raise BadInputError(f"A row is a mapping such as {{'channel': 'phone'}}, not {row!r}.")
        found.append(row)
    return found


def _ref(entry: object) -> EntryRef:
    ref = getattr(entry, "id", entry)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its id (an EntryRef), not {entry!r}.")
    return ref
