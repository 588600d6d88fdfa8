"""Who has read which briefing: by version, once, by oneself, and again when there is news."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.briefings.acknowledgements import Acknowledged
from custledger.core.briefings.content import AS_USUAL
from custledger.core.decisions.scope import Limit, Scope
from custledger.core.due import DueKind
from custledger.core.records import Customer, EntryKind
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))


def restrict(ledger: Ledger, customer: Customer, who: str = "Sam") -> Any:
    """A restriction that is in force at once, since somebody's safety is at risk."""
    threat = ledger.interactions.record(
        customer, channel="phone", conduct="threat", staff=who, summary="said what he would do"
    )
    made = ledger.decisions.restrict(
        customer,
        PREPAID,
        reasons="A threat on the phone.",
        incidents=[threat],
        safety=[threat],
        bypass="Sam is alone in the shop.",
        staff_text="Do not be alone with them.",
        customer_text="Please pay in advance.",
    )
    assert made.done, made
    return made


def written(ledger: Ledger) -> int:
    every = [None, *ledger.customers.all()]
    return sum(len(ledger.history(subject)) for subject in every)


def refused(ledger: Ledger, answer: Acknowledged, code: str, before: int) -> None:
    assert [refusal.code for refusal in answer.refusals] == [code]
    assert not answer.done
    assert answer.acknowledgement is None
    assert written(ledger) == before


def names(ledger: Ledger) -> list[tuple[str, str]]:
    return [(row.staff, row.name) for row in ledger.briefings.outstanding()]


@pytest.fixture
def sams(ledger: Ledger, location: str, clock: Clock) -> Iterator[Ledger]:
    """The same ledger, opened by Sam."""
    with open_ledger(location, actor="Sam", now=clock) as opened:
        yield opened


def test_nobody_has_anything_to_read_where_nothing_is_flagged_or_decided(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.interactions.record(ann, channel="phone", purpose="complaint", conduct="verbal_abuse")
    assert ledger.briefings.team().as_usual
    assert ledger.briefings.of(ann).version == AS_USUAL
    assert ledger.briefings.outstanding() == []


def test_decision_in_force_is_briefed_as_the_book_of_decisions_has_it(
    ledger: Ledger, ann: Customer
) -> None:
    made = restrict(ledger, ann)
    [told] = ledger.briefings.team().customers
    assert told == ledger.briefings.of(ann)
    [decided] = told.decided
    [state] = ledger.decisions.in_force()
    assert decided.ref == state.made.ref == made.decision.made.ref
    assert decided.means == ("Only what is paid in advance goes through.",)
    assert (decided.to_do, decided.to_say) == (
        "Do not be alone with them.",
        "Please pay in advance.",
    )
    assert (decided.until, decided.by) == (state.review_on, "Olga")
    assert told.owners == ("Olga",)


def test_everybody_reads_and_acknowledges_for_themselves(
    ledger: Ledger, sams: Ledger, ann: Customer
) -> None:
    ledger.staff.add("Web shop", role="program")
    restrict(ledger, ann)
    assert names(ledger) == [("Olga", "Ann Miller"), ("Sam", "Ann Miller")]
    done = sams.briefings.acknowledge(sams.briefings.of(ann))
    assert done.done
    assert done.acknowledgement is not None
    assert (done.acknowledgement.staff, done.acknowledgement.customer_id) == ("Sam", ann.id)
    assert sams.briefings.acknowledged(ann) == [done.acknowledgement]
    assert names(ledger) == [("Olga", "Ann Miller")]


def test_briefing_that_tells_nothing_is_not_acknowledged(ledger: Ledger, ann: Customer) -> None:
    for nothing in (ledger.briefings.of(ann), ledger.briefings.team(), "as-usual"):
        [refusal] = ledger.briefings.acknowledge(nothing).refusals
        assert refusal.text == "Nothing is told here: there is nothing to acknowledge."
    assert ledger.briefings.acknowledged() == []


def test_same_version_is_acknowledged_once(ledger: Ledger, ann: Customer) -> None:
    restrict(ledger, ann)
    version = ledger.briefings.of(ann).version
    assert ledger.briefings.acknowledge(version).done
    before = written(ledger)
    refused(ledger, ledger.briefings.acknowledge(version), "already", before)
    refused(ledger, ledger.briefings.acknowledge(ledger.briefings.of(ann)), "already", before)
    # The team's says no more than Ann's, and Olga has read that.
    refused(ledger, ledger.briefings.acknowledge(ledger.briefings.team()), "already", before)


def test_two_at_once_acknowledge_it_once(
    ledger: Ledger, location: str, clock: Clock, ann: Customer
) -> None:
    restrict(ledger, ann)
    version = ledger.briefings.team().version
    meeting = Barrier(2)

    def sign(who: str) -> bool:
        with open_ledger(location, actor=who, now=clock) as opened:
            meeting.wait()
            return opened.briefings.acknowledge(version, staff="Sam", on_paper=True).done

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(sign, ("Olga", "Sam"))) == [False, True]
    assert len(ledger.briefings.acknowledged()) == 1


