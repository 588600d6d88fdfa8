"""One letter of each kind, about invented people, and always on the same day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from custledger import Ledger, open_ledger
from custledger.core.decisions.events import Missing, Override
from custledger.core.decisions.scope import Hours, Limit, Scope
from custledger.core.records import Channel, Customer
from custledger.edges.letters import Letter, notice_letter
from custledger.pytest_plugin import Clock

__all__ = ["STAFF_WORDS", "decided", "letters"]

STAFF_WORDS = "End the call at once, and tell Olga. He owes for March too."
WHY = (
    "On 2 January you called our driver Mia names on the phone, and on 4 January you told her\n"
    "that she would be sorry if she came again."
)
ROUTE = "Write to Rita Bell, 1 High Street, Lille, or to appeals@example.org."
SINGLE = Scope(limits=frozenset({Limit.SINGLE_CONTACT}), contact="Olga Field")
HOURS = Scope(
    limits=frozenset({Limit.HOURS, Limit.CHANNEL, Limit.PREPAYMENT_ONLY}),
    channels=frozenset({Channel.PHONE, Channel.CHAT}),
    hours=(Hours(0, time(9), time(11)), Hours(3, time(14), time(15, 30))),
)


def letters(path: Path) -> Iterator[tuple[str, Letter]]:
    """The name and the letter of each kind."""
    with open_ledger(path, actor="Olga Field", now=Clock(), zone="Europe/Paris") as ledger:
        ann = ledger.customers.add("Ann <b>Miller</b> & Sons")
        steps = decided(ledger, ann)
        for name in ("warning", "restriction", "hours", "block", "do_not_serve", "bypass"):
            yield name, notice_letter(ledger, steps[name], appeal_route=ROUTE)
        ledger.staff.add("Sam Hill")
        letter = notice_letter(
            ledger, steps["some_actions"], appeal_route=ROUTE, signed="Olga Field, Field Catering"
        )
        yield "some_actions", letter


def decided(ledger: Ledger, customer: Customer) -> dict[str, Any]:
    """A decision of each kind, as an owner who overrides what came before it."""
    hit = ledger.interactions.record(customer, channel="phone", conduct="threat", summary="threats")
    lacking = frozenset({Missing.WARNING, Missing.EVIDENCE})
    given: dict[str, Any] = {
        "reasons": WHY,
        "incidents": [hit],
        "staff_text": STAFF_WORDS,
        "review_on": ledger.today() + timedelta(180),
        "override": Override("The owner saw it happen herself.", lacking),
    }
    book: Any = ledger.decisions
    polite = "Please speak with our staff as you would like to be spoken to."
    contact = "Olga Field answers within two days: 03 20 00 00 00."
    by_mail = "By mail to desk@example.org you reach us at any time."
    no_posts = "If something went wrong, write to us: we want to put it right."
    end = "Please find another caterer for your next event. We wish you all the best."
    now = {"safety": [hit], "bypass": "He came to the door with a knife.", "review_on": None}
    return {
        "warning": book.warn(customer, **{**given, "override": None}, customer_text=polite),
        "restriction": book.restrict(customer, SINGLE, **given, customer_text=contact),
        "hours": book.restrict(customer, HOURS, **given, customer_text=by_mail),
        "block": book.block(customer, account="@ann", **given, customer_text=no_posts),
        "do_not_serve": book.do_not_serve(customer, **given, customer_text=end),
        "bypass": book.do_not_serve(customer, **{**given, **now}, customer_text=end),
        "some_actions": book.do_not_serve(
            customer, actions=["booking", "credit"], **given, customer_text=end
        ),
    }
