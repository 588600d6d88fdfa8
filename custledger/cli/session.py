"""What every command shares: which ledger, who acts, and how options come to a command."""

from __future__ import annotations

import getpass
import inspect
import math
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar, get_type_hints
from uuid import UUID

import typer
from rich.text import Text

from custledger.cli.options import option
from custledger.core.clock import local_to_utc
from custledger.core.money import Money
from custledger.core.records import Customer, EntryRef
from custledger.edges.tables import printing, safe
from custledger.edges.upgrading import has_ledger
from custledger.errors import AmbiguousMatchError, BadInputError, NotFoundError
from custledger.ledger import Ledger, open_ledger
from custledger.storage.engine import WAIT_SECONDS, shown
from custledger.storage.evidence.data_keys import KeyFolder

__all__ = [
    "DEFAULT_LEDGER",
    "ActorOption",
    "LedgerOption",
    "Session",
    "WaitOption",
    "command",
    "customer_of",
    "customer_or_id",
    "day",
    "entry_of",
    "entry_or_customer",
    "login_name",
    "minutes",
    "moment",
    "money_of",
    "occurrence",
    "rate_of",
    "say",
    "tell",
    "tell_missing_rates",
]

DEFAULT_LEDGER: Final = "custledger.sqlite"

_LEDGER_VARIABLE: Final = "CUSTLEDGER_LEDGER"
_ACTOR_VARIABLE: Final = "CUSTLEDGER_ACTOR"
_KEYS_VARIABLE: Final = "CUSTLEDGER_EVIDENCE_KEYS"
"""The folder of the keys of encrypted evidence; no option, since a command without it would write
plain."""


def _ledger_option(variable: str | None) -> Any:
    return typer.Option(
        "--ledger",
        "-l",
        metavar="PATH",
        envvar=variable,
        help=f"A file or a database URL. Default: ${_LEDGER_VARIABLE}, else ./{DEFAULT_LEDGER}.",
        show_default=False,
        show_envvar=False,
    )


def _actor_option(variable: str | None) -> Any:
    return typer.Option(
        "--actor",
        "-a",
        metavar="NAME",
        envvar=variable,
        help=f"Who acts, as registered. Default: ${_ACTOR_VARIABLE}, else your login name.",
        show_default=False,
        show_envvar=False,
    )


LedgerOption = Annotated[str | None, _ledger_option(_LEDGER_VARIABLE)]
ActorOption = Annotated[str | None, _actor_option(_ACTOR_VARIABLE)]
WaitOption = Annotated[
    float | None,
    option(
        "--wait",
        metavar="SECONDS",
        text=f"How long to wait while another program writes. Default: {WAIT_SECONDS:g}.",
    ),
]
# After a command's name the variables are not looked at again: they would win over what stands
# before it.
_LATER_LEDGER = Annotated[str | None, _ledger_option(None)]
_LATER_ACTOR = Annotated[str | None, _actor_option(None)]
_SECONDS_A_MINUTE: Final = 60
_LONGEST_SECONDS: Final = 31 * 24 * 3600
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Session:
    """The options that come before or after the name of a command."""

    location: str | None = None
    actor: str | None = None
    wait: float | None = None

    @property
    def ledger_location(self) -> str:
        """Where the ledger is."""
        return self.location or DEFAULT_LEDGER

    @property
    def actor_name(self) -> str:
        """Who acts."""
        return self.actor or login_name()

    def open(self) -> Ledger:
        """The ledger that is there; a command never makes one by accident."""
        where = self.ledger_location
        if where != ":memory:" and not has_ledger(where):
            place = shown(where)
            raise NotFoundError(
                f"No ledger at {place}. Make one with: custledger init {shlex.quote(place)}"
            )
        folder = os.environ.get(_KEYS_VARIABLE)
        return open_ledger(
            where,
            actor=self.actor_name,
            wait=self.waiting_time,
            encryption=KeyFolder(folder) if folder else None,
        )

    @property
    def waiting_time(self) -> timedelta:
        """How long a write waits for another program's."""
        return seconds("--wait", WAIT_SECONDS if self.wait is None else self.wait)


def command(app: typer.Typer, name: str, *examples: str, opens: bool = True) -> Callable[[_F], _F]:
    """Register a command whose function takes a session first; it gets what all commands share.

    --ledger, --actor and --wait may stand before the command's name as well; what stands after it
    wins. Its help ends with the examples. A command that ``opens`` no ledger has no --ledger and no
    --wait.
    """

    def register(function: _F) -> _F:
        hints = get_type_hints(function, include_extras=True)
        _, *own = inspect.signature(function).parameters.values()

        def run(context: typer.Context, **rest: Any) -> None:
            session = context.find_root().obj or Session()
            given = {
                "location": rest.pop("ledger", None),
                "actor": rest.pop("actor"),
                "wait": rest.pop("wait", None),
            }
            session = replace(session, **{k: v for k, v in given.items() if v is not None})
            function(session, **rest)

        keyword = inspect.Parameter.KEYWORD_ONLY
        shared = [("ledger", _LATER_LEDGER, None)] if opens else []
        shared += [("actor", _LATER_ACTOR, None)]
        shared += [("wait", WaitOption, None)] if opens else []
        parameters = [
            inspect.Parameter("context", keyword, annotation=typer.Context),
            *(p.replace(kind=keyword, annotation=hints[p.name]) for p in own),
            *(inspect.Parameter(n, keyword, default=d, annotation=a) for n, a, d in shared),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__ = function.__doc__
        # The control character keeps the lines as they are.
        epilog = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
        app.command(name, epilog=epilog)(run)
        return function

    return register


def login_name() -> str:
    """The name by which the user is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        raise BadInputError("Who acts is not known: name yourself with --actor NAME.") from error


def tell(text: str) -> None:
    """A paragraph below a result, wrapped to the terminal."""
    with printing(sys.stdout) as console:
        console.print()
        console.print(Text(safe(text)))


def tell_missing_rates(ledger: Ledger) -> None:
    """Say which currencies have no exchange rate, and what to do: their amounts do not count."""
    missing = ledger.exchange_rates.missing()
    if missing:
        example = f"custledger add exchange-rate {missing[0]} RATE"
        tell(
            f"Not counted: amounts in {', '.join(missing)}, because the ledger counts in "
            f"{ledger.currency} and has no exchange rate. Say what one {missing[0]} is worth in "
            f"{ledger.currency}: {example}. (A new ledger can count in another currency: "
            f"custledger init --currency {missing[0]}.)"
        )


def say(text: str) -> None:
    """A remark for the person at the terminal, on standard error: results stay clean."""
    typer.echo(text, err=True)


def day(value: datetime | None) -> date | None:
    """The day that an option named."""
    return None if value is None else value.date()


def moment(text: str | None, ledger: Ledger) -> datetime | None:
    """A moment written in ISO 8601; without an offset it is a time of the ledger's zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is not a time. Write it like 2026-01-31 or '2026-01-31 14:30'."
        ) from error
    return found if found.tzinfo else local_to_utc(found, ledger.zone)


