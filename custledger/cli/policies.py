"""Commands about the score's parameters: policy show, set, calibrate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from custledger.cli.options import AsOf, FormatOption, Margin, option
from custledger.cli.session import Session, command, day, tell
from custledger.core.score.policy import ScorePolicy
from custledger.edges.tables import Column, Format, write_json, write_rows
from custledger.errors import BadInputError

__all__ = ["app"]

app = typer.Typer(
    help="Show, set or calibrate the score's parameters.",
    no_args_is_help=True,
)


@dataclass(frozen=True)
class Parameter:
    """One parameter of the score as it is shown."""

    name: str
    value: str
    meaning: str


_MEANINGS: Final = {
    "margin": "gross margin on sales; nobody is flagged until it is set",
    "half_life_days": "after so many days an entry weighs half",
    "grace_days": "an invoice is overdue so many days after its due date",
    "provision": "the part of what is overdue that counts as lost",
    "min_days": "days with an incident before conduct can count in full",
    "min_months": "calendar months with one",
    "min_cost_months": "months that cost more than they bring before cost can count in full",
    "min_tenure_days": "days since joining before cost can count in full",
    "min_witnesses": "members of staff who must have reported incidents",
    "K": "usual margin of a customer: a new one is judged as if it had been earned",
    "r0": "usual cost per unit of margin",
    "u": "a usual cost of one customer in one month",
    "calibrated": "whether K, r0 and u were measured on this ledger",
}
_COLUMNS: Final = (
    Column("Parameter", lambda row: row.name),
    Column("Value", lambda row: row.value, justify="right"),
    Column("Meaning", lambda row: row.meaning, wrap=True),
)


@command(
    app,
    "show",
    "custledger policy show",
    "custledger policy show --version 2 --format json",
)
def show(
    session: Session,
    version: Annotated[
        int | None, option("--version", metavar="N", text="Default: the current one.")
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show the parameters of the score, as they are now or were in an earlier version."""
    with session.open() as ledger:
        policies = ledger.score_policies
        policy = policies.current() if version is None else policies.get(version)
    if form is Format.JSON:
        write_json(policy, sys.stdout)
        return
    rows = [Parameter(name, _value(policy, name), text) for name, text in _MEANINGS.items()]
    write_rows(rows, _COLUMNS, sys.stdout, form=form, kind=Parameter)
    if form is Format.TEXT:
        tell(f"Score policy: version {policy.version}.")


@command(
    app,
    "set",
    "custledger policy set --margin 0.4",
    "custledger policy set --half-life-days 365 --grace-days 45",
)
def set_policy(
    session: Session,
    margin: Margin = None,
    half_life_days: Annotated[
        float | None,
        option("--half-life-days", metavar="DAYS", text=_MEANINGS["half_life_days"] + "."),
    ] = None,
    grace_days: Annotated[
        int | None, option("--grace-days", metavar="DAYS", text=_MEANINGS["grace_days"] + ".")
    ] = None,
    provision: Annotated[
        float | None, option("--provision", metavar="SHARE", text=_MEANINGS["provision"] + ".")
    ] = None,
) -> None:
    """Set the margin, or another parameter; the old version stays, and old scores name it."""
    given = {
        "margin": margin,
        "half_life_days": half_life_days,
        "grace_days": grace_days,
        "provision": provision,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise BadInputError("Nothing to set: name a parameter, such as --margin 0.4.")
    with session.open() as ledger:
        _tell(ledger.score_policies.set(**changes), sorted(changes))


@command(
    app,
    "calibrate",
    "custledger policy calibrate",
    "custledger policy calibrate --margin 0.4 --as-of 2026-06-30",
)
def calibrate(session: Session, margin: Margin = None, as_of: AsOf = None) -> None:
    """Measure what is usual among this ledger's customers.

    Do it rarely, once there are some months of history: every score is relative to it.
    """
    with session.open() as ledger:
        _tell(
            ledger.score_policies.calibrate(margin=margin, as_of=day(as_of)),
            ["margin", "K", "r0", "u"],
        )


def _tell(policy: ScorePolicy, names: list[str]) -> None:
    values = ", ".join(f"{name} {_value(policy, name)}" for name in names)
    typer.echo(f"Score policy, version {policy.version}: {values}.")


def _value(policy: ScorePolicy, name: str) -> str:
    value: Any = getattr(policy, name)
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("K", "u"):
        return f"{value:,.2f}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
