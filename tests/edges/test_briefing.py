"""The briefing: everyone flagged and nobody else, in respectful words, with no more than needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.edges.briefing import briefing
from custledger.edges.demo import DEMO_AS_OF, build_demo
from custledger.edges.explaining import explain

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with build_demo(tmp_path_factory.mktemp("demo") / "demo.sqlite") as ledger:
        yield ledger


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with open_ledger(":memory:", actor="Olga", now=lambda: NOW) as ledger:
        yield ledger


def section(text: str, name: str) -> str:
    """What the briefing says of one customer."""
    return re.split(r"\n\d+\. ", text.partition(f". {name} (")[2])[0]


def test_without_a_margin_it_says_that_nobody_can_be_flagged(ledger: Ledger) -> None:
    found = briefing(ledger)
    assert found.customers == ()
    assert "the gross margin on sales is not set" in " ".join(found.text.split())


def test_with_a_margin_and_nobody_flagged_it_says_so_plainly(ledger: Ledger) -> None:
    ledger.score_policies.set(margin=0.4)
    ledger.money.record_sale(ledger.customers.add("Ann"), amount=Money.of(100, "EUR"))
    found = briefing(ledger)
    assert found.title == "Briefing for staff, 30 June 2026"
    assert "Nobody is flagged" in found.text
    assert "Ann" not in found.text


def test_everyone_flagged_is_in_it_and_nobody_else(demo: Ledger) -> None:
    found = briefing(demo, DEMO_AS_OF)
    rows = demo.scores(as_of=DEMO_AS_OF)
    assert [customer.name for customer in found.customers] == [r.name for r in rows if r.flag]
    for row in rows:
        assert (row.name in found.text) == row.flag


def test_incidents_are_counted_by_what_was_recorded(demo: Ledger) -> None:
    [known] = [c.known for c in briefing(demo, DEMO_AS_OF).customers if c.name == "Nettle Briar"]
    assert known[0] == (
        "Incidents on 28 days in 17 calendar months, reported by 2 members of staff."
    )
    assert known[1] == "Recorded as: verbal abuse (15), unreasonable demand (12), threat (3)."


def test_entries_are_named_by_customer_and_number(demo: Ledger) -> None:
    for customer in briefing(demo, DEMO_AS_OF).customers:
        chain = {entry.ref.seq for entry in demo.history(customer.customer_id)}
        assert customer.entries
        assert set(customer.entries) <= chain
        told = section(briefing(demo, DEMO_AS_OF).text, customer.name)
        assert told.startswith(str(customer.customer_id)[:8])
        assert f"#{customer.entries[-1]}" in told


def test_it_holds_no_contact_point_no_quotation_and_no_score(demo: Ledger) -> None:
    found = briefing(demo, DEMO_AS_OF)
    assert "@" not in found.text
    for customer in found.customers:
        assert f"{demo.score(customer.customer_id, as_of=DEMO_AS_OF).score:.1f}" not in found.text
        for contact in demo.interactions.of(customer.customer_id):
            assert not contact.customer_words or contact.customer_words not in found.text
            assert contact.summary not in found.text


def test_guidance_answers_what_was_recorded_and_nothing_else(demo: Ledger) -> None:
    text = briefing(demo, DEMO_AS_OF).text
    assert "bear abuse" in section(text, "Nettle Briar")
    for name in ("Aster Flint", "Basil Thorne", "Sage Holt"):
        assert "abuse:" not in section(text, name)
    assert "Payment:" in section(text, "Basil Thorne")
    assert "Refunds and returns:" in section(text, "Aster Flint")


def test_wording_is_respectful_and_leaves_the_decision_to_a_person(demo: Ledger) -> None:
    text = " ".join(briefing(demo, DEMO_AS_OF).text.split())
    assert "a named person decides" in text
    assert "no verdict on anybody as a person" in text
    assert "tell Olivia Owner" in text
    for insult in ("bad customer", "difficult customer", "liar", "thief", "troublemaker", "abuser"):
        assert insult not in text.lower()


def test_digest_stays_until_something_new_is_known(demo: Ledger) -> None:
    today = briefing(demo, DEMO_AS_OF)
    assert briefing(demo, DEMO_AS_OF + timedelta(days=1)).digest == today.digest
    assert briefing(demo, date(2026, 3, 1)).digest != today.digest


def test_explanation_as_text_adds_up_and_cites_what_it_names(demo: Ledger) -> None:
    found = explain(demo, "Basil Thorne", DEMO_AS_OF)
    text = str(found)
    points = [float(p) for p in re.findall(r"^ +([+-]\d+\.\d)  ", text, re.MULTILINE)]
    assert round(sum(points[:-1]), 1) == points[-1] == round(found.fit.score, 1)
    assert {entry.seq for entry in found.entries} == {
        seq for reason in found.fit.reasons for seq in reason.entries
    }
    assert "version 3" in text
