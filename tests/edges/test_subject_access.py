"""What a customer is told: the whole text, and what may not be in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.privacy.retention import Kept, RetentionRule, Since
from custledger.core.records import Customer, EntryKind
from custledger.edges.subject_access import (
    access_html,
    access_json,
    access_report,
    access_text,
    write_access,
)
from custledger.edges.without import disputed, score_changes, score_without
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

GOLDEN = Path(__file__).parents[1] / "data" / "subject_access" / "access.txt"
EVIL = '<script>alert("x")</script>'
FOREWORD = "Miller & Sons, 1 High Street.\n\nWe keep this to deal with your orders."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with open_ledger(
        tmp_path / "shop.sqlite", actor="Olga", now=clock, zone="Europe/Paris"
    ) as ledger:
        yield ledger
        assert ledger.verify().findings == ()


@pytest.fixture
def ann(ledger: Ledger, clock: Clock) -> Customer:
    """A customer of whom something of every sort is held."""
    ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))
    ledger.score_policies.set(margin=0.4)
    ann = ledger.customers.add(
        "Ann Miller", email="ann@example.org", joined_on=date(2025, 1, 7), staff_note="VIP"
    )
    for month in (8, 9, 10, 11):
        ledger.interactions.record(
            ann,
            channel="phone",
            conduct="verbal_abuse",
            fault="customer",
            handling_time=timedelta(minutes=30),
            staff="Sam" if month % 2 else "Olga",
            summary=f"Call of month {month}",
            customer_words="You are all thieves." if month == 8 else "",
            staff_note="very loud",
            occurred_at=datetime(2025, month, 5, 9, tzinfo=UTC),
        )
    ledger.money.record_sale(ann, amount=Money.of("80", "EUR"), source="till", external_id="9")
    first, second, *_ = ledger.interactions.of(ann)
    ledger.evidence.attach(second, file=BytesIO(b"tape"), media_type="audio/mpeg", caption="Tape")
    ledger.interactions.correct(first, conduct="none", reason="heard the tape")
    mistake = ledger.interactions.record(ann, channel="email", summary="another Ann")
    ledger.interactions.void(mistake, reason="wrong customer")
    secret = ledger.interactions.record(ann, channel="email", summary="her illness")
    ledger.privacy.erase(secret, ground="unlawful", reason="not about our work")
    ledger.access.request(ann, how="mail", note="sent by her lawyer")
    ledger.contests.add(second, words="That was not me")
    ledger.complaints.open(ann, channel="email", customer_words="The lamp is broken.")
    warning = ledger.decisions.warn(
        ann,
        reasons="Shouted at the person on the phone, and went on when asked to stop.",
        incidents=[second],
        staff_text="Stay calm, and hand over to Olga.",
        customer_text="Please do not shout at our staff.",
    )
    ledger.decisions.notice(
        warning,
        how="letter",
        reasons="Shouted at the person on the phone, and went on when asked to stop.",
        appeal_route="Write to appeals@example.org within 20 days.",
    )
    ledger.retention.set(
        (
            RetentionRule(Kept.INTERACTION, Period(3, PeriodUnit.YEARS), "Claims lapse then."),
            RetentionRule(Kept.MONEY, Period(10, PeriodUnit.YEARS), "Taxes.", Since.YEAR_END),
        )
    )
    return ann


def test_text_is_the_golden_one(ledger: Ledger, ann: Customer) -> None:
    text = access_text(access_report(ledger, ann, foreword=FOREWORD))
    shown = text.replace(str(ann.id), "ID")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_page_text_and_json_are_functions_of_what_is_held(ledger: Ledger, ann: Customer) -> None:
    reports = [access_report(ledger, ann, foreword=FOREWORD) for _ in range(2)]
    for make in (access_html, access_text, access_json):
        assert make(reports[0]) == make(reports[1])


def test_everything_that_was_told_to_the_customer_is_in_every_form(
    ledger: Ledger, ann: Customer
) -> None:
    report = access_report(ledger, ann)
    flat = access_text(report).replace("\n", " ")
    for form in (" ".join(flat.split()), access_html(report), access_json(report)):
        for said in ("That was not me", "The lamp is broken.", "Call of month 11", "Claims lapse"):
            assert said in form


def test_notes_among_staff_and_names_of_staff_are_left_out_and_counted(
    ledger: Ledger, ann: Customer
) -> None:
    report = access_report(ledger, ann)
    for form in (access_html(report), access_text(report), access_json(report)):
        for hidden in ("very loud", "VIP", "Stay calm", "lawyer", "Sam", "Olga", "3000"):
            assert hidden not in form
    assert report.withheld == 8
    assert "8 texts written for staff only are left out here" in access_html(report)


def test_notes_and_names_are_told_where_the_firm_says_so(ledger: Ledger, ann: Customer) -> None:
    report = access_report(ledger, ann, staff_texts=True, staff_names=True)
    assert report.withheld == 0
    for form in (access_html(report), access_json(report)):
        for told in ("very loud", "VIP", "hand over to Olga", "sent by her lawyer", "Sam"):
            assert told in form
    assert "left out" not in access_text(report)


def test_no_text_becomes_a_part_of_the_page(ledger: Ledger) -> None:
    evil = ledger.customers.add(EVIL, email="x@example.org")
    ledger.interactions.record(evil, channel="phone", summary=EVIL, customer_words=EVIL)
    call = ledger.interactions.of(evil)[0]
    ledger.contests.add(call, words=EVIL)
    page = access_html(access_report(ledger, evil, foreword=EVIL))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert "\x1b" not in access_text(access_report(ledger, evil, foreword="\x1b[31m"))


def test_json_is_portable_and_names_its_format(ledger: Ledger, ann: Customer) -> None:
    found = json.loads(access_json(access_report(ledger, ann)))
    assert (found["format"], found["version"]) == ("custledger/subject-access", 1)
    kinds = [entry["kind"] for entry in found["entries"]]
    assert {"interaction", "sale", "evidence", "void", "erasure", "complaint"} <= set(kinds)
    [sale] = [entry for entry in found["entries"] if entry["kind"] == "sale"]
    assert sale["data"]["amount"] == [8000, "EUR"]


def test_every_entry_of_the_chain_is_told_and_what_became_of_it(
    ledger: Ledger, ann: Customer
) -> None:
    report = access_report(ledger, ann)
    assert {e.ref for e in report.entries} == {f"#{e.ref.seq}" for e in ledger.history(ann)}
    states = {e.ref: (e.state, e.by) for e in report.entries}
    assert states["#2"] == ("corrected", "#8")
    assert states["#9"] == ("taken back", "#10")
    assert states["#11"] == ("erased", "#12")
    assert [e.ref for e in report.entries if e.disputed] == ["#3"]
    assert "her illness" not in access_json(report)


def test_score_is_told_with_its_reasons_and_what_it_would_be_without_what_is_disputed(
    ledger: Ledger, ann: Customer
) -> None:
    report = access_report(ledger, ann)
    fit = ledger.score(ann)
    assert report.score is not None
    assert (report.score.score, report.score.policy_version) == (fit.score, 2)
    assert sum(r.points for r in report.score.reasons) == pytest.approx(fit.score, abs=1e-6)
    [contest] = disputed(ledger, ann)
    without = score_without(ledger, ann, [contest.entry])
    assert report.score.undisputed == without.score < fit.score
    assert report.score.parameters == ledger.score_policies.current().to_parameters()


def test_merged_names_are_one_person_and_other_customers_are_not_named(
    ledger: Ledger, ann: Customer
) -> None:
    anna = ledger.customers.add("Anna Miller", email="anna@example.org")
    ledger.interactions.record(anna, channel="chat", summary="as Anna")
    ben = ledger.customers.add("Ben Moss")
    context = ledger.context
    with context.write() as journal:
        key = customer_key(journal.connection, context, anna)
        append_event(journal, key, EntryKind.MERGE, {"event": "merged", "other": str(ann.id)})
        key = customer_key(journal.connection, context, ann)
        body = {"event": "referred", "other": str(ben.id)}
        append_event(journal, key, EntryKind.REFERRAL, body)
    for who in (ann, anna):
        report = access_report(ledger, who)
        assert [p.name for p in report.people] == ["Ann Miller", "Anna Miller"]
        assert f"{str(anna.id)[:8]}#2" in {e.ref for e in report.entries}
        assert str(ben.id) not in access_json(report)
        assert "another person" in access_json(report)


def test_entries_under_another_name_are_cited_by_whose_they_are(
    ledger: Ledger, ann: Customer
) -> None:
    anna = ledger.customers.add("Anna Miller")
    call = ledger.interactions.record(anna, channel="chat", summary="as Anna")
    ledger.matches.merge(anna, into=ann, reason="she told us")
    contest = ledger.contests.add(call, words="That was not me.").contest
    assert contest is not None
    ledger.interactions.void(call, reason="another Anna")
    told = {e.ref: e for e in access_report(ledger, ann).entries}
    whose = str(anna.id)[:8]
    assert ("Entry", f"{whose}#2") in told[f"{whose}#{contest.id.seq}"].facts
    assert told[f"{whose}#5"].title == f"Entry {whose}#2 taken back"


def test_what_other_entries_tell_of_the_customer_is_told_without_naming_anybody(
    ledger: Ledger, ann: Customer
) -> None:
    assert "What is recorded elsewhere" not in access_text(access_report(ledger, ann))
    ben = ledger.customers.add("Ben Moss")
    ledger.referrals.record(ben, referred_by=ann, note="at the market")
    call = ledger.interactions.record(ann, channel="phone")
    ledger.lessons.add(call, change="Call back within the hour.")
    report = access_report(ledger, ann)
    assert report.elsewhere == (
        "You brought 1 other customer to us: their own data, and so not told here.",
        f"What the firm learned from #{call.id.seq}, written on 5 January 2026: "
        "Call back within the hour.",
    )
    assert "What is recorded elsewhere" in access_text(report)
    assert "Ben" not in access_json(report)
    assert access_report(ledger, ben).elsewhere == ()


def test_erased_customer_is_told_that_it_was_erased_and_nothing_else(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.privacy.erase_person(ann, ground="objection")
    report = access_report(ledger, ann.id)
    text = " ".join(access_text(report).split())
    assert "was erased. What stays is" in text
    assert "There is no score of you." in text
    assert "Ann Miller" not in access_json(report)


def test_folder_holds_the_page_the_data_the_evidence_and_the_dossier(
    ledger: Ledger, ann: Customer, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "ann"
    [tape] = ledger.evidence.of(ann)
    ledger.evidence.void(tape, reason="another tape")
    done = write_access(ledger, ann, folder, dossier=True)
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    evidence = "evidence/0001.mp3"
    assert found == {"access.html", "access.txt", "access.json", "dossier.zip", evidence}
    assert (folder / evidence).read_bytes() == b"tape"
    data = (folder / "access.json").read_bytes()
    assert done.digest == hashlib.sha256(data).hexdigest()
    assert f'href="{evidence}"' in (folder / "access.html").read_text(encoding="utf-8")
    with pytest.raises(BadInputError, match="not empty"):
        write_access(ledger, ann, folder)


def test_plan_of_retention_says_which_scores_change(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ben = ledger.customers.add("Ben Moss", joined_on=date(2020, 1, 1))
    ledger.interactions.record(
        ben,
        channel="phone",
        conduct="threat",
        fault="customer",
        handling_time=timedelta(hours=2),
        occurred_at=datetime(2025, 11, 5, 9, tzinfo=UTC),
    )
    ledger.money.record_sale(ben, amount=Money.of("500", "EUR"))
    month = Period(1, PeriodUnit.MONTHS)
    ledger.retention.set((RetentionRule(Kept.INTERACTION, month, "a test"),))
    plan = ledger.retention.due()
    [change] = score_changes(ledger, plan)
    assert (change.name, change.score) == ("Ben Moss", ledger.score(ben).score)
    ledger.retention.apply(dry_run=False)
    assert ledger.score(ben).score == change.after
