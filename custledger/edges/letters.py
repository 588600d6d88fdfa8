"""Letters that give notice of a decision: as text and as a page to print or to send.

A letter says what was decided and why, from when and until when it holds, when it is reviewed, and
how to appeal. It takes the customer's good faith for granted, has no word that was meant for staff,
and no score: GDPR article 22 and article 15(1)(h) want reasons that a person can answer.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from custledger.core.checks import check_required, check_text
from custledger.core.decisions.asked import DecisionLike
from custledger.core.decisions.events import DecisionKind, NoticeGiven, is_human
from custledger.core.decisions.scope import Action, Limit, Scope
from custledger.core.decisions.state import DecisionState
from custledger.core.dossier.words import printable
from custledger.core.records import EntryRef
from custledger.core.words import day_in_words, words
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["Letter", "notice_letter"]

_WIDTH: Final = 78
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WAYS: Final = {
    "phone": "by phone",
    "email": "by e-mail",
    "chat": "by chat",
    "visit": "by visiting us",
    "social": "on social media",
    "letter": "by letter",
    "other": "by other ways",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to the customer about a decision, the same words as text and as HTML."""

    decision: EntryRef
    subject: str
    text: str
    html: str

    def __str__(self) -> str:
        return self.text


class _Part(NamedTuple):
    """A heading (empty: none) with its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


def notice_letter(
    ledger: Ledger,
    decision: DecisionLike,
    *,
    appeal_route: str,
    reasons: str | None = None,
    signed: str = "",
) -> Letter:
    """The letter of today that gives notice of a decision; record the notice when it is sent.

    ``reasons`` are those of the decision by default, ``signed`` is who decided. BadInputError
    without a way to appeal, and for a decision that no longer holds.
    """
    state = ledger.decisions.get(decision)
    today = ledger.today()
    appeal_route = check_required(appeal_route, "appeal_route")
    why = check_text(state.made.reasons if reasons is None else reasons, "reasons")
    if state.ended_on is not None or today >= state.review_on:
        raise BadInputError("The decision no longer holds; there is nothing to give notice of.")
    if state.notice is None:
        told = NoticeGiven(
            state.made.ref, today, state.made.by, "letter", why, state.review_on, appeal_route
        )
        state = replace(state, notice=told)
    name = ledger.customers.get(state.made.ref.subject).name
    others = any(
        s.active and is_human(s) and s.id not in state.deciders for s in ledger.staff.all()
    )
    parts = [
        _Part("", tuple(_opening(state))),
        _Part("Why", (*_lines(why), f"{state.made.by.name} decided this; no program did.")),
        _Part("What this means", tuple(_meaning(state, today))),
        _Part("If you do not agree", tuple(_appeal(state, appeal_route, others))),
    ]
    subject = _SOME_ACTIONS if state.made.scope.actions else _SUBJECTS[state.made.kind]
    signature = signed or state.made.by.name
    return Letter(
        state.made.ref,
        subject,
        printable(_as_text(today, name, subject, parts, signature)),
        printable(_as_html(today, name, subject, parts, signature)),
    )


_SUBJECTS: Final = {
    DecisionKind.WARNING: "A warning, and a request",
    DecisionKind.RESTRICTION: "A change in how we work together",
    DecisionKind.BLOCK: "Your messages to us on social media",
    DecisionKind.DO_NOT_SERVE: "We can no longer work for you for the time being",
}

_SOME_ACTIONS: Final = "What we can no longer offer you for the time being"


def _opening(state: DecisionState) -> Iterator[str]:
    made = state.made
    if made.kind is DecisionKind.WARNING:
        yield (
            "This is a warning. We ask you to see to it that what happened does not happen again; "
            "then we are glad to go on working for you as before."
        )
    elif made.kind is DecisionKind.RESTRICTION:
        yield "We want to go on working for you. For the time being, something has to change:"
        yield from _limits(made.scope)
    elif made.kind is DecisionKind.BLOCK:
        account = f" from {made.scope.account}" if made.scope.account else ""
        yield (
            f"For the time being we no longer take messages{account} on social media. All other "
            "ways to reach us stay open to you."
        )
    elif made.scope.actions:
        offers = ", ".join(_OFFERS.get(a, words(a)) for a in sorted(made.scope.actions))
        yield f"For the time being we no longer offer you: {offers}."
    else:
        yield "For the time being we can no longer work for you."


_OFFERS: Final = {
    Action.ORDER: "new orders",
    Action.BOOKING: "new bookings",
    Action.CREDIT: "purchases on account",
    Action.VISIT: "visits",
}


def _limits(scope: Scope) -> Iterator[str]:
    if Limit.CHANNEL in scope.limits:
        ways = " or ".join(_WAYS[channel] for channel in sorted(scope.channels))
        yield f"Please do not contact us {ways}. The other ways stay open to you."
    if Limit.SINGLE_CONTACT in scope.limits:
        yield f"Please speak with {scope.contact}, who looks after all that concerns you."
    if Limit.HOURS in scope.limits:
        hours = "; ".join(
            f"{_DAYS[h.weekday]} {h.start:%H:%M} to {h.until:%H:%M}" for h in scope.hours
        )
        yield f"You can reach us at these hours: {hours}."
    if Limit.PREPAYMENT_ONLY in scope.limits:
        yield "We ask you to pay in advance."
    elif Limit.CREDIT in scope.limits:
        yield "We ask you to pay at once, and no longer on account."


def _meaning(state: DecisionState, today: date) -> Iterator[str]:
    made, until = state.made, day_in_words(state.review_on)
    yield from _lines(made.customer_text)
    first = state.effective_on or today
    if state.bypassed:
        yield (
            f"It took effect at once, on {day_in_words(first)}, because somebody's safety was at "
            "risk; that is why you hear of it only now."
        )
    elif first > today:
        yield f"It applies from {day_in_words(first)} on."
    else:
        yield f"It applies from today, {day_in_words(today)}."
    if made.kind is DecisionKind.WARNING:
        yield (
            f"It ends by itself on {until}. If something of the kind happens before, we may have "
            "to limit how we work together, or to end it."
        )
        return
    yield (
        f"We review it by {until}, and on that day it ends by itself. Only if there are good "
        "reasons is it extended; then we tell you before, with the reasons."
    )
    yield (
        "What you have paid for already, you get. You can ask for your money back, complain, and "
        "ask what we hold about you, as before."
    )


def _appeal(state: DecisionState, route: str, others: bool) -> Iterator[str]:
    assert state.notice is not None
    days = state.made.policy
    until = day_in_words(state.notice.day + timedelta(days.appeal_days))
    yield f"You can appeal once, until {until}. Tell us what we have missed, in your own words."
    yield from _lines(route)
    by = state.made.by.name
    if others:
        yield f"Somebody else than {by} decides on your appeal."
    else:
        yield (
            f"{by} works alone: somebody from outside decides on your appeal, or {by} looks at "
            f"everything again, {days.rereview_days} days later at the earliest."
        )


def _lines(text: str) -> Iterator[str]:
    """The paragraphs of a text, which empty lines divide."""
    return (" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip())


def _as_text(day: date, name: str, subject: str, parts: list[_Part], signature: str) -> str:
    blocks = [day_in_words(day), subject, f"Dear {name},"]
    for part in parts:
        paragraphs = [textwrap.fill(p, _WIDTH, break_long_words=False) for p in part.paragraphs]
        head = f"{part.heading}\n{'-' * len(part.heading)}\n" if part.heading else ""
        blocks.append(head + "\n\n".join(paragraphs))
    return "\n\n".join([*blocks, f"Yours sincerely\n{signature}"]) + "\n"


_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{subject}</title>
<style>
body {{ margin: 0 auto; max-width: 38rem; padding: 3rem 1.5rem; background: #fff; color: #1d2430;
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere; }}
h1 {{ font-size: 1.25rem; line-height: 1.3; margin: 1.6rem 0 .8rem; }}
h2 {{ font-size: 1rem; margin: 1.6rem 0 .3rem; }}
p {{ margin: .5rem 0; }}
.day {{ margin-bottom: 2.5rem; color: #5b6472; }}
.end {{ margin-top: 2.2rem; }}
@media print {{ body {{ padding: 0; max-width: none; }} h2 {{ break-after: avoid; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _as_html(day: date, name: str, subject: str, parts: list[_Part], signature: str) -> str:
    blocks = [
        f'<p class="day">{day_in_words(day)}</p>',
        f"<h1>{html.escape(subject)}</h1>",
        f"<p>Dear {html.escape(name)},</p>",
    ]
    for part in parts:
        blocks += [f"<h2>{html.escape(part.heading)}</h2>"] if part.heading else []
        blocks += [f"<p>{html.escape(p)}</p>" for p in part.paragraphs]
    blocks.append(f'<p class="end">Yours sincerely<br>{html.escape(signature)}</p>')
    return _PAGE.format(subject=html.escape(subject), body="\n".join(blocks))
