"""Periods, what they would erase, and erasing it, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest

from custledger import Ledger, Money
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.privacy.retention import Kept, RetentionRule, RetentionSchedule, Since, Stay
from custledger.core.records import Customer, EntryKind
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

OLD = datetime(2015, 3, 1, 12, tzinfo=UTC)
RULES = (
    RetentionRule(Kept.INTERACTION, Period(3, PeriodUnit.YEARS), "claims"),
    RetentionRule(Kept.EVIDENCE, Period(3, PeriodUnit.YEARS), "claims"),
    RetentionRule(Kept.MONEY, Period(10, PeriodUnit.YEARS), "taxes", Since.YEAR_END),
)
PERSON = RetentionRule(
    Kept.CUSTOMER, Period(10, PeriodUnit.YEARS), "nothing happened", Since.LAST_ACTIVITY
)


@pytest.fixture
def old(ledger: Ledger) -> Customer:
    """A customer of 2015, with a call and a paid invoice."""
    ben = ledger.customers.add("Ben Moss", joined_on=OLD.date())
    ledger.interactions.record(ben, channel="phone", summary="a call", occurred_at=OLD)
    return ben


def going(ledger: Ledger, as_of: date | None = None) -> list[tuple[str, Kept, int]]:
    return [(g.name, g.kind, g.entries) for g in ledger.retention.due(as_of).going]


def staying(ledger: Ledger) -> set[tuple[Kept, Stay]]:
    return {(s.kind, s.why) for s in ledger.retention.due().staying}


def test_nothing_goes_unless_a_schedule_is_set(ledger: Ledger, old: Customer) -> None:
    assert ledger.retention.schedule() == RetentionSchedule()
    assert ledger.retention.due().going == ()
    run = ledger.retention.apply(dry_run=False)
    assert (run.done, [r.code for r in run.refusals]) == (False, ["no_schedule"])


def test_schedules_are_versions_and_the_newest_holds(ledger: Ledger) -> None:
    first = ledger.retention.set(RULES, reason="a start")
    second = ledger.retention.set({"rules": [RULES[0].to_body()]})
    assert (first.version, second.version) == (1, 2)
    assert ledger.retention.schedule() == second
    assert ledger.retention.all() == [first, second]
    assert ledger.retention.set(()).rules == ()


@pytest.mark.parametrize("rules", ["3 years", [3], {"rules": [{"kind": "money"}]}])
def test_schedule_that_is_none_writes_nothing(ledger: Ledger, rules: object) -> None:
    with pytest.raises(BadInputError):
        ledger.retention.set(rules)  # type: ignore[arg-type]
    assert ledger.retention.all() == []


def test_dry_run_is_the_default_and_erases_nothing(ledger: Ledger, old: Customer) -> None:
    ledger.retention.set(RULES)
    run = ledger.retention.apply()
    assert (run.done, run.entries) == (False, 0)
    assert [(g.name, g.kind, g.oldest) for g in run.plan.going] == [
        ("Ben Moss", Kept.INTERACTION, OLD.date())
    ]
    assert len(ledger.interactions.of(old)) == 1


def test_applied_schedule_erases_what_is_over_and_says_why(ledger: Ledger, old: Customer) -> None:
    ledger.interactions.record(old, channel="email", summary="of today")
    ledger.retention.set(RULES)
    run = ledger.retention.apply(dry_run=False)
    assert (run.done, run.customers, run.entries) == (True, 1, 1)
    assert [i.summary for i in ledger.interactions.of(old)] == ["of today"]
    erasure = ledger.history(old)[-1]
    assert erasure.kind is EntryKind.ERASURE
    assert erasure.facts["ground"] == "retention_ended"
    assert erasure.facts["reason"] == (
        "retention schedule, version 1: interaction, 3 years from the day of the record"
    )
    assert ledger.retention.due().going == ()


def test_correction_goes_with_what_it_corrects_by_the_day_it_happened(
    ledger: Ledger, old: Customer
) -> None:
    [call] = ledger.interactions.of(old)
    ledger.interactions.correct(call, summary="heard again", reason="the tape")
    void = ledger.interactions.record(old, channel="chat", occurred_at=OLD)
    ledger.interactions.void(void, reason="wrong")
    ledger.retention.set(RULES)
    assert going(ledger) == [("Ben Moss", Kept.INTERACTION, 4)]
    assert ledger.retention.apply(dry_run=False).entries == 4


def test_invoice_stays_as_long_as_its_youngest_payment_and_while_something_is_owed(
    ledger: Ledger, old: Customer, clock: Clock
) -> None:
    invoice = ledger.money.record_invoice(
        old, amount=Money.of("100", "EUR"), due_on=OLD.date(), occurred_at=OLD
    )
    ledger.money.record_payment(
        old, amount=Money.of("60", "EUR"), applies_to=invoice, occurred_at=OLD
    )
    ledger.retention.set(RULES)
    assert (Kept.MONEY, Stay.UNPAID) in staying(ledger)
    paid = datetime(2016, 1, 1, 12, tzinfo=UTC)
    ledger.money.record_payment(
        old, amount=Money.of("40", "EUR"), applies_to=invoice, occurred_at=paid
    )
    assert (Kept.MONEY, Stay.UNPAID) not in staying(ledger)
    assert going(ledger, date(2026, 12, 31)) == [("Ben Moss", Kept.INTERACTION, 1)]
    clock.set(datetime(2027, 1, 1, 12, tzinfo=UTC))
    assert going(ledger) == [("Ben Moss", Kept.INTERACTION, 1), ("Ben Moss", Kept.MONEY, 3)]
    assert ledger.retention.apply(dry_run=False).entries == 4
    assert ledger.money.of(old) == []


def test_payments_that_name_no_invoice_go_with_the_invoices_they_settle(
    ledger: Ledger, old: Customer
) -> None:
    for year in (2010, 2012):
        day = datetime(year, 3, 1, 12, tzinfo=UTC)
        ledger.money.record_invoice(
            old, amount=Money.of("100", "EUR"), due_on=day.date(), occurred_at=day
        )
        later = day + timedelta(days=20)
        ledger.money.record_payment(old, amount=Money.of("100", "EUR"), occurred_at=later)
    ledger.money.record_invoice(old, amount=Money.of("70", "EUR"), due_on=date(2030, 1, 1))
    before = ledger.score(old).statement.overdue
    ledger.retention.set(RULES[2:])
    assert going(ledger) == [("Ben Moss", Kept.MONEY, 4)]
    ledger.retention.apply(dry_run=False)
    assert [str(m.amount) for m in ledger.money.of(old)] == ["70.00 EUR"]
    assert ledger.score(old).statement.overdue == before


def test_who_was_merged_into_somebody_who_is_gone_goes_alone(ledger: Ledger, old: Customer) -> None:
    """A register of erasures, replayed on a backup, may take the one who stood for the others."""
    gone = ledger.customers.add("B. Moss")
    ledger.privacy.erase_person(gone, ground="objection")
    with ledger.context.write() as journal:
        key = journal.key_of(old.id)
        append_event(journal, key, EntryKind.MERGE, {"event": "merged", "other": str(gone.id)})
    ledger.retention.set(RULES)
    assert going(ledger) == [("Ben Moss", Kept.INTERACTION, 1)]


def test_hold_on_one_name_keeps_everything_of_the_person(ledger: Ledger, old: Customer) -> None:
    benny = ledger.customers.add("Benny Moss", joined_on=OLD.date())
    context = ledger.context
    with context.write() as journal:
        key = customer_key(journal.connection, context, benny)
        append_event(journal, key, EntryKind.MERGE, {"event": "merged", "other": str(old.id)})
    ledger.retention.set((*RULES, PERSON))
    hold = ledger.privacy.hold(benny, reason="letter from a lawyer")
    assert going(ledger) == []
    assert staying(ledger) == {
        (Kept.INTERACTION, Stay.LEGAL_HOLD),
        (Kept.CUSTOMER, Stay.LEGAL_HOLD),
    }
    run = ledger.retention.apply(dry_run=False)
    assert (run.done, run.entries) == (True, 0)
    ledger.privacy.release(hold, reason="settled")
    assert going(ledger) == [("Ben Moss", Kept.CUSTOMER, 6)]
    assert ledger.retention.apply(dry_run=False).entries == 6
    assert ledger.customers.all() == []


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda ledger, ben: ledger.access.request(ben, how="mail"), Stay.OPEN_REQUEST),
        (
            lambda ledger, ben: ledger.contests.add(ledger.interactions.of(ben)[0], words="no"),
            Stay.OPEN_CONTEST,
        ),
        (
            lambda ledger, ben: ledger.complaints.open(
                ben, channel="email", customer_words="too late"
            ),
            Stay.OPEN_COMPLAINT,
        ),
        (
            lambda ledger, ben: ledger.decisions.warn(
                ben,
                reasons="Shouted at Sam on the phone, and went on when asked to stop.",
                incidents=ledger.interactions.of(ben)[:1],
                staff_text="stay calm",
                customer_text="please do not shout",
            ),
            Stay.DECISION,
        ),
    ],
)
def test_what_is_going_on_keeps_the_records(
    ledger: Ledger, old: Customer, make: object, why: Stay
) -> None:
    ledger.retention.set(RULES)
    assert len(going(ledger)) == 1
    make(ledger, old)  # type: ignore[operator]
    assert going(ledger) == []
    assert (Kept.INTERACTION, why) in staying(ledger)


def test_prospect_who_never_bought_goes_as_a_person(ledger: Ledger, clock: Clock) -> None:
    one_year = Period(1, PeriodUnit.YEARS)
    ledger.retention.set(
        (RetentionRule(Kept.PROSPECT, one_year, "never came", Since.LAST_ACTIVITY),)
    )
    ledger.customers.add("Cleo Park", status="prospect", email="cleo@example.org")
    bought = ledger.customers.add("Dan Roe", status="prospect")
    ledger.money.record_sale(bought, amount=Money.of("5", "EUR"))
    clock.advance(timedelta(days=365))
    assert going(ledger) == []
    clock.advance(timedelta(days=1))
    assert going(ledger) == [("Cleo Park", Kept.PROSPECT, 1)]
    ledger.retention.apply(dry_run=False)
    assert [c.name for c in ledger.customers.all()] == ["Dan Roe"]


def test_customer_who_was_taken_back_is_erased_as_others_are(ledger: Ledger, old: Customer) -> None:
    [call] = ledger.interactions.of(old)
    ledger.interactions.void(call, reason="a test")
    ledger.customers.void(old, reason="a test")
    ledger.retention.set((*RULES, PERSON))
    assert [name for name, *_ in going(ledger)] == ["Ben Moss (taken back)"]
    assert ledger.retention.apply(dry_run=False).done
    assert ledger.retention.due().going == ()


def test_nothing_goes_before_its_time_whatever_day_is_named(ledger: Ledger, old: Customer) -> None:
    ledger.retention.set(RULES)
    run = ledger.retention.apply(date(2100, 1, 1), dry_run=False)
    assert (run.done, [r.code for r in run.refusals]) == (False, ["future"])
    assert len(ledger.interactions.of(old)) == 1
    with pytest.raises(BadInputError, match="1 or more"):
        ledger.retention.apply(dry_run=False, at_once=0)


def test_run_that_breaks_off_goes_on_where_it_stopped(ledger: Ledger) -> None:
    for number in range(5):
        customer = ledger.customers.add(f"C{number}")
        ledger.interactions.record(customer, channel="phone", occurred_at=OLD)
    ledger.retention.set(RULES)
    told: list[tuple[int, int]] = []

    def stop_after_four(done: int, total: int) -> None:
        told.append((done, total))
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.retention.apply(dry_run=False, at_once=2, progress=stop_after_four)
    assert told == [(2, 5), (4, 5)]
    assert len(ledger.retention.due().going) == 1
    run = ledger.retention.apply(dry_run=False, at_once=2)
    assert (run.customers, run.entries) == (1, 1)
    assert ledger.verify().findings == ()


def test_evidence_goes_with_its_file(ledger: Ledger, old: Customer) -> None:
    [call] = ledger.interactions.of(old)
    file = BytesIO(b"what was said")
    ledger.evidence.attach(call, file=file, media_type="text/plain", occurred_at=OLD)
    ledger.retention.set(RULES)
    run = ledger.retention.apply(dry_run=False)
    assert (run.entries, run.files) == (2, 1)
    assert ledger.evidence.of(old) == []


def test_hold_that_comes_while_it_runs_still_keeps_what_it_protects(ledger: Ledger) -> None:
    for name in ("Ann", "Ben"):
        customer = ledger.customers.add(name)
        ledger.interactions.record(customer, channel="phone", occurred_at=OLD)
    ledger.retention.set(RULES)

    def hold_ben(done: int, total: int) -> None:
        if done == 1:
            ledger.privacy.hold("Ben", reason="letter from a lawyer")

    run = ledger.retention.apply(dry_run=False, at_once=1, progress=hold_ben)
    assert (run.entries, len(ledger.interactions.of("Ben"))) == (1, 1)
    assert ledger.interactions.of("Ann") == []


def test_request_that_was_erased_keeps_nothing(ledger: Ledger, old: Customer) -> None:
    request = ledger.access.request(old, how="mail")
    ledger.access.extend(request, reason="much to read")
    ledger.retention.set(RULES)
    assert going(ledger) == []
    ledger.privacy.erase(request.id, ground="unlawful")
    assert len(going(ledger)) == 1
