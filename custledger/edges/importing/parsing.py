"""A mapping file, read and checked key by key; every error names the key and its remedy."""

from __future__ import annotations

import codecs
import hashlib
import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from custledger.core.records import MoneyKind
from custledger.edges.importing.mapping import (
    FIRST_SEEN,
    Condition,
    CustomerMapping,
    Field,
    Mapping,
    RecordMapping,
    Refusal,
    Skip,
    Source,
)
from custledger.edges.importing.toml_table import Table
from custledger.edges.importing.values import RowRefusedError, reading_of
from custledger.edges.importing.vocabulary import (
    CUSTOMER_FACTS,
    INTERACTION_FACTS,
    KEYS_OF,
    KINDS,
    MONEY_FACTS,
    REQUIRED,
    How,
)
from custledger.errors import MappingError

__all__ = ["LAYOUTS", "load_mapping", "parse_mapping"]

LAYOUTS: Final = ("interactions", "money", "customers")
"""custledger's own layouts, in the order in which a header is tried against them."""

_TESTS: Final = ("equals", "not_equals", "matches", "not_matches", "empty")
_ORIGINS: Final = ("column", "columns", "template", "product", "value", "digest")
_TOP: Final = frozenset(
    {"layout", "source", "time_zone", "delimiter", "encoding", "duplicates", "other_columns"}
    | {"numbers", "skip", "refuse", "customer", "record"}
)
_DURATION_UNITS: Final = ("seconds", "minutes", "hours", "h:mm:ss", "m:ss")
_MONEY_UNITS: Final = ("major", "minor")


def load_mapping(name: str | Path) -> Mapping:
    """The mapping in a file, or the shipped one of that name (``online_retail``, ``money`` ...).

    Raises MappingError that names the file, the key and what to write instead.
    """
    path: Path | Traversable = Path(name)
    if isinstance(name, str) and re.fullmatch(r"[a-z_]+", name) and not Path(name).exists():
        path = _shipped(name)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingError(f"{name} is not UTF-8 text. Save the mapping as UTF-8.") from error
    except OSError as error:
        if isinstance(error, FileNotFoundError) and Path(name).name == str(name):
            raise _no_mapping(str(name)) from error
        reason = error.strerror or "it cannot be read"
        raise MappingError(f"The mapping {name} cannot be read: {reason}.") from error
    return parse_mapping(text, name=str(name))


