"""Who needs relief, and where one person alone speaks against a customer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.backing import (
    ABUSE,
    RELIEVING,
    Backing,
    BackingKind,
    BackingReport,
    BackingRules,
    Borne,
    Incident,
    SingleSource,
    backing_report,
)
from custledger.core.records import Conduct, EntryRef, Staff, StaffRole
from custledger.errors import BadInputError

ANN, BEN = UUID(int=7), UUID(int=8)
SAM = Staff(UUID(int=1), "Sam", StaffRole.AGENT)
NOOR = Staff(UUID(int=2), "Noor", StaffRole.AGENT)
SHOP = Staff(UUID(int=3), "Web shop", StaffRole.PROGRAM)
LEFT = Staff(UUID(int=4), "Lee", StaffRole.AGENT, active=False)
STAFF = (SAM, NOOR, SHOP, LEFT)
TODAY = date(2026, 6, 30)


def incident(seq: int, ago: int, who: Staff = SAM, **facts: Any) -> Incident:
    given = {"customer_id": ANN, "customer": "Ann", "conduct": Conduct.VERBAL_ABUSE}
    day = TODAY - timedelta(ago)
    return Incident(EntryRef(ANN, seq), day=day, borne_by=who.id, **{**given, **facts})


def backed(
    seq: int, of: int, ago: int, kind: BackingKind = BackingKind.TALKED_TO, who: Staff = SAM
) -> Backing:
    day = TODAY - timedelta(ago)
    return Backing(EntryRef(ANN, seq), EntryRef(ANN, of), who.id, kind, "", day, NOOR.id)


def report(*incidents: Incident, done: Any = (), **rules: int) -> BackingReport:
    return backing_report(incidents, done, STAFF, as_of=TODAY, rules=BackingRules(**rules))


def needs(*incidents: Incident, done: Any = (), **rules: int) -> tuple[str, ...]:
    [one] = report(*incidents, done=done, **rules).people
    return one.needs


def test_report_counts_what_each_person_bore() -> None:
    done = (backed(9, 3, 0),)
    found = report(
        incident(1, 5),
        incident(2, 5, conduct=Conduct.THREAT),
        incident(3, 1),
        incident(4, 2, NOOR, conduct=Conduct.PUBLIC_ATTACK),
        done=done,
    )
    assert found.people == (
        Borne(
            staff_id=SAM.id,
            name="Sam",
            incidents=3,
            days=2,
            conduct=((Conduct.VERBAL_ABUSE, 2), (Conduct.THREAT, 1)),
            unbacked=(EntryRef(ANN, 1), EntryRef(ANN, 2)),
            done=done,
            needs=(
                "2 incidents without anything done for them, the first 5 days ago",
                "3 incidents within 14 days, and no relief since",
            ),
        ),
        Borne(
            staff_id=NOOR.id,
            name="Noor",
            incidents=1,
            days=1,
            conduct=((Conduct.PUBLIC_ATTACK, 1),),
            unbacked=(EntryRef(ANN, 4),),
            done=(),
            needs=(),
        ),
    )


@pytest.mark.parametrize(("ago", "needed"), [(3, False), (4, True)])
def test_incident_waits_for_backing_no_longer_than_the_rules_say(ago: int, needed: bool) -> None:
    assert bool(needs(incident(1, ago))) is needed
    assert needs(incident(1, ago), done=(backed(2, 1, 0),)) == ()
    assert needs(incident(1, ago), wait_days=ago) == ()


@pytest.mark.parametrize(("ago", "needed"), [(13, True), (14, False)])
def test_several_incidents_within_the_period_need_relief(ago: int, needed: bool) -> None:
    incidents = (incident(1, ago), incident(2, 1), incident(3, 0))
    talks = tuple(backed(10 + n, n, 0) for n in (1, 2, 3))
    assert bool(needs(*incidents, done=talks)) is needed


@pytest.mark.parametrize("kind", BackingKind)
def test_relief_takes_off_what_came_before_and_a_talk_what_it_was_about(kind: BackingKind) -> None:
    incidents = (incident(1, 9), incident(2, 8), incident(3, 7))
    relieves = kind in RELIEVING
    [one] = report(*incidents, done=(backed(9, 3, 7, kind),)).people
    assert one.unbacked == (() if relieves else (EntryRef(ANN, 1), EntryRef(ANN, 2)))
    assert bool(one.needs) is not relieves


def test_conduct_that_nobody_bears_is_no_abuse() -> None:
    others = [conduct for conduct in Conduct if conduct not in ABUSE]
    found = report(*(incident(n, 1, conduct=conduct) for n, conduct in enumerate(others, 1)))
    assert found.people == ()


def test_programs_bear_nothing_and_who_left_needs_nothing_more() -> None:
    found = report(incident(1, 9, SHOP), incident(2, 9, LEFT))
    assert [(one.name, one.needs) for one in found.people] == [("Lee", ())]


def test_customers_against_whom_one_person_alone_speaks_come_first() -> None:
    ben = {"customer_id": BEN, "customer": "Ben", "conduct": Conduct.UNREASONABLE_DEMAND}
    found = report(
        incident(1, 3),
        incident(2, 2, NOOR),
        incident(3, 1),
        incident(4, 1, **ben),
        incident(5, 0, **ben),
        incident(6, 0, SHOP, **ben),
    )
    assert found.customers == (
        SingleSource(BEN, "Ben", 2, 1, "Sam"),
        SingleSource(ANN, "Ann", 3, 2),
    )


@pytest.mark.parametrize(
    "rules", [{"wait_days": -1}, {"many": 0}, {"within_days": 0}, {"many": 2.5}, {"many": True}]
)
def test_rules_that_make_no_sense_are_refused(rules: Any) -> None:
    with pytest.raises(BadInputError, match="is a whole number from"):
        BackingRules(**rules)


incidents = st.lists(
    st.builds(
        incident,
        st.integers(1, 40),
        st.integers(0, 40),
        st.sampled_from(STAFF),
        conduct=st.sampled_from(Conduct),
    ),
    unique_by=lambda one: one.ref,
)


@given(incidents, st.integers(0, 40))
def test_backing_everything_leaves_nobody_in_need(found: list[Incident], ago: int) -> None:
    who = {person.id: person for person in STAFF}
    off = BackingKind.TIME_OFF
    done = [backed(99, i.ref.seq, 0, off, who[i.borne_by]) for i in found]
    assert all(not one.needs and not one.unbacked for one in report(*found, done=done).people)


@given(incidents)
def test_every_abuse_of_a_person_is_counted_once(found: list[Incident]) -> None:
    told = report(*found)
    abuse = [i for i in found if i.conduct in ABUSE and i.borne_by != SHOP.id]
    assert sum(one.incidents for one in told.people) == len(abuse)
    assert {ref for one in told.people for ref in one.unbacked} == {i.ref for i in abuse}
    assert report(*reversed(found)) == told
