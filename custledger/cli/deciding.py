"""Commands that decide: decision warn, restrict, block, do-not-serve, reinstate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated, Any, Final

import typer

from custledger.cli.decision_shown import say_step
from custledger.cli.options import CustomerArgument, day_option, option
from custledger.cli.session import Session, command, customer_of, day, entry_of
from custledger.core.decisions.events import Missing, Override
from custledger.core.decisions.scope import Action, Hours, Limit, Scope
from custledger.core.records import Channel, Customer, EntryRef
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["Without", "WithoutReasons", "app", "override_of"]

app = typer.Typer(
    help="Decide about a customer, step by step: warn, notice, appeal.",
    no_args_is_help=True,
)

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([a-z]{3}) (\d\d?:\d\d)-(\d\d?:\d\d)")

Reasons = Annotated[
    str, option("--reasons", metavar="TEXT", text="Why, in words; a score is no reason.")
]
Incidents = Annotated[
    list[str],
    option("--incident", metavar="ENTRY", text="What it rests on, as 7 or 'Ann Miller#7'; repeat."),
]
Safety = Annotated[
    list[str] | None,
    option("--safety", metavar="ENTRY", text="An incident that put safety at risk; repeat."),
]
StaffText = Annotated[
    str, option("--staff-text", metavar="TEXT", text="What staff are to do; for them alone.")
]
CustomerText = Annotated[
    str, option("--customer-text", metavar="TEXT", text="What the customer is to know.")
]
ReviewOn = Annotated[
    datetime | None,
    day_option("--review-on", "When it lapses unless extended. Default: by the policy."),
]
From = Annotated[datetime | None, day_option("--from", "The first day. Default: today.")]
Rule = Annotated[str, option("--rule", metavar="NAME", text="The house rule that it applies.")]
Bypass = Annotated[
    str,
    option("--bypass", metavar="TEXT", text="Why it must hold at once, for somebody's safety."),
]
Without = Annotated[
    list[Missing] | None,
    option("--without", metavar="WORD", text=f"An owner goes on without: {', '.join(Missing)}."),
]
WithoutReasons = Annotated[
    str, option("--without-reasons", metavar="TEXT", text="Why the owner goes on without it.")
]


def override_of(without: list[Missing] | None, reasons: str) -> Override | None:
    """The owner's override that options name, if any."""
    if not without and not reasons:
        return None
    return Override(reasons, frozenset(without or ()))


@command(
    app,
    "warn",
    'custledger decision warn "Ann Miller" --incident 7 --reasons "Insulted Mia on 3 May." '
    '--staff-text "Stay calm." --customer-text "Please be polite to our staff."',
)
def warn(
    session: Session,
    customer: CustomerArgument,
    incident: Incidents,
    reasons: Reasons,
    staff_text: StaffText,
    customer_text: CustomerText,
    review_on: ReviewOn = None,
    rule: Rule = "",
    without: Without = None,
    without_reasons: WithoutReasons = "",
) -> None:
    """Warn a customer. It holds from its notice on, and lapses at its review date.

    What is not allowed is refused with the reasons (exit code 1), and nothing is written.
    """
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        facts = _facts(ledger, who, incident, None, reasons, staff_text, customer_text)
        facts |= {"review_on": day(review_on), "rule": rule}
        facts["override"] = override_of(without, without_reasons)
        say_step(ledger, ledger.decisions.warn(who, **facts), "Warned")


@command(
    app,
    "restrict",
    'custledger decision restrict "Ann Miller" --limit prepayment_only --incident 9 '
    '--reasons "Two bills of May are unpaid." --staff-text "Take payment first." '
    '--customer-text "Please pay in advance."',
)
def restrict(
    session: Session,
    customer: CustomerArgument,
    limit: Annotated[
        list[Limit], option("--limit", metavar="WORD", text=f"One of: {', '.join(Limit)}; repeat.")
    ],
    incident: Incidents,
    reasons: Reasons,
    staff_text: StaffText,
    customer_text: CustomerText,
    channel: Annotated[
        list[Channel] | None,
        option("--channel", metavar="WORD", text=f"Closed: {', '.join(Channel)}; repeat."),
    ] = None,
    hours: Annotated[
        list[str] | None,
        option("--hours", metavar="HOURS", text="When to be reached, as 'mon 09:00-11:00'."),
    ] = None,
    contact: Annotated[
        str, option("--contact", metavar="NAME", text="The one person to speak to.")
    ] = "",
    review_on: ReviewOn = None,
    first: From = None,
    rule: Rule = "",
    safety: Safety = None,
    bypass: Bypass = "",
    without: Without = None,
    without_reasons: WithoutReasons = "",
) -> None:
    """Restrict a customer: a channel, credit, prepayment only, one contact, or hours."""
    scope = Scope(
        limits=frozenset(limit),
        channels=frozenset(channel or ()),
        hours=tuple(map(_hours, hours or ())),
        contact=contact,
    )
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        facts = _facts(ledger, who, incident, safety, reasons, staff_text, customer_text)
        facts |= _more(review_on, first, rule, bypass)
        facts["override"] = override_of(without, without_reasons)
        say_step(ledger, ledger.decisions.restrict(who, scope, **facts), "Restricted")


