"""From a row, or a group of rows, to the facts of an entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from custledger.core.money import MAX_MINOR, Money, exponent_of, round_half_even
from custledger.core.records import EntryKind
from custledger.edges.importing.fields import Columns, Getter, Row, compile_field, compile_test
from custledger.edges.importing.mapping import NOW, OCCURRED_AT, Field, Mapping, RecordMapping
from custledger.edges.importing.values import EXACT, RowRefusedError
from custledger.edges.importing.vocabulary import (
    CUSTOMER_FACTS,
    INTERACTION_FACTS,
    KINDS,
    MONEY_FACTS,
    MONEY_KINDS,
    REQUIRED,
    How,
)

__all__ = ["CustomerConverter", "ReadRecord", "RecordConverter"]

_NO_TARGET: Final = frozenset({EntryKind.INVOICE, EntryKind.SALE})


class ReadRecord(NamedTuple):
    """The facts of one entry to be recorded, ready for the books.

    ``customer`` is the customer's external id. Facts hold Money, aware datetimes, timedeltas and
    text; ``staff`` is a name and ``applies_to`` an external id, for the writer to look up.
    ``exact`` is a money entry's amount before rounding. ``implied`` marks a customer that a record
    mentions, to be added only if the ledger does not have it.
    """

    line: int
    kind: EntryKind
    customer: str
    facts: dict[str, Any]
    row: Row
    exact: Decimal | None = None
    implied: bool = False


class CustomerConverter:
    """Which customer a row is about, and the facts to make it of."""

    def __init__(self, mapping: Mapping, columns: Columns) -> None:
        spec = mapping.customer
        self.source, self.create = spec.source, spec.create
        self._id = compile_field("customer", How.ID, spec.external_id, columns)
        self._getters = _getters(spec.fields, CUSTOMER_FACTS, columns, EntryKind.CUSTOMER)
        self.places = [
            columns.index[name]
            for source in spec.external_id
            for name in source.named_columns()
            if name in columns.index
        ]

    def external_id(self, row: Row) -> str:
        """The customer's id in the row, or RowRefusedError."""
        found = self._id(row) if self._id else None
        if not found:
            raise RowRefusedError("The row names no customer. Fill in the customer's id.")
        return str(found)

    def facts(self, row: Row, external_id: str) -> dict[str, Any]:
        """The facts of the customer; without a name the external id is the name."""
        facts = {"name": external_id, **_values(self._getters, row)}
        return facts | {"source": self.source, "external_id": external_id}


class RecordConverter:
    """One ``[[record]]`` of a mapping, compiled for a file."""

    def __init__(self, mapping: Mapping, spec: RecordMapping, columns: Columns) -> None:
        self._tests = [compile_test(condition, columns) for condition in spec.when]
        constant = spec.kind[0].constant
        self._kind = EntryKind(str(constant)) if constant is not None else None
        self._kind_of = compile_field("kind", How.WORD, spec.kind, columns)
        self._source, self._if_negative = mapping.source, spec.if_negative
        self.group_by = [columns.index[column] for column in spec.group_by]
        self._getters = {kind: _record_getters(spec, columns, kind) for kind in self._kinds()}
        self.amount = _compile(spec, "amount", columns, How.NUMBER)
        self._occurred_at = _compile(spec, "occurred_at", columns, How.MOMENT)
        self._minor = any(s.unit == "minor" for f in spec.fields.values() for s in f)

    def wants(self, row: Row) -> bool:
        """Whether this record is made from the row."""
        for test in self._tests:  # noqa: SIM110 - all() of a generator takes twice as long
            if not test(row):
                return False
        return True

    def occurred_at(self, row: Row) -> datetime | None:
        """When it happened, or None where the row does not say."""
        found = self._occurred_at(row) if self._occurred_at else None
        return found if isinstance(found, datetime) else None

    def convert(
        self, row: Row, line: int, customer: str, total: Decimal | None = None
    ) -> ReadRecord:
        """The entry that a row becomes; ``total`` is the sum of a group that the row begins."""
        kind = self._kind or self._kind_in(row)
        exact = total
        if exact is None and kind in MONEY_KINDS and self.amount is not None:
            exact = self.amount(row)
        if exact is not None and exact < 0:
            kind, exact = self._turned(kind, exact)
        facts = _values(self._getters[kind], row)
        facts["source"] = self._source
        _require(kind, facts, exact)
        if facts.get("known_at") == OCCURRED_AT:
            facts["known_at"] = facts["occurred_at"]
        elif facts.get("known_at") == NOW:
            del facts["known_at"]
        _put_money(kind, facts, exact, minor=self._minor)
        return ReadRecord(line, kind, customer, facts, row, self._major(exact, facts))

    def _kinds(self) -> frozenset[EntryKind]:
        if self._kind is None:
            return KINDS
        other = {EntryKind(self._if_negative)} if self._if_negative else set()
        return frozenset({self._kind, *other})

    def _kind_in(self, row: Row) -> EntryKind:
        word = self._kind_of(row) if self._kind_of else None
        if not word:
            raise RowRefusedError("kind is empty. Say what the row is, such as invoice or payment.")
        kind = EntryKind(word)
        if kind not in MONEY_KINDS:
            raise RowRefusedError(f"kind: {word} is no money entry. Use {_words(MONEY_KINDS)}.")
        return kind

    def _turned(self, kind: EntryKind, amount: Decimal) -> tuple[EntryKind, Decimal]:
        if self._if_negative is None:
            raise RowRefusedError(
                f"amount: {amount} is negative, and the kind ({kind}) says which way money went. "
                "Use another kind, or `negate` or `if_negative` in a mapping."
            )
        return EntryKind(self._if_negative), EXACT.minus(amount)

    def _major(self, exact: Decimal | None, facts: dict[str, Any]) -> Decimal | None:
        if exact is None or not self._minor:
            return exact
        return exact.scaleb(-exponent_of(facts["amount"].currency), EXACT)


