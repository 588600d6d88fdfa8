"""Commands about erasure: erase, hold, holds, release, purge and the register of erasures."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from custledger.cli.entries import EntryArgument, Reason
from custledger.cli.options import CustomerArgument, option
from custledger.cli.session import (
    Session,
    command,
    customer_or_id,
    entry_of,
    entry_or_customer,
    say,
)
from custledger.core.privacy.erasure import GROUNDS, REFUSALS, STAYS, Ground, RefusalGround
from custledger.core.privacy.register import merged
from custledger.core.records import Customer, EntryRef
from custledger.edges.tables import safe
from custledger.edges.wording import count, words
from custledger.errors import BadInputError, NotFoundError
from custledger.ledger import Ledger
from custledger.storage.files import replace_file

__all__ = ["app", "erasures"]

app = typer.Typer()
erasures = typer.Typer(
    help="The register of erasures: export, replay; record a refusal.", no_args_is_help=True
)

_SHOWN = 3
Subject = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER|ENTRY",
        help="A customer, as in other commands or by the whole id, or an entry as 'Ann Miller#7'.",
        show_default=False,
    ),
]


def _ground(vocabulary: Any) -> Any:
    return option("--ground", metavar="GROUND", text=f"One of: {', '.join(vocabulary)}.")


@command(
    app,
    "erase",
    'custledger erase "Ann Miller" --ground objection',
    'custledger erase "Ann Miller#7" --ground unlawful --reason "not about our work"',
)
def erase(
    session: Session,
    what: Subject,
    ground: Annotated[Ground, _ground(Ground)],
    reason: Annotated[
        str,
        option("--reason", metavar="TEXT", text="Stays for good: put no personal data into it."),
    ] = "",
    merged_too: Annotated[
        bool,
        typer.Option("--merged-too", help="All names of a person whose records were merged."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")] = False,
) -> None:
    """Erase a customer, or one record; the trail still verifies.

    Says first what will go, and asks. It cannot be taken back. A legal hold that stands refuses it
    (exit code 1); the ledger records that too. The customer of a voided record is named by id.
    """
    with session.open() as ledger:
        found = entry_or_customer(ledger, what)
        if merged_too or isinstance(found, EntryRef) or not _group(ledger, found)[1:]:
            _ask(_preview(ledger, found, merged_too=merged_too), GROUNDS[ground], yes)
        if isinstance(found, EntryRef):
            outcome = ledger.privacy.erase(found, ground=ground, reason=reason)
        else:
            outcome = ledger.privacy.erase_person(
                found, ground=ground, reason=reason, merged_too=merged_too
            )
    for line in outcome.reasons:
        typer.echo(safe(line))
    if outcome.entry is not None and outcome.done:
        files = f" and {count(outcome.files, 'file')} of evidence" if outcome.files else ""
        entries = count(outcome.entries, "entry", "entries")
        typer.echo(f"Erased {entries}{files}; entry #{outcome.entry.seq} records it.")
    _say_left(outcome.left)
    if not outcome.done:
        if outcome.entry is not None:
            typer.echo(f"Nothing was erased; entry #{outcome.entry.seq} records the refusal.")
        raise typer.Exit(1)


@command(app, "hold", 'custledger hold "Ann Miller" --reason "a court asks for the records"')
def hold(session: Session, customer: CustomerArgument, reason: Reason) -> None:
    """Place a legal hold: nothing about the customer is erased."""
    with session.open() as ledger:
        placed = ledger.privacy.hold(customer_or_id(ledger, customer), reason=reason)
    typer.echo(
        f"Placed: legal hold #{placed.id.seq}. End it with: custledger release "
        f"'{safe(customer)}#{placed.id.seq}' --reason ..."
    )


@command(app, "holds", "custledger holds")
def holds(session: Session) -> None:
    """List the legal holds that stand."""
    with session.open() as ledger:
        for found in ledger.privacy.holds():
            name = _name(ledger, found.customer_id)
            day = found.placed_at.date().isoformat()
            typer.echo(safe(f"{found.id}  {name}, since {day}: {found.reason}"))


@command(app, "release", 'custledger release "Ann Miller#7" --reason "the case is closed"')
def release(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """End a legal hold."""
    with session.open() as ledger:
        ledger.privacy.release(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Released: {safe(entry)}.")


@command(app, "purge", "custledger purge")
def purge(session: Session) -> None:
    """Make what was erased really gone from the database's files.

    Erasing does so by itself on SQLite, unless another program was in the way. PostgreSQL writes
    the tables anew (VACUUM FULL), each locked meanwhile. Exits with 1 if something may be left.
    """
    with session.open() as ledger:
        done = ledger.privacy.purge()
    if done.files:
        typer.echo(f"Removed {count(done.files, 'left-over file')} of evidence.")
    _say_left(done.left)
    if not done.done:
        raise typer.Exit(1)
    typer.echo("Nothing of what was erased is left in the files.")


@command(erasures, "export", "custledger erasures export erasures.jsonl")
def export(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="If it is there, lines of it that the ledger lacks are kept.",
            show_default=False,
        ),
    ],
) -> None:
    """Write the register of erasures, to keep apart from the ledger and its backups.

    A line of JSON for each erasure, without personal data. Replay it after a restore: a ledger that
    came from a backup lacks the newest erasures, and its export does not take them from the file.
    """
    before = read_register(file) if file.exists() else []
    with session.open() as ledger:
        lines, kept = merged(ledger.context.ledger, ledger.privacy.register(), before)
    replace_file(file, "".join(f"{line}\n" for line in lines).encode())
    typer.echo(f"Wrote {count(len(lines), 'erasure')} to {safe(str(file))}.")
    if kept:
        say(
            f"Of these, {count(kept, 'erasure')} that the file had and this ledger has not, as "
            "after a restore from an older backup, stayed in it. Erase again what they name: "
            f"custledger erasures replay {shlex.quote(str(file))}"
        )


@command(erasures, "replay", "custledger erasures replay erasures.jsonl")
def replay(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As exported.", show_default=False)],
) -> None:
    """Erase again what a restored backup brought back."""
    with session.open() as ledger:
        done = ledger.privacy.replay(read_register(file))
    typer.echo(replayed_in_words(done))
    _say_left(done.left)
    if done.kept or done.newer:
        raise typer.Exit(1)


@command(
    erasures,
    "refuse",
    'custledger erasures refuse "Ann Miller" --ground legal_claims --reason "the bill is unpaid"',
)
def refuse(
    session: Session,
    customer: CustomerArgument,
    ground: Annotated[RefusalGround, _ground(RefusalGround)],
    reason: Reason,
) -> None:
    """Record that a customer asked for erasure and why it was refused. Tell them, too."""
    with session.open() as ledger:
        entry = ledger.privacy.refuse(
            customer_or_id(ledger, customer), ground=ground, reason=reason
        )
    typer.echo(f"Recorded as entry #{entry.seq}: {REFUSALS[ground]}")


def read_register(file: Path) -> list[str]:
    """The lines of a register."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file} is no register of erasures: it is not text.") from error


