"""Options and arguments that several commands have, each described once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from custledger.edges.tables import Format

__all__ = [
    "AsOf",
    "CurrencyOption",
    "CustomerArgument",
    "FormatOption",
    "HourlyRateOption",
    "Location",
    "Margin",
    "OptionalCustomer",
    "Top",
    "day_option",
    "option",
]


def option(*names: str, metavar: str, text: str, **settings: Any) -> Any:
    """An option that says what it takes; its default is in the text."""
    return typer.Option(*names, metavar=metavar, help=text, show_default=False, **settings)


def day_option(name: str, text: str) -> Any:
    """An option that takes a day."""
    return option(name, metavar="DATE", text=text, parser=_day)


def _day(text: str | datetime) -> datetime:
    if isinstance(text, datetime):  # a default
        return text
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007  (a day has no zone)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a day. Write it as year, month and day: 2026-01-31."
        ) from error


AsOf = Annotated[
    datetime | None,
    day_option("--as-of", "Figures as of this day, such as 2026-06-30. Default: today."),
]
FormatOption = Annotated[
    Format,
    option("--format", "-f", metavar="text|json|csv", text="How to print it. Default: text."),
]
CustomerArgument = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER",
        help="Name or part of it, e-mail, phone, external id, or the first digits of the id.",
        show_default=False,
    ),
]
OptionalCustomer = Annotated[
    str | None,
    typer.Argument(metavar="CUSTOMER", help="Only this customer.", show_default=False),
]
Top = Annotated[
    int | None, option("--top", "-n", metavar="N", text="Only the first N rows.", min=1)
]
Location = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH", help="A file or a database URL; wins over --ledger.", show_default=False
    ),
]
Margin = Annotated[
    float | None,
    option("--margin", metavar="SHARE", text="Gross margin on sales: 0.4 is 40 %."),
]
HourlyRateOption = Annotated[
    str | None,
    option("--hourly-rate", metavar="AMOUNT", text="What an hour of staff time costs, all told."),
]
CurrencyOption = Annotated[
    str | None,
    option("--currency", metavar="CODE", text="Default: the ledger's currency."),
]
