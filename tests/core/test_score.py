"""The score of one customer, case by case."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from custledger.core.clock import day_number
from custledger.core.exchange import UNITS_A_MINOR, Exchange
from custledger.core.money import Money
from custledger.core.records import Conduct, Fault, MoneyKind, Purpose
from custledger.core.score.contributions import History, contributions
from custledger.core.score.fit import Fit, fit
from custledger.core.score.standing import overdue_minor, standing_of
from tests.core.histories import AS_OF, FOREIGN, JOINED, POLICY, contact, history, months, paid

ABUSE = {"conduct": Conduct.VERBAL_ABUSE, "fault": Fault.CUSTOMER}


def fit_of(found: History) -> Fit:
    return fit(found, POLICY, AS_OF)


def habit(number: int = 6) -> list[object]:
    """Abuse on two days a month, seen by two members of staff."""
    days = [day + extra for day in months(number) for extra in (0, 3)]
    return [contact(n, day, **ABUSE) for n, day in enumerate(days, start=1)]


def test_nothing_recorded_is_a_good_fit_with_nothing_adverse() -> None:
    found = fit_of(history())
    assert (found.band, found.evidence, found.flag) == ("good", "none", False)
    assert found.score == pytest.approx(11, abs=2)
    assert found.missing == found.changes == ()


def test_a_habit_with_two_witnesses_is_flagged_as_conduct_and_habitual() -> None:
    found = fit_of(history(*habit()))
    assert (found.flag, found.kind, found.band, found.habitual) == (
        *(True, "conduct", "flagged", True),
    )


def test_the_same_habit_seen_by_one_person_is_uncorroborated_and_says_what_is_missing() -> None:
    one = [e._replace(witness=1_000_000) for e in habit()]
    found = fit_of(history(*one))
    assert (found.flag, found.uncorroborated, found.watch) == (False, True, True)
    assert "Conduct: 1 of 2 witnesses." in found.missing


def test_a_firm_of_one_person_needs_one_witness() -> None:
    one = [e._replace(witness=1_000_000) for e in habit()]
    assert fit_of(replace(history(*one), human_staff=1)).flag


def test_without_a_margin_nobody_is_flagged_and_the_message_says_so() -> None:
    found = fit(history(*habit()), replace(POLICY, margin=None), AS_OF)
    assert not found.flag
    assert not found.uncorroborated
    assert found.score_low > 50
    assert "No margin is set" in found.messages[0]


def test_uncalibrated_figures_say_so() -> None:
    found = fit(history(), replace(POLICY, calibrated=False), AS_OF)
    assert "not calibrated" in found.messages[0]


def test_a_sale_paid_at_once_brings_revenue_and_is_never_overdue() -> None:
    day = months(4)[-1]
    sale, invoice = (
        fit_of(history(paid(1, day, kind, 10_000))).statement
        for kind in (MoneyKind.SALE, MoneyKind.INVOICE)
    )
    assert sale.revenue == invoice.revenue == Money(10_000, "EUR")
    assert sale.overdue == Money(0, "EUR")
    assert invoice.overdue == Money(10_000, "EUR")


def test_payments_count_against_invoices_whatever_they_apply_to() -> None:
    day = months(4)[-1]
    found = history(
        paid(1, day, MoneyKind.INVOICE, 10_000),
        paid(2, day, MoneyKind.SALE, 5_000),
        paid(3, day, MoneyKind.PAYMENT, 5_000),
    )
    assert fit_of(found).statement.overdue == Money(5_000, "EUR")


def test_goods_returned_cost_the_margin_only() -> None:
    day = months(1)[0]
    kept = history(paid(1, day, MoneyKind.REFUND, 10_000))
    back = history(paid(1, day, MoneyKind.REFUND, 10_000, goods_returned=True))
    cost = [standing_of(h, POLICY, AS_OF).refund_cost for h in (kept, back)]
    assert cost[1] == pytest.approx(cost[0] * 0.4)
    assert fit_of(back).statement.net == Money(-4_000, "EUR")
    assert fit_of(back).statement.refunds == Money(10_000, "EUR")


def test_a_concession_is_in_the_statement_and_not_in_the_score() -> None:
    given = fit_of(history(paid(1, months(1)[0], MoneyKind.CONCESSION, 10_000)))
    assert given.statement.net == Money(-10_000, "EUR")
    assert given.score == fit_of(history()).score


def test_time_of_an_accommodation_or_a_hardship_is_charged_to_nobody() -> None:
    long = [contact(n, day, seconds=36_000) for n, day in enumerate(months(6), 1)]
    found = fit_of(history(*(e._replace(exempt=True) for e in long)))
    assert found.standing.cost == 0
    assert found.statement.time_cost == found.statement.time_cost_ours == Money(180_000, "EUR")
    assert fit_of(history(*long)).standing.cost > 0


def test_an_invoice_paid_in_its_own_currency_is_settled_whatever_the_rate_did() -> None:
    found = history(
        paid(1, JOINED + 190, MoneyKind.INVOICE, 10_000, currency="USD"),
        paid(2, JOINED + 210, MoneyKind.PAYMENT, 10_000, currency="USD"),
        exchange=FOREIGN,
    )
    assert FOREIGN.worth(10_000, "USD", JOINED + 190) != FOREIGN.worth(10_000, "USD", JOINED + 210)
    assert overdue_minor(found, POLICY, AS_OF) == 0


def test_many_small_foreign_amounts_cancel_exactly() -> None:
    invoices = [
        paid(n, JOINED + n, MoneyKind.INVOICE, 3_333 + n, currency="USD") for n in range(1, 99)
    ]
    payments = [e._replace(seq=e.seq + 100, kind=MoneyKind.PAYMENT, due_day=None) for e in invoices]
    found = history(*invoices, *payments, exchange=FOREIGN)
    assert overdue_minor(found, POLICY, AS_OF) == 0
    missing_cent = history(*invoices, *payments[:-1], exchange=FOREIGN)
    assert overdue_minor(missing_cent, POLICY, AS_OF) > 0


def test_yen_and_dinars_are_converted_with_their_decimals() -> None:
    assert FOREIGN.worth(1_000, "JPY", AS_OF) == 610 * UNITS_A_MINOR  # 1,000 yen, 6.10 euros
    assert FOREIGN.worth(1_000, "KWD", AS_OF) == 301 * UNITS_A_MINOR  # 1 dinar, 3.01 euros
    yen = Exchange.of("JPY", [("EUR", JOINED, 160 * 10**12)])
    assert yen.worth(1_000, "EUR", AS_OF) == 1_600 * UNITS_A_MINOR


def test_a_ledger_in_yen_scores_like_one_in_euros_at_a_fixed_rate() -> None:
    entries = [contact(n, day, **ABUSE) for n, day in enumerate(months(5), 1)]
    sales = [paid(n + 50, day, MoneyKind.SALE, 20_000) for n, day in enumerate(months(5), 1)]
    euros = fit_of(history(*entries, *sales))
    in_yen = history(
        *(e._replace(rate_minor=3_000, rate_currency="JPY") for e in entries),
        *(e._replace(amount_minor=20_000, currency="JPY") for e in sales),
        exchange=Exchange("JPY"),
    )
    yen = fit(in_yen, replace(POLICY, K=POLICY.K * 100, u=POLICY.u * 100), AS_OF)
    assert yen.score == pytest.approx(euros.score, abs=1e-9)


@pytest.mark.parametrize(
    "entry",
    [
        paid(1, months(3)[2], MoneyKind.SALE, 10_000, currency="SEK"),
        contact(1, months(3)[2], rate_currency="SEK"),
    ],
)
def test_an_amount_without_an_exchange_rate_is_left_out_and_named(entry: object) -> None:
    found = fit_of(history(entry))
    assert found.standing.incomplete == 1
    assert found.standing.orders == found.standing.cost == 0
    assert any("SEK" in message for message in found.messages)


def test_a_contact_without_a_rate_costs_nothing_and_is_counted() -> None:
    found = fit_of(history(contact(1, months(1)[0], rate_minor=None, rate_currency=None)))
    assert found.standing.cost == 0
    assert found.statement.contacts_without_rate == 1


def test_programs_and_unknown_staff_are_no_witnesses_and_losses_are_one_together() -> None:
    day = months(1)[0]
    found = history(
        contact(1, day, witness=None, **ABUSE),
        paid(2, day, MoneyKind.CHARGEBACK, 100),
        paid(3, day, MoneyKind.WRITE_OFF, 100),
    )
    assert standing_of(found, POLICY, AS_OF).witnesses == 1


def test_the_worst_severity_of_a_day_counts_once_and_a_month_at_most_two_weights() -> None:
    day = months(1)[0]
    twice = [
        contact(1, day, **ABUSE),
        contact(2, day, purpose=Purpose.COMPLAINT, fault=Fault.CUSTOMER),
    ]
    assert standing_of(history(*twice[:1]), POLICY, AS_OF).adverse == (
        standing_of(history(*twice), POLICY, AS_OF).adverse
    )
    daily = [contact(n, day + n, **ABUSE) for n in range(15)]
    found = standing_of(history(*daily), POLICY, AS_OF)
    latest = max(c.weight for c in contributions(history(*daily), POLICY, AS_OF))
    assert found.adverse == found.worst_adverse == 2 * latest


def test_a_month_whose_cost_equals_its_margin_is_no_cost_month() -> None:
    day = months(1)[0]
    # 0.4 x 75.00 is 30.00 only on paper: binary floats miss it by one bit or another.
    days = [day + n for n in range(12)]
    even = [contact(n, d, seconds=3600) for n, d in enumerate(days, 1)]
    sales = [paid(n + 50, d, MoneyKind.SALE, 7_500) for n, d in enumerate(days, 1)]
    assert standing_of(history(*even, *sales), POLICY, AS_OF).cost_months == 0
    one_cent = paid(99, day, MoneyKind.SALE, 7_499)
    dearer = history(*even, *sales[1:], one_cent)
    assert standing_of(dearer, POLICY, AS_OF).cost_months == 1


def test_reasons_cite_the_entries_and_the_money_behind_the_points() -> None:
    day = months(2)[1]
    found = fit_of(
        history(
            contact(1, day, seconds=3600),
            contact(2, day, seconds=3600, fault=Fault.OURS),
            contact(3, day, seconds=0, **ABUSE),
            paid(4, day, MoneyKind.REFUND, 5_000),
            paid(5, day - 60, MoneyKind.INVOICE, 2_000),
            paid(6, day - 55, MoneyKind.PAYMENT, 2_000),
            paid(7, day - 50, MoneyKind.INVOICE, 2_100),
        )
    )
    reasons = {reason.code: reason for reason in found.reasons}
    assert reasons["time"].entries == (1,)
    assert reasons["time"].money == Money(3_000, "EUR")
    assert reasons["refunds"].entries == (4,)
    assert reasons["unpaid"].entries == (7,)
    assert reasons["unpaid"].money == Money(1_050, "EUR")
    assert reasons["conduct"].entries == (3,)
    assert reasons["worst_month_cost"].points < 0
    assert round(math.fsum(r.points for r in found.reasons), 9) == found.score_raw


def test_missing_evidence_is_said_in_counts() -> None:
    found = fit_of(history(contact(1, months(1)[0], seconds=36_000, **ABUSE)))
    assert "Conduct: 1 of 4 days with an adverse incident." in found.missing
    assert "Conduct: 1 of 3 calendar months with one." in found.missing
    assert "Cost: 1 of 3 months that cost more than they bring." in found.missing
    assert found.held_back > 0


def test_each_change_would_bring_the_lower_bound_under_the_line_and_no_smaller_one() -> None:
    sink = [contact(n, day, seconds=12_000) for n, day in enumerate(months(8), 1)]
    found = history(*sink, *(e._replace(seq=e.seq + 50) for e in habit(4)))
    before = fit_of(found)
    changes = {change.code: change for change in before.changes}
    assert before.score_low > 50
    days = changes["quiet"].amount
    assert fit(found, POLICY, AS_OF + days).score_low <= 50
    assert fit(found, POLICY, AS_OF + days - 1).score_low > 50


def test_what_is_overdue_can_be_the_change_that_does() -> None:
    sink = [contact(n, day, seconds=2_400) for n, day in enumerate(months(5), 1)]
    owed = paid(99, months(5)[4], MoneyKind.INVOICE, 55_000)
    sales = [paid(n + 50, day, MoneyKind.SALE, 4_000) for n, day in enumerate(months(5), 1)]
    before = fit(history(*sink, owed, *sales), replace(POLICY, theta=0.0, r0=0.001), AS_OF)
    assert before.statement.overdue == Money(55_000, "EUR")
    assert all(c.code != "payment" or c.money == Money(55_000, "EUR") for c in before.changes)


def test_months_are_calendar_months() -> None:
    assert months(7)[6] == day_number(date(2023, 12, 10))