def replayed_in_words(done: Any) -> str:
    """What came of a replay, in a paragraph."""
    said = [
        f"Erased again: {count(done.erased, 'entry', 'entries')}.",
        f"Gone already: {done.gone:,}.",
    ]
    if done.missing:
        said.append(f"Not in this ledger, which is older: {len(done.missing):,}.")
    if done.kept:
        said.append(
            f"Kept because a legal hold stands: {len(done.kept):,} ({_first(done.kept)}). Release "
            "it if it is over, and replay again."
        )
    if done.newer:
        said.append(
            f"Recorded about an erased person since, and not erased: {len(done.newer):,} "
            f"({_first(done.newer)}). Erase the person again, by the id before the /."
        )
    return " ".join(said)


def _first(refs: Sequence[EntryRef]) -> str:
    more = " ..." if len(refs) > _SHOWN else ""
    return ", ".join(map(str, refs[:_SHOWN])) + more


def _say_left(left: tuple[str, ...]) -> None:
    for line in left:
        say(safe(line))


def _preview(ledger: Ledger, found: EntryRef | Customer | UUID, *, merged_too: bool = False) -> str:
    if isinstance(found, EntryRef):
        return _preview_of_entry(ledger, found)
    name = found.name if isinstance(found, Customer) else _name(ledger, found)
    chains: list[Customer | UUID] = [found]
    if merged_too and (group := _group(ledger, found))[1:]:
        name = " and ".join(_name(ledger, who) for who in group)
        chains = [*group]
    history = [entry for who in chains for entry in ledger.history(who)]
    entries = [e for e in history if e.kind not in STAYS and e.erased_by is None]
    kinds = Counter(words(entry.kind) for entry in entries)
    listed = ", ".join(f"{kind} ({number:,})" for kind, number in sorted(kinds.items()))
    return f"This erases all about {name}: {listed or 'nothing is left'}."


def _group(ledger: Ledger, who: Customer | UUID) -> list[UUID]:
    try:
        return ledger.matches.group(who)
    except NotFoundError:  # voided, and so nobody's other name
        return []


def _preview_of_entry(ledger: Ledger, ref: EntryRef) -> str:
    for entry in ledger.history(ref.subject):
        if entry.ref == ref:
            day = (entry.occurred_at or entry.recorded_at).astimezone(ZoneInfo(ledger.zone)).date()
            more = "all that came of it" if "event" in entry.facts else "its file"
            return (
                f"This erases one record of {_name(ledger, ref.subject)}: the "
                f"{words(entry.kind)} #{ref.seq} of {day.isoformat()}, with its corrections and "
                f"{more}."
            )
    raise NotFoundError(f"There is no entry {ref}. `custledger history` lists those there are.")


def _name(ledger: Ledger, customer: UUID) -> str:
    try:
        return ledger.customers.get(customer).name
    except NotFoundError:
        return f"{customer} (voided or erased)"


def _ask(preview: str, ground: str, yes: bool) -> None:
    say(safe(f"{preview} Ground: {ground} It cannot be taken back."))
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInputError("Nobody is there to ask. Say --yes to erase it; nothing was erased.")
    if not typer.confirm("Erase it?", err=True):
        raise typer.Exit(1)
