"""Lines of one invoice added up: exact sums, one rounding at the end.

One group costs the memory of its first row and a sum, whatever the number of its lines; the groups
are kept until the file ends, because nothing says that the lines of an invoice stand together (in
the Online Retail data one invoice's do not).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from custledger.edges.importing.convert import RecordConverter
from custledger.edges.importing.fields import Row
from custledger.edges.importing.values import EXACT, RowRefusedError

__all__ = ["Group", "Groups"]


class Group:
    """The lines that share a key: the first of them, their number and their exact sum."""

    __slots__ = ("converter", "count", "line", "row", "spoiled", "total")

    def __init__(self, converter: RecordConverter, line: int, row: Row) -> None:
        self.converter, self.line, self.row = converter, line, row
        self.count = 0
        self.total = Decimal(0)
        self.spoiled = ""


class Groups:
    """All groups of a file, in the order of their first lines."""

    def __init__(self, customer_places: list[int]) -> None:
        self._groups: dict[tuple[object, ...], Group] = {}
        self._customer_places = customer_places

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def add(self, converter: RecordConverter, line: int, row: Row) -> None:
        """Add a line to its group; RowRefusedError if it cannot be added."""
        key = (id(converter), *[row[at] for at in converter.group_by])
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(converter, line, row)
        amount = converter.amount(row) if converter.amount else None
        if amount is None:
            raise RowRefusedError("amount is empty. Fill it in, or give it a `default`.")
        for at in self._customer_places:
            if row[at] != group.row[at]:
                raise RowRefusedError(
                    f"The customer differs from that in line {group.line} of the same group. "
                    "Correct it, or add the customer's column to `group_by`."
                )
        group.count += 1
        group.total = EXACT.add(group.total, amount)

    def spoil(self, converter: RecordConverter, line: int, row: Row) -> None:
        """A line of the group was refused: the rest of it would add up to a false amount."""
        key = (id(converter), *[row[at] for at in converter.group_by])
        group = self._groups.setdefault(key, Group(converter, line, row))
        group.spoiled = group.spoiled or f"Line {line}, which belongs to it, was refused."