def parse_mapping(text: str, *, name: str = "mapping") -> Mapping:
    """The mapping that TOML text describes; ``name`` is how errors call it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name} is not TOML: {error}.") from error
    digest = hashlib.sha256(text.encode())
    if "layout" in document:
        base = _base(document["layout"], name)
        digest.update(base.encode())
        document = _over(tomllib.loads(base), document)
    return _mapping(Table(document, name, "", _TOP), digest.hexdigest())


def _shipped(name: str) -> Traversable:
    folder = files("custledger") / "data"
    for place in ("layouts", "mappings"):
        found = folder / place / f"{name}.toml"
        if found.is_file():
            return found
    raise _no_mapping(name)


def _no_mapping(name: str) -> MappingError:
    """Says which mappings there are without a file: the name of one may be mistyped."""
    folder = files("custledger") / "data" / "mappings"
    names = sorted(found.name.removesuffix(".toml") for found in folder.iterdir())
    return MappingError(
        f"There is no mapping file {name}, and custledger ships none of that name. It ships: "
        f"{', '.join(names)}; and its own layouts: {', '.join(LAYOUTS)}."
    )


def _base(layout: object, name: str) -> str:
    if layout not in LAYOUTS:
        raise MappingError(f"{name}: layout: {layout!r} is not one of: {', '.join(LAYOUTS)}.")
    return _shipped(str(layout)).read_text("utf-8")


def _over(base: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    merged = base | document
    if isinstance(document.get("customer"), dict) and "customer" in base:
        merged["customer"] = base["customer"] | document["customer"]
    return merged


def _mapping(table: Table, digest: str) -> Mapping:
    source = table.required("source")
    if "customer" not in table.values:
        raise table.error("customer", "is missing: say which column names the customer")
    numbers = Table(
        table.values.get("numbers", {}), table.name, "numbers", ("decimal", "thousands")
    )
    records = tuple(_record(table, where, item, numbers) for where, item in table.tables("record"))
    return Mapping(
        name=table.name,
        digest=digest,
        source=source,
        customer=_customer(table, source, own_rows=not records),
        records=records,
        skips=tuple(_skip(table, where, item) for where, item in table.tables("skip")),
        refusals=tuple(_refusal(table, where, item) for where, item in table.tables("refuse")),
        time_zone=table.zone("time_zone"),
        delimiter=_delimiter(table),
        encoding=_encoding(table),
        drop_duplicates=table.choice("duplicates", ("keep", "drop")) == "drop",
        refuse_other_columns=table.choice("other_columns", ("ignore", "refuse")) == "refuse",
    )


def _delimiter(table: Table) -> str | None:
    delimiter = table.text("delimiter")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise table.error(
            "delimiter", f'write one character, such as "," or "\\t", not {delimiter!r}'
        )
    return delimiter


def _encoding(table: Table) -> str | None:
    encoding = table.text("encoding")
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError as error:
        raise table.error("encoding", f"{encoding!r} is not a known encoding") from error
    return encoding


def _condition(table: Table) -> Condition:
    found = [test for test in _TESTS if test in table.values]
    if len(found) != 1:
        raise table.error(None, f"write one of {', '.join(_TESTS)}")
    equals, not_equals = table.texts("equals"), table.texts("not_equals")
    return Condition(
        column=table.required("column"),
        equals=frozenset(equals) if "equals" in found else None,
        not_equals=frozenset(not_equals) if "not_equals" in found else None,
        matches=table.pattern("matches"),
        not_matches=table.pattern("not_matches"),
        empty=table.flag("empty") if "empty" in found else None,
    )


def _skip(top: Table, where: str, item: object) -> Skip:
    table = Table(item, top.name, where, ("name", "column", *_TESTS))
    return Skip(table.required("name"), _condition(table))


def _refusal(top: Table, where: str, item: object) -> Refusal:
    table = Table(item, top.name, where, ("reason", "column", *_TESTS))
    return Refusal(table.required("reason"), _condition(table))


def _customer(top: Table, source: str, *, own_rows: bool) -> CustomerMapping:
    known = {"source", "create", *CUSTOMER_FACTS}
    table = Table(top.values["customer"], top.name, "customer", known)
    if "external_id" not in table.values:
        raise table.error("external_id", "is missing: say which column names the customer")
    first_seen = table.values.get("joined_on") == FIRST_SEEN
    if first_seen and own_rows:
        raise table.error("joined_on", f"{FIRST_SEEN!r} needs records; name a column")
    if own_rows and "name" not in table.values:
        raise table.error("name", "is missing")
    create = table.values.get("create", True)
    if not isinstance(create, bool):
        raise table.error("create", f"write true or false, not {create!r}")
    left_out = {"source", "create", "external_id"} | ({"joined_on"} if first_seen else set())
    fields = {
        key: _field(table, key, CUSTOMER_FACTS[key], {})
        for key in table.values
        if key not in left_out
    }
    external_id = _field(table, "external_id", How.ID, {})
    owner = table.text("source", source) or source
    return CustomerMapping(owner, external_id, fields, create, first_seen)


def _record(top: Table, where: str, item: object, numbers: Table) -> RecordMapping:
    facts = INTERACTION_FACTS | MONEY_FACTS
    table = Table(item, top.name, where, {"kind", "when", "group_by", "if_negative", *facts})
    if "kind" not in table.values:
        raise table.error("kind", f"is missing; it is one of: {', '.join(sorted(KINDS))}")
    kind = _field(table, "kind", How.WORD, {})
    constant = kind[0].constant
    known = INTERACTION_FACTS if constant == "interaction" else MONEY_FACTS
    wrong = sorted(table.values.keys() - known.keys() - {"kind", "when", "group_by", "if_negative"})
    if wrong:
        raise table.error(wrong[0], f"is no fact of {constant or 'a money entry'}")
    required = REQUIRED["interaction" if constant == "interaction" else "money"]
    if constant == "invoice":
        required = (*required, "due_on")
    for key in required:
        if key not in table.values:
            raise table.error(key, "is missing")
    if constant == "interaction" and "group_by" in table.values:
        raise table.error("group_by", "adds up amounts, which an interaction does not have")
    if constant is not None and constant not in KINDS:
        raise table.error("kind", f"{constant!r} is not one of: {', '.join(sorted(KINDS))}")
    return RecordMapping(
        kind=kind,
        fields={k: _field(table, k, known[k], numbers.values) for k in table.values if k in known},
        when=_when(table),
        group_by=table.texts("group_by"),
        if_negative=_if_negative(table),
    )


def _if_negative(table: Table) -> MoneyKind | None:
    kind = table.choice("if_negative", list(MoneyKind))
    return None if kind is None else MoneyKind(kind)


def _when(table: Table) -> tuple[Condition, ...]:
    value = table.values.get("when", [])
    several = value if isinstance(value, list) else [value]
    where = f"{table.where}.when"
    return tuple(_condition(Table(v, table.name, where, ("column", *_TESTS))) for v in several)


def _field(parent: Table, key: str, how: How, numbers: dict[str, Any]) -> Field:
    value = parent.values[key]
    several = value if isinstance(value, list) else [value]
    if not several:
        raise parent.error(key, "the list is empty")
    return tuple(_source(parent, key, how, item, numbers) for item in several)


def _source(parent: Table, key: str, how: How, item: object, numbers: dict[str, Any]) -> Source:
    if isinstance(item, str | bool | int):
        source = Source(constant=item if isinstance(item, bool) else str(item))
        _check_words(parent, key, how, source)
        return source
    defaults = numbers if how in (How.NUMBER, How.DURATION) else {}
    where = f"{parent.where}.{key}"
    table = Table(item, parent.name, where, KEYS_OF[how])
    _one_origin(table)
    signs = Table(defaults | table.values, parent.name, where, KEYS_OF[how])
    decimal, thousands = signs.text("decimal", ".") or "", signs.text("thousands", "") or ""
    if decimal not in (".", ",") or decimal == thousands:
        raise table.error("decimal", 'write "." or ",", and another sign for thousands')
    constant = table.values.get("value")
    units = _MONEY_UNITS if how is How.NUMBER else _DURATION_UNITS
    column = table.text("column")
    source = Source(
        columns=(column,) if column else table.texts("columns"),
        template=table.text("template"),
        product=table.texts("product"),
        constant=constant if isinstance(constant, bool) or constant is None else str(constant),
        digest=table.flag("digest"),
        optional=table.flag("optional"),
        remove=table.pattern("remove"),
        replace=_pairs(table, "replace", "with"),
        empty_values=frozenset(table.texts("empty_values")),
        refuse=_pairs(table, "refuse", "reason"),
        values=_values(table),
        other=table.text("other"),
        default=table.text("default"),
        format=table.texts("format"),
        time_zone=table.zone("time_zone"),
        decimal=decimal,
        thousands=thousands,
        unit=table.choice("unit", units),
        negate=table.flag("negate"),
        add_days=_days(table),
        only_for=frozenset(table.texts("only_for")),
    )
    if not source.only_for <= KINDS:
        raise table.error("only_for", f"is not among: {', '.join(sorted(KINDS))}")
    _check_words(table, key, how, source)
    return source


def _check_words(table: Table, key: str, how: How, source: Source) -> None:
    """Refuse what the mapping itself says, if it would be refused in every row."""
    read = reading_of(key, how, source, "UTC", "UTC")
    texts = [source.constant, source.default, source.other, *(source.values or {}).values()]
    for text in texts:
        if isinstance(text, str) and text:
            try:
                read(text)
            except RowRefusedError as refusal:
                raise table.error(None, str(refusal).rstrip(".")) from refusal


def _one_origin(table: Table) -> None:
    found = [origin for origin in _ORIGINS if table.values.get(origin) not in (None, [], "")]
    if len(found) != 1:
        choices = ", ".join(origin for origin in _ORIGINS)
        raise table.error(None, f"say once where the value comes from: {choices}")


def _pairs(table: Table, key: str, second: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = []
    for where, item in table.tables(key):
        pair = Table(item, table.name, where, ("matches", second))
        pattern = pair.pattern("matches")
        if pattern is None:
            raise pair.error("matches", "is missing")
        pairs.append((pattern, pair.text(second) or ""))
    return tuple(pairs)


def _values(table: Table) -> dict[str, str] | None:
    values = table.values.get("values")
    if values is None:
        return None
    if not isinstance(values, dict):
        raise table.error("values", 'write a table, such as { "COMPL" = "complaint" }')
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
    }


def _days(table: Table) -> int:
    days = table.values.get("add_days", 0)
    if type(days) is not int:
        raise table.error("add_days", f"write a whole number of days, not {days!r}")
    return days
