"""Events of a complaint: what each needs, and how it travels."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from custledger.core.canonical import canonical_bytes
from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Escalated,
    Exposure,
    Extended,
    Opened,
    Outcome,
    Paused,
    Recovered,
    RegimeVersion,
    Reopened,
    Resolved,
    Responded,
    Resumed,
    SatisfactionGiven,
    StepDone,
    StepSkipped,
    body_of,
    event_from,
)
from custledger.core.records import Channel, Fault
from custledger.errors import BadInputError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANN = UUID(int=1)
BY: dict[str, Any] = {"at": NOON, "by": ANN}
OPENED: dict[str, Any] = {**BY, "channel": "phone", "plan_name": "Complaint", "plan_version": 1}

EVENTS: list[ComplaintEvent] = [
    Opened(**OPENED, customer_words="It was cold."),
    Opened(
        **{**OPENED, "channel": Channel.SOCIAL},
        staff_account="Delivered late: the van broke down.",
        regimes=(RegimeVersion("uk_fca", 1), RegimeVersion("house", 2)),
        exposure=Exposure("mastodon", "@ann@example.org", 1200),
        calendar_version=3,
        product="soup",
        cause="delivery",
    ),
    Opened(**OPENED, interaction=7, exposure=Exposure("a forum", "ann")),
    Acknowledged(**BY),
    Responded(**BY, summary="We offered to cook again."),
    StepDone(**BY, step="listen", note="20 minutes"),
    StepSkipped(**BY, step="apologise", reason="Said at the door already."),
    Paused(**BY, reason="We asked for a photograph."),
    Resumed(**BY, note="It came."),
    Escalated(**BY, reason="No agreement."),
    Extended(**BY, reason="The supplier has to look at it."),
    Resolved(**BY, outcome=Outcome.UPHELD, reasons="It was cold.", remedy="Half the price back"),
    Resolved(**BY, outcome=Outcome.WITHDRAWN, reasons="They found the parcel."),
    SatisfactionGiven(**BY, satisfied=False, customer_words="Too late."),
    Reopened(**BY, reason="It happened again."),
    Recovered(**BY, shown_by="a new order"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.kind)
def test_event_reads_back_from_canonical_json(event: ComplaintEvent) -> None:
    body = json.loads(canonical_bytes(body_of(event)))
    assert event_from(body, at=event.at, by=event.by) == event


def test_body_is_plain_and_short() -> None:
    assert body_of(EVENTS[1]) == {
        "event": "opened",
        "channel": "social",
        "plan_name": "Complaint",
        "plan_version": 1,
        "summary": "Delivered late: the van broke down.",
        "regimes": {"house": 2, "uk_fca": 1},
        "exposure": {"platform": "mastodon", "handle": "@ann@example.org", "reach": 1200},
        "calendar_version": 3,
        "product": "soup",
        "cause": "delivery",
    }
    assert body_of(EVENTS[3]) == {"event": "acknowledged"}


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Opened(**OPENED),
        lambda: Opened(**OPENED, customer_words="x", regimes="house"),  # type: ignore[arg-type]
        lambda: Opened(**OPENED, customer_words="x", regimes=[("house", 0)]),  # type: ignore[arg-type]
        lambda: Opened(**OPENED, customer_words="x", exposure="mastodon"),  # type: ignore[arg-type]
        lambda: Opened(**{**OPENED, "channel": "pigeon"}, customer_words="x"),
        lambda: Opened(**{**OPENED, "plan_name": ""}, customer_words="x"),
        lambda: Opened(**OPENED, customer_words="x", exposure=Exposure("", "@ann", 1)),
        lambda: Opened(**OPENED, customer_words="x", exposure=Exposure("x", "@ann", -1)),
        lambda: Opened(**OPENED, customer_words="x", exposure=Exposure("x", "@ann", True)),
        lambda: Acknowledged(at=datetime(2026, 11, 20), by=ANN),
        lambda: Acknowledged(**BY, note=3),  # type: ignore[arg-type]
        lambda: StepSkipped(**BY, step="listen", reason=" "),
        lambda: Paused(**BY, reason=""),
        lambda: Escalated(**BY, reason=""),
        lambda: Resolved(**BY, outcome=Outcome.UPHELD, reasons="Cold."),
        lambda: Resolved(**BY, outcome=Outcome.PARTLY_UPHELD, reasons="Cold."),
        lambda: Resolved(**BY, outcome=Outcome.NOT_UPHELD, reasons=""),
        lambda: Resolved(**BY, outcome="lost", reasons="Cold."),  # type: ignore[arg-type]
        lambda: SatisfactionGiven(**BY, satisfied="yes"),  # type: ignore[arg-type]
        lambda: Recovered(**BY, shown_by=""),
    ],
)
def test_broken_event_is_refused_when_it_is_made(broken: Callable[[], ComplaintEvent]) -> None:
    with pytest.raises(BadInputError):
        broken()


@pytest.mark.parametrize(
    "body", [{}, {"event": "danced"}, {"event": "paused"}, {"event": "resumed", "why": "so"}]
)
def test_body_that_is_no_event_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        event_from(body, **BY)


def test_outcome_says_whose_fault_it_was_but_never_the_customers() -> None:
    assert {outcome: outcome.fault for outcome in Outcome} == {
        Outcome.UPHELD: Fault.OURS,
        Outcome.PARTLY_UPHELD: Fault.SHARED,
        Outcome.NOT_UPHELD: None,
        Outcome.WITHDRAWN: None,
    }