def occurrence(text: str | None, ledger: Ledger) -> datetime | None:
    """The moment that --at names; one in the future may be a typing error, so it is told."""
    at = moment(text, ledger)
    if at is not None and at > ledger.context.now():
        say(
            f"--at {text} lies in the future: until then it counts in no score. If that is a "
            "typing error, correct it: custledger record correct ENTRY --at TIME"
        )
    return at


def minutes(number: float | None) -> timedelta | None:
    """Minutes of handling time, to the second."""
    return None if number is None else seconds("--minutes", number, _SECONDS_A_MINUTE)


def seconds(name: str, number: float, unit: int = 1) -> timedelta:
    """The time span that an option of that name gave, to the second."""
    if not math.isfinite(number) or not 0 <= number * unit <= _LONGEST_SECONDS:
        most = f"{_LONGEST_SECONDS // unit:,}"
        raise BadInputError(
            f"{name} takes a number from 0 to {most}, such as {name} 5, not {number:g}."
        )
    return timedelta(seconds=round(number * unit, 3 if unit == 1 else 0))


def money_of(text: str, currency: str | None, ledger: Ledger) -> Money:
    """An amount in the ledger's currency, or in another one that is named."""
    return Money.of(text, (currency or ledger.currency).upper())


def rate_of(text: str, currency: str | None, currency_of_ledger: str) -> Money:
    """What an hour costs; a rate below zero is refused as what it is."""
    rate = Money.of(text, (currency or currency_of_ledger).upper())
    if rate.minor < 0:
        raise BadInputError(
            f"An hour of staff time cannot cost {rate}. Give what it costs you, all told, as 30."
        )
    return rate


def customer_of(ledger: Ledger, text: str) -> Customer:
    """The customer whom the text names: as ``customers.get``, or by the first digits of the id."""
    try:
        return ledger.customers.get(text)
    except AmbiguousMatchError as error:
        raise AmbiguousMatchError(_candidates(ledger, text)) from error
    except NotFoundError as error:
        raise NotFoundError(
            f"No customer is found by {text!r}. Give a name or part of it, an e-mail address, a "
            "phone number, an external id, or the id that `custledger ranking` shows."
        ) from error


def customer_or_id(ledger: Ledger, text: str) -> Customer | UUID:
    """The same; a whole id is taken as it is, because it names voided and erased ones too."""
    return _uuid(text) or customer_of(ledger, text)


def entry_of(ledger: Ledger, text: str) -> EntryRef:
    """The entry that is written CUSTOMER#NUMBER, as commands print it, or CUSTOMER-ID/NUMBER."""
    parts = _entry_parts(text)
    if parts is None:
        raise BadInputError(f"{text!r} is not an entry. Write it like 'Ann Miller#7'.")
    return _ref(ledger, *parts)


def entry_or_customer(ledger: Ledger, text: str) -> EntryRef | Customer | UUID:
    """The entry or the customer that a text names; BadInputError where it could be either.

    A customer may be called 'Flat #7', and another one 'Flat'.
    """
    parts = _entry_parts(text)
    if parts is None:
        return customer_or_id(ledger, text)
    try:
        customer = customer_of(ledger, text)
    except NotFoundError:
        return _ref(ledger, *parts)
    try:
        ref = _ref(ledger, *parts)
    except (NotFoundError, AmbiguousMatchError):
        return customer
    if ref.seq not in {entry.ref.seq for entry in ledger.history(ref.subject)}:
        return customer
    raise BadInputError(
        f"{text!r} names a customer, and an entry of another one as well. For the customer "
        f"{customer.name}, give the id {customer.id}; for the entry, write {ref}."
    )


def _entry_parts(text: str) -> tuple[str, int] | None:
    """Whose entry a text names, and its number; None where it is not written as one."""
    for mark in ("#", "/"):
        who, found, number = text.strip().rpartition(mark)
        if found and number.isascii() and number.isdigit() and (mark == "#" or _uuid(who)):
            return who, int(number)
    return None


def _ref(ledger: Ledger, who: str, number: int) -> EntryRef:
    found = customer_or_id(ledger, who)
    return EntryRef(found if isinstance(found, UUID) else found.id, number)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _candidates(ledger: Ledger, text: str) -> str:
    found = ledger.customers.find(text)
    names = ", ".join(f"{c.name} ({str(c.id)[:8]})" for c in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"{text!r} fits {len(found)} customers: {names}{more}. Give the id in brackets."
