"""The command line: parse, call the library, print. Every command is in docs/reference/cli.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from custledger import __version__
from custledger.cli import (
    access,
    adding,
    backing,
    backing_up,
    briefing,
    checking,
    complaints,
    contests,
    correcting,
    decisions,
    dossier,
    due,
    good,
    importing,
    keeping,
    keys,
    lessons,
    making,
    matching,
    ourselves,
    policies,
    praising,
    privacy,
    receivables,
    recording,
    recording_money,
    referrals,
    refunds,
    retention,
    roles,
    sealing,
    serving,
    staffing,
    telling,
    terms,
)
from custledger.cli.groups import readable
from custledger.cli.session import ActorOption, LedgerOption, Session, WaitOption
from custledger.edges.tables import safe
from custledger.errors import CustledgerError, LedgerUnwritableError, NotFoundError
from custledger.storage.engine import shown

__all__ = ["app", "main"]

app = typer.Typer(
    name="custledger",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`custledger COMMAND --help` shows the options of a command, with examples.",
)
app.add_typer(making.app)
app.add_typer(importing.app)
app.add_typer(adding.app, name="add")
record = typer.Typer(
    help="Record a contact, money or evidence; correct, void.", no_args_is_help=True
)
record.add_typer(recording.app)
record.add_typer(recording_money.app)
record.add_typer(correcting.app)
app.add_typer(record, name="record")
app.add_typer(staffing.app, name="staff")
app.add_typer(telling.app)
app.add_typer(due.app)
app.add_typer(matching.app, name="match")
app.add_typer(briefing.app)
app.add_typer(briefing.briefings, name="briefing")
app.add_typer(backing.app, name="backing")
app.add_typer(good.app)
app.add_typer(referrals.app, name="referral")
app.add_typer(praising.app, name="praise")
app.add_typer(ourselves.app)
app.add_typer(checking.app)
app.add_typer(policies.app, name="policy")
app.add_typer(keeping.app)
app.add_typer(keys.app, name="key")
app.add_typer(sealing.app)
app.add_typer(complaints.app, name="complaint")
app.add_typer(receivables.app, name="receivables")
app.add_typer(lessons.lessons, name="lesson")
app.add_typer(lessons.rules, name="rule")
app.add_typer(privacy.app)
app.add_typer(privacy.erasures, name="erasures")
app.add_typer(access.app, name="access")
app.add_typer(contests.app, name="contest")
app.add_typer(retention.app, name="retention")
app.add_typer(serving.app)
app.add_typer(decisions.app, name="decision")
app.add_typer(dossier.app)
app.add_typer(backing_up.app)
app.add_typer(terms.app, name="terms")
app.add_typer(refunds.app, name="refund")
app.add_typer(roles.app)
readable(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"custledger {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    ledger: LedgerOption = None,
    actor: ActorOption = None,
    wait: WaitOption = None,
    _asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Record what happens with customers, prove it, score the fit fairly, and tell the staff.

    A first look, with invented customers: custledger demo. Then: custledger init.
    """
    context.obj = Session(ledger, actor, wait)


@cache
def _program() -> Any:
    """The commands, put together once: that takes a tenth of a second."""
    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, and never shows a traceback for bad input."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(
            stream, "reconfigure"
        ):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="replace")
    try:
        _program()(args=None if arguments is None else list(arguments), prog_name="custledger")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except NotFoundError as error:
        _complain(_as_typed(str(error), sys.argv[1:] if arguments is None else arguments))
        return error.exit_code
    except CustledgerError as error:
        _complain(str(error))
        return error.exit_code
    except OSError as error:
        _complain(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")
        return LedgerUnwritableError.exit_code
    return 0


def _as_typed(message: str, arguments: Sequence[str]) -> str:
    """The message with the one entry that was typed as 'Ann Miller#7' named so, not by its id."""
    typed = [text for text in arguments if re.fullmatch(r"[^#]+#\d+", text.strip())]
    if len(typed) != 1:
        return message
    number = typed[0].strip().rpartition("#")[2]
    reference = rf"\b[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}/{number}\b"
    return re.sub(reference, lambda _: typed[0], message)


def _complain(message: str) -> None:
    console = Console(stderr=True, highlight=False, markup=False)
    # One line where a program reads it, wrapped between words where a person does.
    console.print(Text(safe(shown(message)), style="red"), soft_wrap=not console.is_terminal)
