"""The one door: each way round it that users of other systems complained of, and who is let in."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import event

from custledger import Ledger, Money
from custledger.core.decisions.scope import RIGHTS, Limit, Scope
from custledger.core.decisions.service import Verdict
from custledger.core.records import Customer
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from tests.books.deciding import DAY, STAFF_TEXT, banned, facts, incident, merge, told, warned

ALLOW, WARN, DENY = Verdict.ALLOW, Verdict.WARN, Verdict.DENY
PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))


def test_everybody_is_served_without_decisions(ledger: Ledger, ann: Customer) -> None:
    for who in (ann, ann.id, str(ann.id), "ann@example.org", "01 23 45 67 89", ("shop", "7")):
        answer = ledger.check_service(who, "order")
        assert (answer.verdict, answer.reasons) == (ALLOW, ("No decision is in force.",))


def test_do_not_serve_is_told_with_both_texts_and_the_decision(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ban = banned(ledger, ann, clock)
    answer = ledger.check_service(ann, "order")
    assert answer.verdict is DENY
    assert answer.decision == ban.entry
    assert answer.staff_text == STAFF_TEXT
    assert answer.customer_text == "Please speak with Olga from now on."
    assert answer.reasons == (
        "Do-not-serve (6): the firm no longer works with this customer.",
        "Warning (3): the customer was warned; see what staff are to do.",
    )


def test_second_order_from_a_new_account_with_the_same_mail_is_noticed(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ban = banned(ledger, ann, clock)
    again = ledger.customers.add("A. Miller", email=" ANN@example.org ")
    answer = ledger.check_service(again, "order")
    assert (answer.verdict, answer.decision) == (WARN, ban.entry)
    assert answer.shares_with == (ann.id,)
    assert answer.customer_text == ""
    assert answer.staff_text == (
        "Check who it is: the contact point is also that of Ann Miller. If it is somebody else, "
        "of the same household or firm, say, serve them as you would anybody."
    )
    assert answer.reasons == (
        "Shares a contact point with Ann Miller. Do-not-serve (6): the firm no longer works with "
        "this customer.",
    )


def test_new_account_that_is_not_in_the_ledger_yet_is_noticed_by_the_orders_contact_points(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    new = ("shop", "4711")
    assert ledger.check_service(new, "order").verdict is ALLOW
    given = ["somebody@example.net", "+33 1 23 45 67 89"]
    assert ledger.check_service(new, "order", contacts=given).verdict is WARN


def test_new_ticket_by_mail_and_guest_by_mail_or_phone_are_noticed_and_not_refused(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    assert ledger.check_service("Ann@Example.org", "ticket", channel="email").verdict is WARN
    assert ledger.check_service("ann@example.org", "order").verdict is WARN
    assert ledger.check_service("0123456789", "booking").verdict is WARN
    assert ledger.check_service("ann@example.com", "order").verdict is ALLOW


def test_merged_customer_is_answered_for_under_either_name(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    other = ledger.customers.add("A. Miller", email="am@example.org", phone="09 87 65 43 21")
    third = ledger.customers.add("Anna M.")
    new = ledger.customers.add("Mia Miller", email="am@example.org")
    assert ledger.check_service(other, "order").verdict is ALLOW
    merge(ledger, ann, into=other)
    merge(ledger, third, into=other)
    for who in (ann, other, third):
        assert ledger.check_service(who, "order").verdict is DENY
    assert ledger.check_service(new, "order").verdict is WARN
    assert ledger.check_service("am@example.org", "order").shares_with == (other.id,)


def test_changed_address_does_not_help_the_customer_nor_somebody_new(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    ledger.customers.correct(ann, email="new@example.org", phone="09 87 65 43 21", reason="moved")
    assert ledger.check_service(ann, "order").verdict is DENY
    assert ledger.check_service("new@example.org", "order").verdict is WARN


def test_second_account_whose_mail_was_changed_afterwards_is_still_noticed(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    again = ledger.customers.add("A. Miller", email="ann@example.org")
    for mail in ("second@example.org", "third@example.org"):
        ledger.customers.correct(again, email=mail, reason="asked by mail")
        assert ledger.check_service(again, "order").verdict is WARN


def test_shared_box_of_many_names_a_few_and_refuses_nobody(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    for number in range(30):
        ledger.customers.add(f"Colleague {number}", email="ann@example.org")
    colleague = ledger.customers.get("Colleague 7")
    answer = ledger.check_service(colleague, "order")
    assert (answer.verdict, answer.shares_with) == (WARN, (ann.id,))


def test_those_who_are_only_warned_or_blocked_do_not_hide_who_is_not_served(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    for number in range(5):
        other = ledger.customers.add(f"Other {number}", email="info@example.org")
        warned(ledger, other)
        told(ledger, ledger.decisions.block(other, **facts(incident(ledger, other))))
    last = ledger.customers.add("Ben Bell", email="info@example.org")
    banned(ledger, last, clock)
    answer = ledger.check_service("info@example.org", "order")
    assert (answer.verdict, answer.shares_with) == (WARN, (last.id,))


@pytest.mark.parametrize(
    "who", ["Ann Miller <Ann@example.org>", "mailto:ann@example.org", "ann+2@example.org"]
)
def test_address_is_found_as_mail_programs_write_it(
    ledger: Ledger, ann: Customer, clock: Clock, who: str
) -> None:
    banned(ledger, ann, clock)
    assert ledger.check_service(who, "ticket", channel="email").verdict is WARN
    assert ledger.check_service(("shop", "4711"), "order", contacts=[who]).verdict is WARN


def test_new_account_under_a_tagged_address_is_noticed(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    again = ledger.customers.add("A. Miller", email="ann+shop@example.org")
    assert ledger.check_service(again, "order").verdict is WARN
    ledger.customers.correct(again, email="am@example.org", reason="asked by mail")
    assert ledger.check_service(again, "order").verdict is WARN


def test_white_space_around_an_id_lets_nobody_in(ledger: Ledger, clock: Clock) -> None:
    ben = ledger.customers.add("Ben Bell", source="shop", external_id="7")
    banned(ledger, ben, clock)
    for who in (("shop", " 7"), ("shop ", "7\n"), f" {ben.id}\n"):
        assert ledger.check_service(who, "order").verdict is DENY


def test_warning_of_one_says_nothing_about_who_shares_their_address(
    ledger: Ledger, ann: Customer
) -> None:
    warned(ledger, ann)
    partner = ledger.customers.add("Bea Miller", email="ann@example.org")
    assert ledger.check_service(ann, "order").verdict is WARN
    assert ledger.check_service(partner, "order").verdict is ALLOW


def test_who_is_named_by_an_address_alone_may_be_the_one_who_was_warned(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    warned(ledger, ann)
    answer = ledger.check_service("ann@example.org", "order")
    assert answer.verdict is WARN
    assert answer.reasons == (
        "Shares a contact point with Ann Miller. Warning (3): the customer was warned; see what "
        "staff are to do.",
    )
    assert answer.customer_text == ""


def test_postal_address_makes_nobody_suspect(ledger: Ledger, ann: Customer, clock: Clock) -> None:
    flat = [("address", "1 High Street"), ("email", "ann@example.org")]
    ledger.customers.correct(ann, contact_points=flat, reason="asked")
    banned(ledger, ann, clock)
    neighbour = ledger.customers.add("Ben", contact_points=[("address", "1 High Street")])
    assert ledger.check_service(neighbour, "order").verdict is ALLOW


def test_what_is_paid_is_delivered_and_nobody_loses_their_rights(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    partner = ledger.customers.add("Bea Miller", email="ann@example.org")
    assert ledger.check_service(ann, "order", already_paid=True).verdict is WARN
    assert ledger.check_service(ann, "delivery").verdict is WARN
    assert ledger.check_service(ann, "order", prepaid=True).verdict is DENY
    for right in RIGHTS:
        assert ledger.check_service(ann, right).verdict is WARN
        assert ledger.check_service(partner, right).verdict is ALLOW
    assert ledger.check_service(partner, "delivery").verdict is ALLOW


def test_prepayment_goes_through_where_only_credit_is_restricted(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    bill = ledger.money.record_sale(ann, amount=Money.of("90", "EUR"))
    told(ledger, ledger.decisions.restrict(ann, PREPAID, **facts(bill)))
    assert ledger.check_service(ann, "order").verdict is ALLOW  # from tomorrow
    clock.advance(DAY)
    partner = ledger.customers.add("Bea Miller", email="ann@example.org")
    assert ledger.check_service(ann, "order").verdict is DENY
    assert ledger.check_service(ann, "order", prepaid=True).verdict is ALLOW
    assert ledger.check_service(ann, "call").verdict is ALLOW
    assert ledger.check_service(partner, "order").verdict is WARN
    assert ledger.check_service(partner, "order", prepaid=True).verdict is ALLOW


def test_own_warning_and_somebody_elses_restriction_are_both_told(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    partner = ledger.customers.add("Bea Miller", email="ann@example.org")
    warning = warned(ledger, partner)
    answer = ledger.check_service(partner, "order")
    assert warning.decision is not None
    assert (answer.verdict, answer.decision) == (WARN, warning.decision.made.ref)
    assert answer.staff_text.startswith(f"{STAFF_TEXT} Check who it is")
    assert len(answer.reasons) == 2


def test_lapsed_decision_stops_nobody_and_the_past_can_be_asked(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ban = banned(ledger, ann, clock)
    then = clock()
    assert ban.decision is not None
    clock.advance(ban.decision.review_on - ledger.today())
    assert ledger.check_service(ann, "order").verdict is ALLOW
    assert ledger.check_service(ann, "order", at=then).verdict is DENY


def test_decision_that_was_not_told_or_not_allowed_stops_nobody(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    hit = incident(ledger, ann)
    assert not ledger.decisions.do_not_serve(ann, **facts(hit, safety=[hit])).done
    warned(ledger, ann)
    again = incident(ledger, ann)
    assert ledger.decisions.do_not_serve(ann, **facts(again, safety=[again])).done
    clock.advance(9 * DAY)
    assert ledger.check_service(ann, "order").verdict is WARN


def test_erased_customer_is_somebody_new(ledger: Ledger, ann: Customer, clock: Clock) -> None:
    banned(ledger, ann, clock)
    ledger.privacy.erase_person(ann, ground="objection")
    assert ledger.check_service(ann, "order").verdict is ALLOW
    assert ledger.check_service("ann@example.org", "order").verdict is ALLOW


@pytest.mark.parametrize("who", ["Ann Miller", "", "@ann", 7, ("shop",), ("shop", 7), None])
def test_what_names_nobody_is_a_broken_call(ledger: Ledger, who: object) -> None:
    with pytest.raises(BadInputError):
        ledger.check_service(who, "order")  # type: ignore[arg-type]


def test_words_that_are_none_are_broken_calls(ledger: Ledger, ann: Customer) -> None:
    with pytest.raises(BadInputError, match="order, booking"):
        ledger.check_service(ann, "buy")
    with pytest.raises(BadInputError, match="contacts is a list"):
        ledger.check_service(ann, "order", contacts="ann@example.org")
    with pytest.raises(BadInputError, match="True or False"):
        ledger.check_service(ann, "order", prepaid="no")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="time zone"):
        ledger.check_service(ann, "order", at=datetime(2026, 1, 1))


def test_customer_nobody_restricts_takes_two_statements_however_many_decisions_there_are(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    ben = ledger.customers.add("Ben", email="ben@example.org", source="shop", external_id="7")
    statements: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(statement)

    with ledger.context.read() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", seen)
    for who in (ben, ("shop", "7")):
        statements.clear()
        assert ledger.check_service(who, "order").verdict is ALLOW
        assert len(statements) == 2
    statements.clear()
    assert ledger.check_service("zoe@example.org", "order").verdict is ALLOW
    assert len(statements) == 1
