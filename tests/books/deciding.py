"""What tests about decisions share: incidents, the usual words, and a merge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from custledger import Ledger
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import Customer, EntryKind, Interaction
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event

__all__ = [
    "DAY",
    "ROUTE",
    "STAFF_TEXT",
    "WHY",
    "banned",
    "entries",
    "facts",
    "incident",
    "merge",
    "told",
    "warned",
]

DAY = timedelta(days=1)
WHY = "Insulted two drivers on the phone and threatened one of them."
STAFF_TEXT = "Stay calm, and pass calls to Olga."
CUSTOMER_TEXT = "Please speak with Olga from now on."
ROUTE = "Write to Rita Bell, 1 High Street, within 20 days."


def incident(ledger: Ledger, customer: Customer, **more: Any) -> Interaction:
    given: dict[str, Any] = {"channel": "phone", "conduct": "threat", "summary": "threatened Mia"}
    return ledger.interactions.record(customer, **{**given, **more})


def facts(*incidents: Any, **more: Any) -> Any:
    given = {
        "reasons": WHY,
        "incidents": incidents,
        "staff_text": STAFF_TEXT,
        "customer_text": CUSTOMER_TEXT,
    }
    return {**given, **more}


def told(ledger: Ledger, step: DecisionStep) -> DecisionStep:
    """Notice is given of a decision that was allowed."""
    assert step.done, step.refusals
    notice = ledger.decisions.notice(step, how="letter", appeal_route=ROUTE)
    assert notice.done, notice.refusals
    return notice


def warned(ledger: Ledger, customer: Customer) -> DecisionStep:
    step = ledger.decisions.warn(customer, **facts(incident(ledger, customer)))
    return told(ledger, step)


def banned(ledger: Ledger, customer: Customer, clock: Clock, **more: Any) -> DecisionStep:
    """A do-not-serve by all the steps, in force when this returns."""
    warned(ledger, customer)
    clock.advance(DAY)
    hit = incident(ledger, customer)
    step = ledger.decisions.do_not_serve(customer, **facts(hit, safety=[hit], **more))
    told(ledger, step)
    clock.advance(DAY)
    assert step.decision is not None
    assert ledger.decisions.get(step).in_force(ledger.today())
    return step


def merge(ledger: Ledger, one: Customer, into: Customer) -> None:
    """Say that two customers are one person."""
    context = ledger.context
    with context.write() as journal:
        key = journal.key_of(one.id)
        append_event(journal, key, EntryKind.MERGE, {"event": "merge", "other": str(into.id)})


def entries(ledger: Ledger, *customers: Customer) -> int:
    """How many entries the ledger has about the customers and about itself."""
    return sum(len(ledger.history(who)) for who in (None, *customers))