def _compile(spec: RecordMapping, name: str, columns: Columns, how: How) -> Getter | None:
    field = spec.fields.get(name)
    return None if field is None else compile_field(name, how, field, columns)


def _record_getters(
    spec: RecordMapping, columns: Columns, kind: EntryKind
) -> list[tuple[str, Getter]]:
    known = INTERACTION_FACTS if kind is EntryKind.INTERACTION else MONEY_FACTS
    # What a negative amount turns an entry into need not know the facts of what it was.
    turned = spec.if_negative is not None and kind == spec.if_negative.value
    fields = {
        name: field
        for name, field in spec.fields.items()
        if name in known and name != "amount" and not (turned and not _applies(name, kind))
    }
    return _getters(fields, known, columns, kind)


def _getters(
    fields: dict[str, Field], hows: dict[str, How], columns: Columns, kind: EntryKind
) -> list[tuple[str, Getter]]:
    pairs = [(n, compile_field(n, hows[n], f, columns, kind.value)) for n, f in fields.items()]
    return [(name, getter) for name, getter in pairs if getter is not None]


def _values(getters: list[tuple[str, Getter]], row: Row) -> dict[str, Any]:
    facts = {}
    for name, get in getters:
        value = get(row)
        if value is not None:
            facts[name] = value
    return facts


def _applies(name: str, kind: EntryKind) -> bool:
    if name == "due_on":
        return kind is EntryKind.INVOICE
    if name == "goods_returned":
        return kind is EntryKind.REFUND
    return name != "applies_to" or kind not in _NO_TARGET


def _require(kind: EntryKind, facts: dict[str, Any], exact: Decimal | None) -> None:
    names = REQUIRED["interaction" if kind is EntryKind.INTERACTION else "money"]
    for name in names:
        if name not in facts and (name != "amount" or exact is None):
            raise RowRefusedError(f"{name} is empty. Fill it in, or give it a `default`.")
    if kind is EntryKind.INVOICE and "due_on" not in facts:
        raise RowRefusedError(
            "due_on is empty. Give an invoice its due date; what was paid at once is a sale."
        )
    for name in ("due_on", "goods_returned", "applies_to"):
        if facts.get(name) and not _applies(name, kind):
            raise RowRefusedError(f"{name} does not belong to a {kind}. Leave it empty there.")


def _put_money(
    kind: EntryKind, facts: dict[str, Any], exact: Decimal | None, *, minor: bool
) -> None:
    if kind is not EntryKind.INTERACTION and exact is not None:
        facts["amount"] = _money("amount", exact, facts.pop("currency"), minor)
        return
    currency, rate = facts.pop("currency", None), facts.get("hourly_rate")
    if rate is None:
        return
    if currency is None:
        raise RowRefusedError("hourly_rate has no currency. Give the column or value `currency`.")
    if rate < 0:
        raise RowRefusedError(f"hourly_rate: {rate} is negative. Correct it.")
    facts["hourly_rate"] = _money("hourly_rate", rate, currency, minor)


def _money(name: str, number: Decimal, currency: str, minor: bool) -> Money:
    units = round_half_even(number if minor else number.scaleb(exponent_of(currency), EXACT))
    if units > MAX_MINOR:
        raise RowRefusedError(f"{name}: {number} is more than custledger can hold. Correct it.")
    return Money(units, currency)


def _words(kinds: Iterable[EntryKind]) -> str:
    return ", ".join(sorted(kinds))