def test_acknowledging_the_teams_covers_the_customers_in_it(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    restrict(ledger, ann)
    restrict(ledger, ben)
    team = ledger.briefings.team()
    done = ledger.briefings.acknowledge(team)
    assert done.acknowledgement is not None
    assert done.acknowledgement.covers == {c.customer_id: c.version for c in team.customers}
    assert ledger.briefings.acknowledged() == [done.acknowledgement]
    assert names(ledger) == [("Sam", "Ann Miller"), ("Sam", "Ben")]
    before = written(ledger)
    refused(ledger, ledger.briefings.acknowledge(ledger.briefings.of(ben)), "already", before)


def test_news_about_one_customer_asks_again_about_that_one(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    ben = ledger.customers.add("Ben")
    restrict(ledger, ann)
    ledger.briefings.acknowledge(ledger.briefings.team())
    old = ledger.briefings.of(ann)
    clock.advance(timedelta(hours=1))
    restrict(ledger, ben)
    assert [row for row in names(ledger) if row[0] == "Olga"] == [("Olga", "Ben")]
    assert ledger.briefings.of(ann).version == old.version
    clock.advance(timedelta(hours=1))
    restrict(ledger, ann)
    [seen] = [r.seen for r in ledger.briefings.outstanding() if (r.staff, r.name) == OLGA_ON_ANN]
    assert seen == old.version


OLGA_ON_ANN = ("Olga", "Ann Miller")


def test_what_no_longer_holds_is_told_once_to_those_who_knew_of_it(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    made = restrict(ledger, ann)
    ledger.briefings.acknowledge(ledger.briefings.of(ann))
    clock.advance(timedelta(days=200))
    assert ledger.decisions.in_force() == []
    assert made.decision.review_on < ledger.today()
    [row] = ledger.briefings.outstanding()
    assert (row.staff, row.name, row.version) == ("Olga", "Ann Miller", AS_USUAL)
    assert ledger.briefings.acknowledge(ledger.briefings.of(ann)).done
    assert ledger.briefings.outstanding() == []


def test_version_that_is_not_the_current_one_is_refused(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    restrict(ledger, ann)
    old, team = ledger.briefings.of(ann), ledger.briefings.team()
    clock.advance(timedelta(hours=1))
    restrict(ledger, ann)
    before = written(ledger)
    for outdated in (old, team, old.version, team.version, "no version", ""):
        refused(ledger, ledger.briefings.acknowledge(outdated), "changed", before)


def test_nobody_acknowledges_for_somebody_else_but_an_owner_on_paper(
    ledger: Ledger, sams: Ledger, ann: Customer
) -> None:
    restrict(ledger, ann)
    version = ledger.briefings.team().version
    before = written(ledger)
    refused(ledger, ledger.briefings.acknowledge(version, staff="Sam"), "not_yours", before)
    paper = sams.briefings.acknowledge(version, staff="Olga", on_paper=True)
    refused(ledger, paper, "not_owner", before)
    done = ledger.briefings.acknowledge(version, staff="Sam", on_paper=True).acknowledgement
    assert done is not None
    assert (done.staff, done.on_paper, done.recorded_by) == ("Sam", True, ledger.actor.id)
    assert names(ledger) == [("Olga", "Ann Miller")]


def test_programs_and_those_who_left_acknowledge_nothing(ledger: Ledger, ann: Customer) -> None:
    ledger.staff.add("Web shop", role="program")
    ledger.staff.deactivate("Sam")
    restrict(ledger, ann, who="Olga")
    version = ledger.briefings.team().version
    before = written(ledger)
    for who, code in (("Web shop", "program"), ("Sam", "left")):
        answer = ledger.briefings.acknowledge(version, staff=who, on_paper=True)
        refused(ledger, answer, code, before)
    assert names(ledger) == [("Olga", "Ann Miller")]


def test_what_is_no_briefing_and_who_is_nobody_is_an_error(ledger: Ledger, ann: Customer) -> None:
    with pytest.raises(BadInputError, match="by its record or its version"):
        ledger.briefings.acknowledge(7)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="not registered"):
        ledger.briefings.acknowledge("x", staff="Nobody")
    with pytest.raises(BadInputError, match="on_paper"):
        ledger.briefings.acknowledge("x", on_paper="yes")  # type: ignore[arg-type]


def test_new_colleague_has_everything_to_read(ledger: Ledger, clock: Clock, ann: Customer) -> None:
    restrict(ledger, ann)
    ledger.briefings.acknowledge(ledger.briefings.team())
    ledger.briefings.acknowledge(ledger.briefings.team().version, staff="Sam", on_paper=True)
    assert names(ledger) == []
    before = clock()
    clock.advance(timedelta(days=1))
    ledger.staff.add("Noor")
    assert names(ledger) == [("Noor", "Ann Miller")]
    [item] = ledger.briefings.passed(since=before, as_of=clock())
    assert item.passed_at == clock()


def test_acknowledgement_is_an_event_in_the_chain_of_the_customer_or_the_ledger(
    ledger: Ledger, ann: Customer
) -> None:
    restrict(ledger, ann)
    version, team = ledger.briefings.of(ann).version, ledger.briefings.team().version
    ledger.briefings.acknowledge(version)
    ledger.briefings.acknowledge(team, staff="Sam", on_paper=True)
    entry = ledger.history(ann)[-1]
    assert entry.kind is EntryKind.BRIEFING
    assert entry.facts == {
        "event": "acknowledged",
        "other": str(ledger.actor.id),
        "mark": version,
    }
    entry = ledger.history()[-1]
    assert entry.facts == {
        "event": "acknowledged",
        "firm": True,
        "other": str(ledger.staff.get("Sam").id),
        "mark": team,
        "on_paper": True,
        "covers": {str(ann.id): version},
    }


def test_erased_customer_leaves_the_briefings_readable(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    restrict(ledger, ann)
    ledger.briefings.acknowledge(ledger.briefings.of(ann))
    team = ledger.briefings.team().version
    ledger.briefings.acknowledge(team, staff="Sam", on_paper=True)
    ledger.privacy.erase_person(ann, ground="objection")
    assert ledger.briefings.team().as_usual
    assert names(ledger) == []
    assert [a.staff for a in ledger.briefings.acknowledged()] == ["Sam"]


def test_merged_customer_is_briefed_and_acknowledged_under_one_name(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    twin = ledger.customers.add("Ann M.")
    restrict(ledger, twin)
    ledger.briefings.acknowledge(ledger.briefings.of(twin))
    clock.advance(timedelta(hours=1))
    with ledger.context.write() as journal:
        key = customer_key(journal.connection, ledger.context, twin)
        body = {"event": "merged", "other": str(ann.id)}
        append_event(journal, key, EntryKind.MERGE, body)
    assert ledger.briefings.of(twin) == ledger.briefings.of(ann)
    [told] = ledger.briefings.team().customers
    assert (told.name, len(told.decided)) == ("Ann Miller", 1)
    [row] = [row for row in ledger.briefings.outstanding() if row.staff == "Olga"]
    assert row.name == "Ann Miller"
    assert row.seen
    assert ledger.briefings.acknowledge(ledger.briefings.of(twin)).done
    assert [a.customer_id for a in ledger.briefings.acknowledged(twin)] == [ann.id, ann.id]
    assert [name for name, _ in names(ledger)] == ["Sam"]


def test_flagged_customer_is_briefed_on_the_day_that_is_asked_for(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    ledger.score_policies.set(margin=0.4)
    ledger.money.record_sale(ann, amount=Money.of(50, "EUR"))
    for week in range(30):
        clock.advance(timedelta(days=7))
        for who in ("Olga", "Sam"):
            ledger.interactions.record(
                ann,
                channel="phone",
                conduct="verbal_abuse",
                staff=who,
                handling_time=timedelta(minutes=90),
                summary=f"call {week}",
            )
    [told] = ledger.briefings.team().customers
    assert told.why
    assert told.entries
    assert any("verbal abuse (60)" in line for line in told.known)
    assert ledger.briefings.of(ann, date(2026, 1, 6)).as_usual
    assert ledger.briefings.team(date(2026, 1, 6)).as_usual
    row = ledger.briefings.outstanding()[0]
    assert (row.name, row.version) == ("Ann Miller", told.version)
    assert ledger.briefings.outstanding(date(2026, 1, 6)) == []


def test_outstanding_briefing_passes_its_line_with_the_entry_that_changed_it(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    start = clock()
    clock.advance(timedelta(hours=1))
    restrict(ledger, ann)
    version = ledger.briefings.of(ann).version
    at = clock()
    clock.advance(timedelta(hours=5))
    items = ledger.briefings.passed(since=start, as_of=clock())
    assert [item.passed_at for item in items] == [at, at]
    assert {item.kind for item in items} == {DueKind.BRIEFING_OUTSTANDING}
    assert {item.key for item in items} == {
        f"briefing/{ann.id}/{version}/{ledger.staff.get(who).id}" for who in ("Olga", "Sam")
    }
    assert f"Olga has not acknowledged the briefing on Ann Miller ({str(ann.id)[:8]})" in " ".join(
        item.text for item in items
    )
    assert ledger.briefings.passed(since=at, as_of=clock()) == []
    ledger.briefings.acknowledge(version)
    assert len(ledger.briefings.passed(since=start, as_of=clock())) == 1


def test_lapse_passes_its_line_at_the_beginning_of_its_day(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    made = restrict(ledger, ann)
    ledger.briefings.acknowledge(ledger.briefings.of(ann))
    ledger.briefings.acknowledge(ledger.briefings.team().version, staff="Sam", on_paper=True)
    clock.advance(timedelta(days=1))
    since = clock()
    clock.set(since + timedelta(days=400))
    items = ledger.briefings.passed(since=since, as_of=clock())
    assert len(items) == 2
    for item in items:
        local = item.passed_at.astimezone(since.astimezone().tzinfo)
        assert item.passed_at.minute == 0
        assert abs((local.date() - made.decision.review_on).days) <= 1
        assert "as-usual" in item.key
    later = items[0].passed_at
    assert ledger.briefings.passed(since=later, as_of=clock()) == []