@command(
    app,
    "block",
    'custledger decision block "Ann Miller" --account @ann --incident 12 '
    '--reasons "Went on insulting Mia in public." --staff-text "Do not answer posts." '
    '--customer-text "Please write to us instead."',
)
def block(
    session: Session,
    customer: CustomerArgument,
    incident: Incidents,
    reasons: Reasons,
    staff_text: StaffText,
    customer_text: CustomerText,
    account: Annotated[
        str, option("--account", metavar="NAME", text="The name that is blocked there.")
    ] = "",
    review_on: ReviewOn = None,
    first: From = None,
    rule: Rule = "",
    safety: Safety = None,
    bypass: Bypass = "",
    without: Without = None,
    without_reasons: WithoutReasons = "",
) -> None:
    """Block a customer on social media."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        facts = _facts(ledger, who, incident, safety, reasons, staff_text, customer_text)
        facts |= _more(review_on, first, rule, bypass)
        facts["override"] = override_of(without, without_reasons)
        say_step(ledger, ledger.decisions.block(who, account=account, **facts), "Blocked")


@command(
    app,
    "do-not-serve",
    'custledger decision do-not-serve "Ann Miller" --incident 15 --safety 15 '
    '--reasons "Threatened Mia again after the warning." --staff-text "Pass calls to Olga." '
    '--customer-text "Please find another caterer."',
)
def do_not_serve(
    session: Session,
    customer: CustomerArgument,
    incident: Incidents,
    reasons: Reasons,
    staff_text: StaffText,
    customer_text: CustomerText,
    action: Annotated[
        list[Action] | None,
        option("--action", metavar="WORD", text="Only this, as order or booking; repeat."),
    ] = None,
    review_on: ReviewOn = None,
    first: From = None,
    rule: Rule = "",
    safety: Safety = None,
    bypass: Bypass = "",
    without: Without = None,
    without_reasons: WithoutReasons = "",
) -> None:
    """Part ways with a customer, after evidence and a warning, until its review date.

    The score's flag is read from the ledger; without it, name an incident with --safety.
    """
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        facts = _facts(ledger, who, incident, safety, reasons, staff_text, customer_text)
        facts |= _more(review_on, first, rule, bypass)
        facts["override"] = override_of(without, without_reasons)
        step = ledger.decisions.do_not_serve(who, actions=action or (), **facts)
        say_step(ledger, step, "Decided")


@command(
    app,
    "reinstate",
    'custledger decision reinstate "Ann Miller" --reasons "She explained, and apologised."',
)
def reinstate(
    session: Session,
    customer: CustomerArgument,
    reasons: Reasons,
    decision: Annotated[
        list[str] | None,
        option("--decision", metavar="ENTRY", text="Only this one; repeat. Default: all."),
    ] = None,
) -> None:
    """End decisions about a customer before their review date."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        ends = _entries(ledger, who, decision or ())
        step = ledger.decisions.reinstate(who, reasons=reasons, ends=ends)
        say_step(ledger, step, "Reinstated")


def _facts(
    ledger: Ledger,
    who: Customer,
    incidents: list[str],
    safety: list[str] | None,
    reasons: str,
    staff_text: str,
    customer_text: str,
) -> Any:
    dangerous = _entries(ledger, who, safety or ())
    return {
        "incidents": [*dict.fromkeys([*_entries(ledger, who, incidents), *dangerous])],
        "safety": dangerous,
        "reasons": reasons,
        "staff_text": staff_text,
        "customer_text": customer_text,
    }


def _more(review_on: datetime | None, first: datetime | None, rule: str, bypass: str) -> Any:
    return {
        "review_on": day(review_on),
        "effective_from": day(first),
        "rule": rule,
        "bypass": bypass,
    }


def _entries(ledger: Ledger, who: Customer, texts: Iterable[str]) -> list[EntryRef]:
    """Entries by their number in the customer's chain, or as other commands take them."""
    return [
        EntryRef(who.id, int(text.lstrip("#")))
        if re.fullmatch(r"#?[0-9]{1,9}", text)
        else entry_of(ledger, text)
        for text in texts
    ]


def _hours(text: str) -> Hours:
    found = _HOURS.fullmatch(text.strip().lower())
    if found is None or found[1] not in _DAYS:
        raise BadInputError(f"{text!r} are no hours. Write them like 'mon 09:00-11:00'.")
    try:
        return Hours(_DAYS.index(found[1]), _clock(found[2]), _clock(found[3]))
    except ValueError as error:
        raise BadInputError(f"{text!r} names no time of a day: {error}.") from error


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))
