"""The schedule of retention: what goes, what stays and why, and never anything before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.money import Money
from custledger.core.privacy.retention import (
    WHOLE,
    Block,
    CustomerFacts,
    Kept,
    RetentionRule,
    RetentionSchedule,
    Since,
    Stay,
    Unit,
    judge,
    kept_of,
)
from custledger.core.privacy.retention_money import HeldMoney, changes_what_is_owed, money_units
from custledger.core.records import EntryKind, MoneyKind
from custledger.errors import BadInputError

ANN = UUID(int=1)
YEARS_3 = Period(3, PeriodUnit.YEARS)
HOLD = Block(Stay.LEGAL_HOLD, "The legal hold #9 stands.")
FACTS = CustomerFacts(ANN, "Ann", date(2015, 1, 1))


def rule(kind: Kept, period: Period = YEARS_3, since: Since | None = None) -> RetentionRule:
    start = since or (Since.LAST_ACTIVITY if kind in WHOLE else Since.OWN_DATE)
    return RetentionRule(kind, period, "a law", start)


def unit(kind: Kept, day: date, *seqs: int, block: Block | None = None) -> Unit:
    return Unit(ANN, kind, seqs or (2,), day, day, block)


SCHEDULE = RetentionSchedule(1, (rule(Kept.INTERACTION), rule(Kept.MONEY)))


def test_record_goes_the_day_after_its_last_day() -> None:
    facts = replace(FACTS, units=(unit(Kept.INTERACTION, date(2020, 2, 29)),))
    assert judge(facts, SCHEDULE, date(2023, 2, 28)).going == ()
    assert judge(facts, SCHEDULE, date(2023, 3, 1)).going == facts.units


def test_kind_without_a_period_stays_for_good() -> None:
    facts = replace(FACTS, units=(unit(Kept.COMPLAINT, date(1990, 1, 1)),))
    ruling = judge(facts, SCHEDULE, date(2090, 1, 1))
    assert (ruling.going, ruling.staying, ruling.younger) == ((), (), 0)
    assert judge(facts, RetentionSchedule(), date(2090, 1, 1)).going == ()


def test_hold_keeps_everything_and_a_block_of_one_kind_only_that() -> None:
    units = (unit(Kept.INTERACTION, date(2000, 1, 1)), unit(Kept.MONEY, date(2000, 1, 1), 3))
    facts = replace(FACTS, units=units, blocks=(HOLD,))
    ruling = judge(facts, SCHEDULE, date(2026, 1, 1))
    assert ruling.going == ()
    assert {r.block.why for r in ruling.staying} == {Stay.LEGAL_HOLD}
    one = Block(Stay.UNPAID, "not paid", frozenset((Kept.MONEY,)))
    ruling = judge(replace(facts, blocks=(one,)), SCHEDULE, date(2026, 1, 1))
    assert ruling.going == units[:1]


def test_year_end_and_last_activity_begin_later_than_the_record() -> None:
    tax = rule(Kept.MONEY, Period(10, PeriodUnit.YEARS), Since.YEAR_END)
    assert tax.last_day(date(2026, 1, 2), date(2027, 1, 1)) == date(2036, 12, 31)
    late = rule(Kept.INTERACTION, YEARS_3, Since.LAST_ACTIVITY)
    assert late.last_day(date(2020, 1, 1), date(2026, 5, 5)) == date(2029, 5, 5)


def test_person_goes_only_when_every_record_is_past_its_own_period() -> None:
    schedule = RetentionSchedule(
        1, (rule(Kept.CUSTOMER), rule(Kept.MONEY, Period(10, PeriodUnit.YEARS)))
    )
    facts = replace(FACTS, units=(unit(Kept.MONEY, date(2020, 1, 1)),))
    ruling = judge(facts, schedule, date(2025, 1, 1))
    assert ruling.person is None
    [kept] = ruling.staying
    assert (kept.unit.kind, kept.block.why) == (Kept.CUSTOMER, Stay.YOUNGER)
    assert kept.block.text == "The money is kept until 2030-01-01."
    assert judge(facts, schedule, date(2030, 1, 2)).person == schedule.rule(Kept.CUSTOMER)


def test_prospect_has_a_period_of_its_own_and_a_customer_is_none() -> None:
    schedule = RetentionSchedule(1, (rule(Kept.PROSPECT, Period(1, PeriodUnit.YEARS)),))
    assert judge(FACTS, schedule, date(2026, 1, 1)).person is None
    prospect = replace(FACTS, prospect=True)
    assert judge(prospect, schedule, date(2016, 1, 1)).person is None
    assert judge(prospect, schedule, date(2016, 1, 2)).person is not None


def test_what_the_firm_notes_for_itself_is_no_activity() -> None:
    noted = unit(Kept.FLAG, date(2026, 1, 1))._replace(active=False)
    facts = replace(FACTS, units=(noted,))
    assert facts.last_activity == date(2015, 1, 1)


def test_two_periods_for_one_kind_contradict_each_other() -> None:
    with pytest.raises(BadInputError, match="two periods for interaction"):
        RetentionSchedule(1, (rule(Kept.INTERACTION), rule(Kept.INTERACTION)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ground": " "}, "ground"),
        ({"kind": "photos"}, "not a kept"),
        ({"since": "birth"}, "not a since"),
        ({"period": "3 years"}, "Period"),
        ({"kind": Kept.CUSTOMER}, "last_activity"),
    ],
)
def test_rule_that_makes_no_sense_is_bad_input(values: dict[str, object], said: str) -> None:
    good = {"kind": Kept.MONEY, "period": YEARS_3, "ground": "a law"}
    with pytest.raises(BadInputError, match=said):
        RetentionRule(**(good | values))  # type: ignore[arg-type]


def test_schedule_reads_back_from_its_body() -> None:
    assert RetentionSchedule.from_body(SCHEDULE.to_body(), 1) == SCHEDULE
    with pytest.raises(BadInputError, match="rule of retention"):
        RetentionSchedule.from_body({"rules": [{"kind": "money"}]}, 1)


def test_every_kind_of_entry_about_a_customer_has_a_kind_to_be_kept_by() -> None:
    own = {"ledger", "staff", "hourly_rate", "exchange_rate", "score_policy", "policy", "key"}
    own |= {"import_started", "import_finished", "import_undone", "incarnation"}
    with_the_person = {"customer", "void", "erasure", "erasure_refused", "legal_hold", "merge"}
    without = {kind.value for kind in EntryKind if kept_of(kind) is None}
    assert without == own | with_the_person


# Money


def money(
    seq: int, kind: MoneyKind, minor: int, day: int, applies_to: int | None = None
) -> HeldMoney:
    when = date(2020, 1, 1) + timedelta(day)
    due = when if kind is MoneyKind.INVOICE else None
    return HeldMoney(ANN, (seq,), kind, Money(minor, "EUR"), when, when, due, applies_to)


def test_invoice_with_what_settles_it_is_one_unit_as_young_as_its_youngest() -> None:
    entries = [
        money(2, MoneyKind.INVOICE, 100, 0),
        money(3, MoneyKind.PAYMENT, 100, 50, 2),
        money(4, MoneyKind.REFUND, 20, 90, 2),
        money(5, MoneyKind.SALE, 30, 1),
    ]
    units = {u.seqs: u for u in money_units(entries)}
    assert set(units) == {(2, 3, 4), (5,)}
    assert units[2, 3, 4].day == date(2020, 1, 1) + timedelta(90)
    assert units[2, 3, 4].block is None


def test_what_is_not_paid_stays_and_so_does_a_credit() -> None:
    [owed] = money_units(
        [money(2, MoneyKind.INVOICE, 100, 0), money(3, MoneyKind.PAYMENT, 60, 1, 2)]
    )
    assert owed.block == Block(Stay.UNPAID, "0.40 EUR of it is not paid.")
    [credit] = money_units([money(3, MoneyKind.PAYMENT, 60, 1)])
    assert credit.block == Block(Stay.CREDIT, "The customer has 0.60 EUR to the good.")


def test_payments_that_name_no_invoice_go_with_the_invoices_around_them() -> None:
    entries = [
        money(2, MoneyKind.INVOICE, 100, 0),
        money(3, MoneyKind.PAYMENT, 100, 10),
        money(4, MoneyKind.INVOICE, 50, 400),
        money(5, MoneyKind.PAYMENT, 50, 410),
        money(6, MoneyKind.INVOICE, 70, 800),
    ]
    assert [(u.seqs, u.block is None) for u in money_units(entries)] == [
        ((2, 3), True),
        ((4, 5), True),
        ((6,), False),
    ]


MONEY = st.lists(
    st.tuples(
        st.sampled_from((MoneyKind.INVOICE, MoneyKind.PAYMENT, MoneyKind.REFUND, MoneyKind.SALE)),
        st.integers(1, 3),
        st.integers(0, 6),
        st.integers(0, 8),
    ),
    max_size=8,
)


def held(rows: list[tuple[MoneyKind, int, int, int]]) -> list[HeldMoney]:
    """Entries from rows of kind, amount, day and the number of an earlier invoice, or 0."""
    entries: list[HeldMoney] = []
    for kind, minor, day, to in rows:
        invoices = [e.seqs[0] for e in entries if e.kind is MoneyKind.INVOICE]
        named = kind in (MoneyKind.PAYMENT, MoneyKind.REFUND) and to in invoices
        entries.append(money(len(entries) + 1, kind, minor, day, to if named else None))
    return entries


@given(MONEY)
def test_every_money_entry_is_in_one_unit_and_with_what_it_applies_to(
    rows: list[tuple[MoneyKind, int, int, int]],
) -> None:
    entries = held(rows)
    units = money_units(entries)
    assert sorted(seq for u in units for seq in u.seqs) == [e.seqs[0] for e in entries]
    for entry in entries:
        if entry.applies_to is not None:
            assert any({entry.seqs[0], entry.applies_to} <= set(u.seqs) for u in units)


@given(MONEY)
def test_a_unit_that_may_go_is_even_in_every_currency(
    rows: list[tuple[MoneyKind, int, int, int]],
) -> None:
    entries = {e.seqs[0]: e for e in held(rows)}
    for found in money_units(list(entries.values())):
        even = sum(entries[seq].balance for seq in found.seqs) == 0
        assert even == (found.block is None)


def test_taking_what_others_rest_on_is_seen() -> None:
    entries = [money(2, MoneyKind.INVOICE, 100, 0), money(3, MoneyKind.PAYMENT, 100, 10)]
    today = date(2026, 1, 1)
    assert changes_what_is_owed(entries, [3], today)
    assert changes_what_is_owed(entries, [2], today)
    assert not changes_what_is_owed(entries, [2, 3], today)


# Whatever the records are

DAYS = st.dates(date(2015, 1, 1), date(2026, 12, 31))
UNITS = st.lists(st.tuples(st.sampled_from(sorted(Kept)[:]), DAYS, st.booleans()), max_size=6)
RULES = st.dictionaries(
    st.sampled_from(sorted(Kept)),
    st.tuples(
        st.integers(1, 40),
        st.sampled_from(sorted(PeriodUnit)),
        st.sampled_from(sorted(Since)),
    ),
)


@given(UNITS, RULES, DAYS, st.booleans(), st.booleans())
def test_nothing_goes_before_its_period_is_over_or_under_a_hold(
    rows: list[tuple[Kept, date, bool]],
    periods: dict[Kept, tuple[int, PeriodUnit, Since]],
    as_of: date,
    on_hold: bool,
    prospect: bool,
) -> None:
    units = tuple(
        unit(kind, day, number, block=HOLD if blocked else None)
        for number, (kind, day, blocked) in enumerate(rows, 2)
        if kind not in WHOLE
    )
    blocks = (HOLD,) if on_hold else ()
    facts = CustomerFacts(ANN, "Ann", date(2014, 1, 1), prospect, units, blocks)
    rules = tuple(
        rule(kind, Period(n, of), Since.LAST_ACTIVITY if kind in WHOLE else since)
        for kind, (n, of, since) in periods.items()
    )
    schedule = RetentionSchedule(1, rules)
    ruling = judge(facts, schedule, as_of)
    gone = units if ruling.person else ruling.going
    if on_hold:
        assert gone == ()
        assert ruling.person is None
    for one in gone:
        assert one.block is None
        found = schedule.rule(one.kind)
        if found is not None:
            assert as_of > found.last_day(one.day, facts.last_activity)
            assert as_of > one.day
        else:
            assert ruling.person is not None
    if ruling.person is not None:
        last = facts.last_activity
        assert as_of > ruling.person.last_day(last, last)
