"""What a mapping file says: which column becomes which fact, as frozen values.

A mapping is TOML, checked key by key when it is loaded (``custledger.edges.importing.parsing``), so
that a typing error is told by its name before a row is read. The format, key by key, with complete
examples: ``docs/howto/import.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from custledger.core.records import MoneyKind

__all__ = [
    "FIRST_SEEN",
    "NOW",
    "OCCURRED_AT",
    "Condition",
    "CustomerMapping",
    "Field",
    "Mapping",
    "RecordMapping",
    "Refusal",
    "Skip",
    "Source",
]

FIRST_SEEN: Final = "first_seen"
"""Written for a customer's ``joined_on``: the day of the customer's first record in the file."""
OCCURRED_AT: Final = "occurred_at"
"""Written for ``known_at``: the firm knew when it happened."""
NOW: Final = "now"
"""Written for ``known_at``: the firm knows since the import."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one column's text (without the spaces around it)."""

    column: str
    equals: frozenset[str] | None = None
    not_equals: frozenset[str] | None = None
    matches: re.Pattern[str] | None = None
    not_matches: re.Pattern[str] | None = None
    empty: bool | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Rows that are left out and counted under a name; nothing is wrong with them."""

    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows that go to the reject report with a reason."""

    reason: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Source:
    """Where one fact comes from, and how its text becomes a value.

    Exactly one of ``columns``, ``template``, ``product``, ``constant`` and ``digest`` is set.
    """

    columns: tuple[str, ...] = ()
    template: str | None = None
    product: tuple[str, ...] = ()
    constant: str | bool | None = None
    digest: bool = False
    optional: bool = False
    remove: re.Pattern[str] | None = None
    replace: tuple[tuple[re.Pattern[str], str], ...] = ()
    empty_values: frozenset[str] = frozenset()
    refuse: tuple[tuple[re.Pattern[str], str], ...] = ()
    values: dict[str, str] | None = None
    other: str | None = None
    default: str | None = None
    format: tuple[str, ...] = ()
    time_zone: str | None = None
    decimal: str = "."
    thousands: str = ""
    unit: str | None = None
    negate: bool = False
    add_days: int = 0
    only_for: frozenset[str] = frozenset()

    def named_columns(self) -> Iterator[str]:
        """Every column that this source reads."""
        yield from self.columns
        yield from self.product
        if self.template is not None:
            yield from re.findall(r"\{([^{}]+)\}", self.template)


Field = tuple[Source, ...]
"""Sources in order of preference: the first one that is not empty gives the value."""


@dataclass(frozen=True, slots=True)
class CustomerMapping:
    """How a row names its customer, and what is known of a customer made on the way."""

    source: str
    external_id: Field
    fields: dict[str, Field]
    create: bool = True
    first_seen: bool = False


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """One kind of entry that a row, or a group of rows, becomes."""

    kind: Field
    fields: dict[str, Field]
    when: tuple[Condition, ...] = ()
    group_by: tuple[str, ...] = ()
    if_negative: MoneyKind | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping file; without records every row is a customer."""

    name: str
    digest: str
    source: str
    customer: CustomerMapping
    records: tuple[RecordMapping, ...] = ()
    skips: tuple[Skip, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    time_zone: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    drop_duplicates: bool = False
    refuse_other_columns: bool = False

    def needed_columns(self) -> list[str]:
        """The columns that a file must have, in the order of the mapping."""
        return list(dict.fromkeys(name for name, optional in self._columns() if not optional))

    def named_columns(self) -> list[str]:
        """The columns that the mapping reads where the file has them."""
        return list(dict.fromkeys(name for name, _ in self._columns()))

    def _columns(self) -> Iterator[tuple[str, bool]]:
        yield from ((skip.condition.column, False) for skip in self.skips)
        yield from ((refusal.condition.column, False) for refusal in self.refusals)
        for record in self.records:
            yield from ((condition.column, False) for condition in record.when)
            yield from ((column, False) for column in record.group_by)
        for sources in self._fields():
            for source in sources:
                yield from ((column, source.optional) for column in source.named_columns())

    def _fields(self) -> Iterator[Field]:
        yield self.customer.external_id
        yield from self.customer.fields.values()
        for record in self.records:
            yield record.kind
            yield from record.fields.values()
