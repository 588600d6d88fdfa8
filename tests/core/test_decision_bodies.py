"""Events of decisions read back from canonical JSON as they were."""

from __future__ import annotations

import json
from datetime import date, time
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes
from custledger.core.decisions.bodies import (
    WITHHELD,
    EventContext,
    event_body,
    event_from,
    event_staff_body,
)
from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    Cited,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    Event,
    Missing,
    NoticeGiven,
    Override,
    Reviewed,
    ScoreFlag,
)
from custledger.core.decisions.scope import Action, Hours, Limit, Scope
from custledger.core.records import Channel, EntryRef, Staff, StaffRole

ANN = UUID(int=7)
OWNER = Staff(UUID(int=1), "Olga", StaffRole.OWNER)
POLICIES = {n: DecisionPolicy(version=n, appeal_days=20 + n) for n in range(3)}

days = st.dates(date(1950, 1, 1), date(2100, 1, 1))
words = st.sampled_from(["", "Insulted two drivers.", "Ängstlich, 吼叫"])
refs = st.integers(1, 99).map(lambda n: EntryRef(ANN, n))
elsewhere = st.just(EntryRef(UUID(int=8), 5))  # of the same person under another name
cited = st.lists(st.builds(Cited, refs | elsewhere, days), max_size=3).map(tuple)
lacks = st.frozensets(st.sampled_from([*Missing]), min_size=1)
overrides = st.none() | st.builds(Override, words, lacks)
scopes = st.builds(
    Scope,
    limits=st.frozensets(st.sampled_from([*Limit])),
    actions=st.frozensets(st.sampled_from([*Action])),
    channels=st.frozensets(st.sampled_from([*Channel]), min_size=1),
    hours=st.just((Hours(0, time(9), time(11, 30)),)),
    contact=st.just("Olga"),
)
by, on = st.just(OWNER), st.just(date(2026, 3, 2))
events = st.one_of(
    st.builds(
        DecisionMade,
        st.just(EntryRef(ANN, 12)),
        on,
        by,
        st.sampled_from([*DecisionKind]),
        words,
        cited,
        cited,
        st.none() | st.builds(ScoreFlag, days, st.integers(0, 9)),
        scopes,
        words,
        words,
        st.none() | days,
        st.none() | days,
        words,
        words,
        overrides,
        st.lists(refs, max_size=2).map(tuple),
        st.sampled_from([*POLICIES.values()]),
    ),
    st.builds(NoticeGiven, refs, on, by, words, words, days, words, st.just(EntryRef(ANN, 12))),
    st.builds(Appealed, refs, on, by, words, days),
    st.builds(
        AppealDecided,
        refs,
        on,
        by,
        st.booleans(),
        words,
        st.frozensets(st.uuids(), max_size=3),
        words,
        overrides,
    ),
    st.builds(Reviewed, refs, on, by, words, st.none() | days),
)


@given(events)
def test_event_reads_back_exactly(event: Event) -> None:
    context = EventContext(EntryRef(ANN, 12), date(2026, 3, 2), OWNER, POLICIES)
    body = json.loads(canonical_bytes(event_body(event)))
    staff_body = json.loads(canonical_bytes(event_staff_body(event)))
    assert event_from(body, context, staff_body) == event


@given(events)
def test_customers_part_has_no_words_for_staff_alone_and_reads_without_them(event: Event) -> None:
    context = EventContext(EntryRef(ANN, 12), date(2026, 3, 2), OWNER, POLICIES)
    body = event_body(event)
    assert not {"staff_text", "override_reasons"} & body.keys()
    found = event_from(body, context)
    if isinstance(found, DecisionMade) and found.kind is not DecisionKind.REINSTATEMENT:
        assert found.staff_text == WITHHELD
    assert event_body(found) == body


def test_body_leaves_out_what_is_empty() -> None:
    event = Reviewed(EntryRef(ANN, 9), date(2026, 3, 2), OWNER, "Calm since May.")
    assert event_body(event) == {"event": "review", "of": 9, "reasons": "Calm since May."}
