"""What an import did, in figures, and the rows it could not use."""

from __future__ import annotations

import csv
import filecmp
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from custledger.core.records import EntryKind
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.values import EXACT
from custledger.errors import ImportFileError

__all__ = ["Difference", "ImportReport", "MoneySum", "Rejection", "Tally"]

_KEPT: Final = 100
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not imported: the line where it starts, why, and what it holds."""

    line: int
    reason: str
    content: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that the ledger has under the same id with other facts; it was left as it was."""

    line: int
    kind: EntryKind
    external_id: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoneySum:
    """The sum of what was read of one kind and currency, exactly and after rounding each entry."""

    kind: EntryKind
    currency: str
    entries: int
    exact: Decimal
    rounded: Decimal

    @property
    def rounding(self) -> Decimal:
        """What the rounding of single entries adds up to."""
        return EXACT.subtract(self.rounded, self.exact)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The figures of one import; ``rejections`` and ``differences`` hold the first hundred.

    ``encoding_guessed`` says that the file is not UTF-8 and names its encoding by likelihood: look
    at a few names with accents. ``rows`` are the rows read: skipped, duplicate, rejected, or part
    of an entry that was added, ``unchanged`` or ``differing`` from what the ledger has; the lines
    of one invoice become one entry.
    """

    file_name: str
    source: str
    encoding: str
    encoding_guessed: bool
    delimiter: str
    batch: int | None = None
    resumed: bool = False
    written: bool = True
    rows: int = 0
    skipped: Named[str, int] = field(default_factory=dict)
    duplicates: int = 0
    added: Named[EntryKind, int] = field(default_factory=dict)
    customers_added: int = 0
    staff_added: int = 0
    unchanged: int = 0
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    rejected: int = 0
    rejections: tuple[Rejection, ...] = ()
    rejects_file: Path | None = None
    sums: tuple[MoneySum, ...] = ()

    @property
    def entries_added(self) -> int:
        """How many entries of all kinds were added."""
        return sum(self.added.values())


class Tally:
    """Counts while an import runs; the rejects go to a temporary file, whatever their number."""

    def __init__(self, header: tuple[str, ...]) -> None:
        self.rows = self.duplicates = self.customers_added = self.staff_added = 0
        self.unchanged = self.differing = self.rejected = 0
        self.skipped: Counter[str] = Counter()
        self.added: Counter[EntryKind] = Counter()
        self.differences: list[Difference] = []
        self.rejections: list[Rejection] = []
        self._sums: dict[tuple[EntryKind, str], list[Decimal | int]] = {}
        self._header = header
        self._file: TextIO | None = None

    def reject(self, line: int, reason: str, row: list[str]) -> None:
        """Note a row that cannot be used."""
        content = [cell if len(cell) <= _LONGEST else cell[:_LONGEST] + "..." for cell in row]
        self.rejected += 1
        if self._file is None:
            self._file = tempfile.TemporaryFile("w+", newline="", encoding="utf-8")  # noqa: SIM115
            csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerow([line, reason, *content])
        if len(self.rejections) < _KEPT:
            self.rejections.append(Rejection(line, reason, tuple(content)))

    def reject_unread(self, line: int, reason: str, row: list[str]) -> None:
        """Note a row that could not even be read as one."""
        self.rows += 1
        self.reject(line, reason, row)

    def differ(self, difference: Difference) -> None:
        """Note an entry that the ledger has with other facts."""
        self.differing += 1
        if len(self.differences) < _KEPT:
            self.differences.append(difference)

    def add_sum(self, record: ReadRecord) -> None:
        """Add a money entry to the sums of its kind and currency."""
        if record.exact is None:
            return
        money = record.facts["amount"]
        total = self._sums.setdefault((record.kind, money.currency), [0, Decimal(0), Decimal(0)])
        total[0] += 1
        total[1] = EXACT.add(total[1], record.exact)
        total[2] = EXACT.add(total[2], money.amount)

    def sums(self) -> tuple[MoneySum, ...]:
        """The sums so far, in the order of kind and currency."""
        return tuple(
            MoneySum(kind, currency, int(n), Decimal(exact), Decimal(rounded))
            for (kind, currency), (n, exact, rounded) in sorted(self._sums.items())
        )

    def counts(self) -> dict[str, int]:
        """The figures of the file itself, which are the same in every run."""
        skipped = sum(self.skipped.values())
        return {
            "rows": self.rows,
            "rows_skipped": skipped,
            "rows_duplicate": self.duplicates,
            "rows_rejected": self.rejected,
        }

    def check_target(self, target: Path | None) -> None:
        """Refuse a place for the rejects that cannot be written, before anything is imported."""
        if target is None:
            return
        existed = target.exists()
        try:
            target.open("a").close()
            if not existed:
                target.unlink()
        except OSError as error:
            raise ImportFileError(_unwritable(target, error)) from error

    def save_rejects(self, target: Path | None, beside: Path) -> Path | None:
        """Put the rejects where they belong, without touching an older file of the user's.

        Without a target they go beside the imported file; where that folder is read-only, into the
        current folder, else into the one for temporary files.
        """
        if not self.rejected:
            return None
        if target is not None:
            try:
                self._copy_to(target)
            except OSError as error:
                raise ImportFileError(_unwritable(target, error)) from error
            return target
        folders = (beside.parent, Path.cwd(), Path(tempfile.gettempdir()))
        for folder in folders:
            try:
                return self._copy_beside(folder / beside.name)
            except OSError as error:
                failed = error
        raise ImportFileError(_unwritable(folders[-1], failed)) from failed

    def close(self) -> None:
        """Remove the temporary file."""
        if self._file is not None:
            self._file.close()

    def _copy_beside(self, imported: Path) -> Path:
        number = 1
        while True:
            infix = "" if number == 1 else f".{number}"
            target = imported.with_name(f"{imported.name}.rejects{infix}.csv")
            if not target.exists():
                self._copy_to(target)
                return target
            if self._equals(target):
                return target
            number += 1

    def _copy_to(self, target: Path) -> None:
        assert self._file is not None
        self._file.flush()
        self._file.seek(0)
        with target.open("w", newline="", encoding="utf-8") as stream:
            shutil.copyfileobj(self._file, stream)

    def _equals(self, target: Path) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            mine = Path(folder) / "rejects.csv"
            self._copy_to(mine)
            return filecmp.cmp(mine, target, shallow=False)


def _unwritable(target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"The rejects cannot be written to {target}: {reason}. Give another path."
