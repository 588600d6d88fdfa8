"""Briefings of every sort, by name, for the golden texts; all people are invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from custledger.core.briefings.content import Known, customer_briefing, team_briefing
from custledger.core.briefings.pages import Briefing
from custledger.core.decisions.events import DecisionKind, DecisionMade, Missing, NoticeGiven
from custledger.core.decisions.scope import Action, Hours, Limit, Scope
from custledger.core.decisions.state import DecisionState
from custledger.core.money import Money
from custledger.core.records import (
    Channel,
    Conduct,
    EntryRef,
    Interaction,
    MoneyEntry,
    MoneyKind,
    Purpose,
    Staff,
    StaffRole,
)
from custledger.core.score.fit import Fit, fit
from custledger.core.score.reasons import Reason
from tests.core.histories import AS_OF, POLICY, contact, history

__all__ = ["ANN", "BEN", "DAY", "OLGA", "SAM", "cases", "decision", "flagged", "incident"]

DAY = date(2026, 6, 30)
ANN = UUID("aaaaaaaa-0000-4000-8000-000000000001")
BEN = UUID("bbbbbbbb-0000-4000-8000-000000000002")
OLGA = Staff(UUID(int=1), "Olga Owner", StaffRole.OWNER)
SAM = Staff(UUID(int=2), "Sam Sales", StaffRole.AGENT)
OWNERS = ("Olga Owner",)
WHY = "Three calls with insults, the last one with a threat."


def incident(conduct: Conduct, seq: int, day: date, **facts: Any) -> Interaction:
    moment = datetime.combine(day, time(9), UTC)
    ref = EntryRef(ANN, seq)
    who = {"customer_id": ANN, "recorded_by": SAM.id, "channel": Channel.PHONE}
    when = {"occurred_at": moment, "known_at": moment, "recorded_at": moment}
    return Interaction(ref, ref, **who, **when, conduct=conduct, **facts)  # type: ignore[arg-type]


def payment(kind: MoneyKind, seq: int, day: date) -> MoneyEntry:
    moment, ref = datetime.combine(day, time(9), UTC), EntryRef(ANN, seq)
    return MoneyEntry(ref, ref, ANN, kind, Money(5000, "EUR"), moment, moment, moment, SAM.id)


def flagged(kind: str, name: str = "Ann Miller", **losses: int) -> Fit:
    """A flag of that kind; how the score comes about is tested elsewhere."""
    found = fit(history(contact(1, AS_OF)), POLICY, AS_OF)
    amounts = {what: Money(minor, "EUR") for what, minor in losses.items()}
    spent = timedelta(hours=12, minutes=5)
    return replace(
        found,
        customer_id=ANN,
        name=name,
        flag=True,
        kind=kind,
        evidence="strong",
        statement=replace(found.statement, handling_time=spent, **amounts),
        standing=replace(found.standing, adverse_days=3, adverse_months=2, witnesses=2),
        reasons=(Reason("conduct", 60.0, "", entries=(7, 9, 12)),),
    )


def decision(
    kind: DecisionKind, seq: int = 20, customer: UUID = ANN, **facts: Any
) -> DecisionState:
    given: dict[str, Any] = {
        "reasons": WHY,
        "staff_text": "Olga takes the calls; write down what is said.",
        "customer_text": "We would like to speak with you in another way from now on.",
        "review_on": date(2026, 12, 30),
    }
    ref, day = EntryRef(customer, seq), date(2026, 6, 1)
    made = DecisionMade(ref, day, OLGA, kind, **{**given, **facts})
    notice = NoticeGiven(
        made.ref, date(2026, 6, 2), OLGA, "letter", WHY, date(2026, 12, 30), "Write to Sam."
    )
    return DecisionState(made, notice=notice)


HARSH = (
    incident(Conduct.VERBAL_ABUSE, 7, date(2026, 3, 2)),
    incident(Conduct.VERBAL_ABUSE, 9, date(2026, 4, 8)),
    incident(Conduct.THREAT, 12, date(2026, 4, 20)),
)
OWING = (
    incident(Conduct.NONE, 7, date(2026, 3, 2), purpose=Purpose.COLLECTION),
    incident(Conduct.POLICY_ABUSE, 9, date(2026, 4, 8)),
    payment(MoneyKind.WRITE_OFF, 12, date(2026, 4, 20)),
)
LIMITED = Scope(
    limits=frozenset(Limit),
    channels=frozenset({Channel.PHONE, Channel.VISIT}),
    hours=(Hours(0, time(9), time(12)), Hours(3, time(14), time(16, 30))),
    contact="Olga Owner",
)


def known() -> Iterator[tuple[str, Known]]:
    """What is known of one customer, in every sort."""
    name = (ANN, "Ann Miller")
    yield "as-usual", Known(*name)
    yield "conduct", Known(*name, flagged("conduct"), HARSH)
    yield "cost", Known(*name, flagged("cost", refunds=100))
    yield "both", Known(*name, flagged("both", overdue=5, write_offs=5), OWING)
    everything = {"refunds": 1, "chargebacks": 1, "write_offs": 1, "overdue": 1}
    yield "combined", Known(*name, flagged("combined", **everything), (*HARSH, *OWING))
    yield "warned", Known(*name, decisions=(decision(DecisionKind.WARNING),))
    limited = decision(DecisionKind.RESTRICTION, scope=LIMITED)
    yield "restricted", Known(*name, decisions=(limited,))
    social = Scope(channels=frozenset({Channel.SOCIAL}), account="@ann.miller.77")
    yield "blocked", Known(*name, decisions=(decision(DecisionKind.BLOCK, scope=social),))
    yield "not-served", Known(*name, decisions=(decision(DecisionKind.DO_NOT_SERVE),))
    some = Scope(actions=frozenset({Action.ORDER, Action.BOOKING}))
    partly = decision(DecisionKind.DO_NOT_SERVE, scope=some, staff_text="", customer_text="")
    overridden = replace(partly, overridden=frozenset({Missing.WARNING}))
    warned = decision(DecisionKind.WARNING, 18)
    yield "all-at-once", Known(*name, flagged("conduct"), HARSH, (warned, overridden, limited))


def cases() -> dict[str, Briefing]:
    """Every sort of briefing by name."""
    found: dict[str, Briefing] = {
        f"customer-{name}": customer_briefing(one, DAY, OWNERS) for name, one in known()
    }
    found["customer-without-owner"] = customer_briefing(dict(known())["warned"], DAY, ())
    found["team-no-margin"] = team_briefing((), DAY, OWNERS, can_flag=False)
    found["team-nobody"] = team_briefing((), DAY, OWNERS, watched=2, policy_version=3)
    state = decision(DecisionKind.WARNING, customer=BEN)
    becker = Known(BEN, "Ben <b>Becker</b> & Sons", decisions=(state,))
    warned = customer_briefing(becker, DAY, OWNERS)
    found["team-decided"] = team_briefing((warned,), DAY, OWNERS, policy_version=3)
    conduct = customer_briefing(dict(known())["conduct"], DAY, OWNERS)
    found["team-flagged"] = team_briefing((conduct,), DAY, OWNERS, watched=2, policy_version=3)
    everything = customer_briefing(dict(known())["all-at-once"], DAY, ("Olga Owner", "Otto Owner"))
    found["team-both"] = team_briefing(
        (everything, warned), DAY, ("Olga Owner", "Otto Owner"), watched=1, policy_version=4
    )
    return found
