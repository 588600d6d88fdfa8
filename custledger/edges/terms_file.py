"""Refund terms as a TOML file: what a firm writes by hand, read with the place of each mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from custledger.core.calendar.periods import Period
from custledger.core.refunds.floors import EU_WITHDRAWAL, Floor, NoWithdrawal
from custledger.core.refunds.terms import Condition, GoodsTerms, NoticeTier, Payer, ServiceTerms
from custledger.edges.importing.toml_table import Table
from custledger.errors import BadInputError

__all__ = ["TermsFile", "parse_terms", "read_terms"]

_TOP: Final = (
    "effective_on",
    "until",
    "at_distance",
    "to_consumers",
    "floor",
    "reason",
    "goods",
    "services",
)
_GOODS: Final = ("trial", "percent", "condition", "return_shipping", "no_withdrawal")
_SERVICES: Final = ("tiers", "no_withdrawal")
_TIER: Final = ("ahead", "percent")
_FLOOR: Final = ("name", "source", "period", "untold")
_FLOORS: Final = {"eu": EU_WITHDRAWAL, "none": None}
_T = TypeVar("_T")


class TermsFile(TypedDict):
    """What a file says, as ``ledger.terms.set`` takes it."""

    goods: GoodsTerms | None
    services: ServiceTerms | None
    effective_on: date | None
    until: date | None
    at_distance: bool
    to_consumers: bool
    floor: Floor | None
    reason: str


def read_terms(path: str | Path) -> TermsFile:
    """The terms in a file; BadInputError names the file and the key that is wrong."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    return parse_terms(text, name=str(path))


def parse_terms(text: str, *, name: str = "terms") -> TermsFile:
    r"""The terms that TOML text describes; ``name`` is how errors call it.

    >>> found = parse_terms('[goods]\ntrial = "30 days"')
    >>> str(found["goods"].trial), found["floor"].code
    ('30 days', 'eu_withdrawal')
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{name} is not TOML: {error}.") from error
    table = Table(document, name, "", _TOP)
    return TermsFile(
        goods=_goods(table),
        services=_services(table),
        effective_on=_day(table, "effective_on"),
        until=_day(table, "until"),
        at_distance=_flag(table, "at_distance"),
        to_consumers=_flag(table, "to_consumers"),
        floor=_floor(table),
        reason=table.text("reason", "") or "",
    )


def _goods(top: Table) -> GoodsTerms | None:
    if "goods" not in top.values:
        return None
    table = Table(top.values["goods"], top.name, "goods", _GOODS)
    return GoodsTerms(
        trial=_period(table, "trial"),
        percent=_percent(table, 100),
        condition=Condition(table.choice("condition", tuple(Condition)) or Condition.TRIED),
        return_shipping=Payer(table.choice("return_shipping", tuple(Payer)) or Payer.FIRM),
        no_withdrawal=_exceptions(table),
    )


def _services(top: Table) -> ServiceTerms | None:
    if "services" not in top.values:
        return None
    table = Table(top.values["services"], top.name, "services", _SERVICES)
    tiers = [Table(item, top.name, where, _TIER) for where, item in table.tables("tiers")]
    found = tuple(NoticeTier(_period(tier, "ahead"), _percent(tier, None)) for tier in tiers)
    return ServiceTerms(found, _exceptions(table))


def _floor(top: Table) -> Floor | None:
    value = top.values.get("floor", "eu")
    if isinstance(value, str):
        name = top.choice("floor", _FLOORS, "eu")
        return _FLOORS[name or "eu"]
    table = Table(value, top.name, "floor", _FLOOR)
    untold = EU_WITHDRAWAL.untold if "untold" not in table.values else _period(table, "untold")
    return replace(
        EU_WITHDRAWAL,
        code="own",
        name=table.required("name"),
        source=table.required("source"),
        period=_period(table, "period"),
        untold=untold,
    )


def _day(table: Table, key: str) -> date | None:
    value = table.values.get(key)
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise table.error(key, f"write a day without quotes, such as 2026-12-01, not {value!r}")
    return value


def _flag(table: Table, key: str) -> bool:
    return table.flag(key) if key in table.values else True


def _percent(table: Table, default: int | None) -> int:
    value = table.values.get("percent", default)
    if value is None:
        raise table.error("percent", "is missing")
    if type(value) is not int:
        raise table.error("percent", f"write a whole number, such as 50, not {value!r}")
    return value


def _period(table: Table, key: str) -> Period:
    return _told(table, key, Period.parse, table.required(key))


def _exceptions(table: Table) -> frozenset[NoWithdrawal]:
    found = table.texts("no_withdrawal")
    for word in found:
        if word not in tuple(NoWithdrawal):
            choices = ", ".join(NoWithdrawal)
            raise table.error("no_withdrawal", f"{word!r} is not one of: {choices}")
    return frozenset(map(NoWithdrawal, found))


def _told(table: Table, key: str, make: Callable[[Any], _T], value: Any) -> _T:
    try:
        return make(value)
    except BadInputError as error:
        raise table.error(key, str(error).rstrip(".")) from error
