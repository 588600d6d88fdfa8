"""Commands that make a ledger: init and demo."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.checking import print_verdict
from custledger.cli.options import HourlyRateOption, Location, Margin, option
from custledger.cli.progress import progress_bar
from custledger.cli.session import Session, command, rate_of, say
from custledger.cli.telling import print_ranking
from custledger.core.briefings.text import text_of
from custledger.core.score.policy import ScorePolicy
from custledger.edges.demo import DEMO_AS_OF, DEMO_OWNER, build_demo
from custledger.edges.explaining import explain, print_explanation
from custledger.edges.tables import printing, safe
from custledger.edges.upgrading import has_ledger
from custledger.errors import BadInputError
from custledger.ledger import Ledger, open_ledger
from custledger.storage.engine import shown

__all__ = ["app"]

app = typer.Typer()

_CURRENCY: Final = "EUR"


@command(
    app,
    "init",
    "custledger init",
    "custledger init shop.sqlite --zone Europe/Paris --currency EUR --region FR",
    "custledger init shop.sqlite --margin 0.4 --hourly-rate 32",
)
def init(
    session: Session,
    path: Location = None,
    zone: Annotated[
        str | None,
        option("--zone", metavar="ZONE", text="Time zone, as Europe/Paris. Default: UTC."),
    ] = None,
    currency: Annotated[
        str | None, option("--currency", metavar="CODE", text="Base currency. Default: EUR.")
    ] = None,
    region: Annotated[
        str | None,
        option("--region", metavar="CODE", text="Country of phone numbers without one, as FR."),
    ] = None,
    margin: Margin = None,
    hourly_rate: HourlyRateOption = None,
) -> None:
    """Make a ledger and register you as its owner. Zone, currency and region stay as they are."""
    where = path or session.ledger_location
    if has_ledger(where):
        raise BadInputError(f"There is a ledger at {shown(where)} already; it was left as it was.")
    currency = None if currency is None else currency.upper()
    rate = None if hourly_rate is None else rate_of(hourly_rate, currency, _CURRENCY)
    ScorePolicy(margin=margin)  # refused before anything is made
    actor = session.actor_name
    with (
        open_ledger(
            where,
            actor=actor,
            zone=zone,
            currency=currency,
            region=region,
            wait=session.waiting_time,
        ) as ledger,
        ledger.transaction(),
    ):
        if rate is not None:
            ledger.staff.set_rate(rate)
        if margin is not None:
            ledger.score_policies.set(margin=margin)
        typer.echo(
            f"Made the ledger {shown(where)}: {ledger.currency}, {ledger.zone}; {actor} is its "
            "owner."
        )
    for missing, how in ((margin, "policy set --margin 0.4"), (rate, "add rate 30")):
        if missing is None:
            say(f"Still to say, when you know it: custledger {how}")


DemoPath = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="A path where nothing is yet.", show_default=False),
]


@command(app, "demo", "custledger demo", "custledger demo shop.sqlite", opens=False)
def demo(session: Session, path: DemoPath = None) -> None:
    """Show what custledger does, on an invented shop.

    Two years of a garden shop: all people and events are invented. The ledger goes to a path where
    nothing is yet, or into a new temporary folder.
    """
    target = path or str(Path(tempfile.mkdtemp(prefix="custledger-")) / "demo.sqlite")
    with (
        progress_bar("Telling two years") as progress,
        build_demo(target, colleague=session.actor_name, progress=progress) as ledger,
    ):
        _show(ledger, target)


def _show(ledger: Ledger, target: str) -> None:
    _heading("A garden shop, and two years. All people and events are invented.")
    _write(f"The ledger is {shown(target)}; it is {DEMO_AS_OF}, and {DEMO_OWNER} wonders.")
    _heading("1. Ranking: who takes more than they bring?")
    print_ranking(ledger.ranking(as_of=DEMO_AS_OF), ledger.currency, top=10)
    _heading("2. One of them explained")
    with printing(sys.stdout) as console:
        print_explanation(explain(ledger, _EXPLAINED, DEMO_AS_OF), console)
    _heading("3. What staff are told")
    _write(text_of(ledger.briefings.team(DEMO_AS_OF)))
    _heading("4. Is the paper trail whole?")
    print_verdict(ledger.verify())
    _heading("5. What to try next")
    for remark, line in _NEXT:
        _write(f"  # {remark}\n  {_program()} {line} --ledger {shlex.quote(shown(target))}")


def _program() -> str:
    """How to call this program again: by its path where it is on none of the shell's."""
    called = sys.argv[0]
    found = shutil.which("custledger") or Path(called).name != "custledger"
    return "custledger" if found else shlex.quote(called)


_EXPLAINED: Final = "Basil Thorne"
_NEXT: Final = (
    (
        "everybody's score: good, unlucky and demanding customers are not flagged",
        "score --as-of 2026-06-30",
    ),
    ("unlucky: damaged parcels, our fault, charged to nobody", "explain Rowan --as-of 2026-06-30"),
    ("reported by one colleague alone: accused of nothing", "explain Yarrow --as-of 2026-06-30"),
    ("the history, with a correction", "history Rowan"),
    ("record a contact yourself", "record interaction Rowan --channel phone --minutes 5"),
)


def _heading(text: str) -> None:
    with printing(sys.stdout) as console:
        console.print()
        console.rule(text, characters="-", align="left")


def _write(text: str) -> None:
    typer.echo(safe(text))
