"""Import a file into a ledger, or take an import back."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from custledger.core.records import EntryKind, ImportBatch
from custledger.edges.importing.chunks import ChunkWriter
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.mapping import Mapping
from custledger.edges.importing.records import Progress, Reading, open_reading
from custledger.edges.importing.report import ImportReport, Tally
from custledger.ledger import Ledger
from custledger.storage.bulk import table_of
from custledger.storage.scoring.statistics import refresh_statistics
from custledger.storage.tables import EntryRow, IdentityRow, ImportBatchRow

__all__ = ["import_csv", "undo_import"]

_CHUNK: Final = 5_000
_batch = table_of(ImportBatchRow)


def import_csv(
    ledger: Ledger,
    path: str | Path,
    *,
    mapping: Mapping | str | Path | None = None,
    strict: bool = False,
    rejects: str | Path | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a CSV file (packed with gzip or not) and report what became of its rows.

    ``mapping`` is a mapping, the path of one, or the name of one that custledger ships; without it
    the header must be that of a layout of custledger's own. Importing a file twice adds nothing.
    An interrupted import goes on where it stopped when it is called again with the same file and
    mapping. Rows that cannot be used are written to ``rejects``, by default a file beside the
    imported one; with ``strict`` nothing is imported if there is one of them, and the report's
    ``written`` is false. ``progress`` is called with the bytes read and the bytes in all.

    Raises ImportFileError or MappingError, before anything is written.
    """
    reading = open_reading(path, mapping, zone_name=ledger.zone)
    tally = Tally(reading.table.header)
    target = None if rejects is None else Path(rejects)
    try:
        tally.check_target(target)
        writer = ChunkWriter(ledger, reading, tally)
        resumed = _unfinished(ledger, reading)
        written = _run(ledger, reading, writer, tally, progress, strict=strict, resumed=resumed)
        if written:
            refresh_statistics(ledger.context.database, sum(tally.added.values()))
        rejects_file = tally.save_rejects(target, reading.table.facts.path)
        batch = writer.batch if written else None
        return _report(tally, reading, batch, rejects_file, resumed=resumed, written=written)
    finally:
        tally.close()


def undo_import(ledger: Ledger, number: int, *, reason: str) -> ImportBatch:
    """Void everything that an import brought in; the history keeps it, and why it was undone.

    ``number`` is that of the batch, as the report and ``ledger.imports.all()`` give it.
    """
    return ledger.imports.undo(number, reason=reason)


def _report(
    tally: Tally,
    reading: Reading,
    batch: ImportBatch | None,
    rejects_file: Path | None,
    *,
    resumed: bool,
    written: bool,
) -> ImportReport:
    """The report; of an import that was taken back, nothing was added."""
    return ImportReport(
        file_name=reading.table.name,
        source=reading.mapping.source,
        encoding=reading.table.facts.encoding,
        encoding_guessed=reading.table.facts.guessed,
        delimiter=reading.table.delimiter,
        batch=None if batch is None else batch.number,
        resumed=resumed,
        written=written,
        rows=tally.rows,
        skipped=dict(tally.skipped),
        duplicates=tally.duplicates,
        added=dict(sorted(tally.added.items())) if written else {},
        customers_added=tally.customers_added if written else 0,
        staff_added=tally.staff_added if written else 0,
        unchanged=tally.unchanged,
        differing=tally.differing,
        differences=tuple(tally.differences),
        rejected=tally.rejected,
        rejections=tuple(tally.rejections),
        rejects_file=rejects_file,
        sums=tally.sums(),
    )


class _NotStrictlyCleanError(Exception):
    """Raised inside the one transaction of a strict import, to take it back."""


def _run(
    ledger: Ledger,
    reading: Reading,
    writer: ChunkWriter,
    tally: Tally,
    progress: Progress | None,
    *,
    strict: bool,
    resumed: bool,
) -> bool:
    records = reading.records(tally, progress)
    if not strict:
        _write(ledger, writer, records, tally, resumed=resumed)
        return True
    try:
        with ledger.transaction():
            _write(ledger, writer, records, tally, resumed=resumed)
            if tally.rejected:
                raise _NotStrictlyCleanError
    except _NotStrictlyCleanError:
        return False
    return True


def _write(
    ledger: Ledger,
    writer: ChunkWriter,
    records: Iterable[ReadRecord],
    tally: Tally,
    *,
    resumed: bool,
) -> None:
    with _collector_paused():
        for chunk in _chunks(iter(records)):
            writer.write(chunk)
            gc.collect(0)
    if resumed:
        writer.open_batch()
    if writer.batch is not None:
        counts = _entries_of(ledger, writer.batch) | tally.counts()
        writer.batch = ledger.imports.finish(writer.batch, counts=counts)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Leave garbage to reference counting meanwhile."""
    # Full collections walk over the rows in hand, which hold no cycles: a sixth of the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _chunks(records: Iterator[ReadRecord]) -> Iterator[list[ReadRecord]]:
    # The same boundaries in each run: then what a resumed import writes stands in the same order.
    while chunk := list(islice(records, _CHUNK)):
        yield chunk


def _unfinished(ledger: Ledger, reading: Reading) -> bool:
    """Whether an earlier import of the same file and mapping was interrupted."""
    query = select(_batch.c.id).where(
        _batch.c.fingerprint == reading.fingerprint, _batch.c.status == "started"
    )
    with ledger.context.read() as connection:
        return connection.scalar(query) is not None


def _entries_of(ledger: Ledger, batch: ImportBatch) -> dict[str, int]:
    """How many entries of each kind a batch has, whichever run wrote them."""
    entry, identity = table_of(EntryRow), table_of(IdentityRow)
    query = (
        select(entry.c.kind, func.count())
        .join(identity, identity.c.id == entry.c.batch_id)
        .where(identity.c.uuid == batch.id)
        .group_by(entry.c.kind)
    )
    with ledger.context.read() as connection:
        return {EntryKind(kind).value: count for kind, count in connection.execute(query)}
