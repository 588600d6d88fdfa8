"""Commands about one person with several names: match list, match merge, match unmerge."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import typer

from custledger.cli.entries import Reason
from custledger.cli.options import CustomerArgument, FormatOption, OptionalCustomer, option
from custledger.cli.session import Session, command, customer_of, customer_or_id, tell
from custledger.core.matching import Candidates, Match
from custledger.core.merging import MergeOutcome
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import count, short_id
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(help="One person, several names: find, merge, unmerge.", no_args_is_help=True)

_NOTHING: Final = "Nobody here looks like the same person under two names."
_HINT: Final = (
    "Nobody is merged by a program. If you know that two are one person: custledger match merge "
    "DUPLICATE --into CUSTOMER --reason TEXT."
)


@command(app, "list", "custledger match list", 'custledger match list "Ann Miller"')
def list_matches(
    session: Session, customer: OptionalCustomer = None, form: FormatOption = Format.TEXT
) -> None:
    """List who may be one person, on what evidence, and who is merged already.

    What several can share (a household's phone, an info@ mailbox) is listed apart: it makes nobody
    the same person.
    """
    with session.open() as ledger:
        who = None if customer is None else customer_of(ledger, customer)
        found = ledger.matches.candidates(who)
        if form is Format.JSON:
            write_json(found, sys.stdout)
        elif form is Format.CSV:
            write_rows(found.matches, [], sys.stdout, form=form, kind=Match)
        else:
            _print(found, _groups(ledger, who.id if who else None))


@command(
    app,
    "merge",
    'custledger match merge "A. Miller" --into "Ann Miller" --reason "she told us on the phone"',
)
def merge(
    session: Session,
    customer: CustomerArgument,
    into: Annotated[
        str, option("--into", metavar="CUSTOMER", text="Who stands for both from now on.")
    ],
    reason: Reason,
) -> None:
    """Record that a customer is another name of somebody: the two count as one from now on.

    Nothing is moved or lost: each entry stays where it was recorded, and it can be taken back.
    """
    with session.open() as ledger:
        duplicate, head = customer_or_id(ledger, customer), customer_or_id(ledger, into)
        done = ledger.matches.merge(duplicate, into=head, reason=reason)
        _refuse(done)
        names = [_named(ledger, who) for who in done.group]
        fit = ledger.score(done.group[0])
    typer.echo(safe(f"Merged: {names[0]} stands for {_listed(names[1:])}."))
    typer.echo(f"Together they score {fit.score:.1f} of 100 ({fit.band}).")


@command(
    app, "unmerge", 'custledger match unmerge "A. Miller" --reason "another person of that name"'
)
def unmerge(session: Session, customer: CustomerArgument, reason: Reason) -> None:
    """Take a merge back: the customer is a person of their own again, as before."""
    with session.open() as ledger:
        done = ledger.matches.unmerge(customer_or_id(ledger, customer), reason=reason)
        _refuse(done)
        names = [_named(ledger, who) for who in done.group]
    along = f", with {_listed(names[1:])}" if names[1:] else ""
    typer.echo(safe(f"Unmerged: {names[0]} is a person of their own again{along}."))


def _refuse(done: MergeOutcome) -> None:
    for refusal in done.refusals:
        typer.echo(safe(refusal.text))
    if not done.done:
        raise typer.Exit(1)


def _named(ledger: Ledger, customer: UUID) -> str:
    return f"{ledger.customers.get(customer).name} ({short_id(customer)})"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class _Group:
    head: str
    members: str


def _groups(ledger: Ledger, customer: UUID | None) -> list[_Group]:
    members: dict[UUID, list[str]] = {}
    for found in ledger.matches.merged(customer):
        members.setdefault(found.head, []).append(_named(ledger, found.customer_id))
    return [_Group(_named(ledger, head), _listed(names)) for head, names in members.items()]


def _print(found: Candidates, groups: list[_Group]) -> None:
    if found.matches:
        write_rows(found.matches, _MATCHES, sys.stdout)
        tell(_HINT)
    else:
        typer.echo(_NOTHING)
    if found.shared:
        tell("Shared, perhaps by a household or a firm; by itself this makes nobody one:")
        write_rows(found.shared, _SHARED, sys.stdout)
    if groups:
        tell(f"Merged already: {count(len(groups), 'person', 'persons')} with several names.")
        write_rows(groups, _GROUPS, sys.stdout)


def _pair(match: Match, place: int) -> str:
    who = (match.first, match.second)[place]
    return f"{match.names[place]} ({short_id(who)})"


_SHOWN: Final = 5


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


_MATCHES: Final = (
    Column("Evidence", lambda m: m.strength.value),
    Column("Customer", lambda m: _pair(m, 0), wrap=True),
    Column("Perhaps also", lambda m: _pair(m, 1), wrap=True),
    Column("Because", lambda m: " ".join(m.evidence), wrap=True, least=30),
)
_SHARED: Final = (
    Column("Contact", lambda s: s.normalised, wrap=True),
    Column("Of", lambda s: _some(s.names), wrap=True),
    Column("Why", lambda s: s.why.capitalize(), wrap=True),
)
_GROUPS: Final = (
    Column("Person", lambda g: g.head, wrap=True),
    Column("Other names", lambda g: g.members, wrap=True),
)
