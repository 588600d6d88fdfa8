"""What a decision may rest on: incidents that say what is said of them, and house rules in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from custledger import Ledger, Money, open_ledger
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import Customer
from custledger.pytest_plugin import Clock
from tests.books.deciding import DAY, entries, facts, incident, warned


def codes(step: DecisionStep) -> list[str]:
    return [refusal.code for refusal in step.refusals]


def test_payment_or_a_polite_contact_put_nobodys_safety_at_risk(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    warned(ledger, ann)
    clock.advance(DAY)
    paid = ledger.money.record_sale(ann, amount=Money(900, "EUR"))
    polite = incident(ledger, ann, conduct="none", summary="asked for the menu")
    before = entries(ledger, ann)
    for harmless in (paid, polite):
        step = ledger.decisions.do_not_serve(ann, **facts(harmless, safety=[harmless]))
        assert codes(step) == ["safety"]
    assert entries(ledger, ann) == before
    film = ledger.evidence.attach(ann, text="what the camera at the door shows")
    assert ledger.decisions.do_not_serve(ann, **facts(film, safety=[film])).done


def test_house_rule_never_judges_what_came_before_it(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    old = incident(ledger, ann)
    clock.advance(DAY)
    assert ledger.lessons.set_rule("No threats", "Who threatens us is warned.").done
    clock.advance(DAY)
    new = incident(ledger, ann)
    before = entries(ledger, ann)
    for name, cited in (("no threats", [old, new]), ("No threts", [new])):
        step = ledger.decisions.warn(ann, **facts(*cited, rule=name))
        assert codes(step) == ["rule"]
    assert entries(ledger, ann) == before
    step = ledger.decisions.warn(ann, **facts(new, rule=" no  THREATS"))
    assert step.decision is not None
    assert step.decision.made.rule == "No threats"
    assert [(r.rule.name, r.decisions) for r in ledger.lessons.report()] == [("No threats", 1)]
    assert [r.name for r in ledger.decisions.error_report().by_rule] == ["No threats"]


def test_two_who_decide_the_same_appeal_at_once_decide_it_once(
    ledger: Ledger, ann: Customer, clock: Clock, location: str
) -> None:
    ledger.staff.add("Rita")
    decision = warned(ledger, ann).decision
    assert decision is not None
    assert ledger.decisions.appeal(decision, words="It was not me.").done
    start = Barrier(2)

    def decide(name: str) -> DecisionStep:
        with open_ledger(location, actor=name, now=clock) as opened:
            start.wait()
            return opened.decisions.decide_appeal(
                decision, overturned=name == "Sam", reasons="Both drivers say the same."
            )

    with ThreadPoolExecutor(2) as pool:
        steps = [*pool.map(decide, ("Sam", "Rita"))]
    assert sorted(map(codes, steps)) == [[], ["twice"]]
