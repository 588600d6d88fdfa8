"""Praise, and the consent to quote it, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custledger import EntryRef, Ledger
from custledger.core.records import Channel, Customer
from custledger.core.refusal import Refusal
from custledger.core.worth.praise import Consent, NameShown, Praise, PraiseAnswer, Quote
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock

WORDS = "The best cake in town!"


@pytest.fixture
def praise(ledger: Ledger, ann: Customer) -> Praise:
    found = ledger.praise.record(ann, words=f" {WORDS} ", channel="email").praise
    assert found is not None
    return found


def test_praise_is_kept_word_for_word_and_quoted_only_with_consent(
    ledger: Ledger, ann: Customer, praise: Praise, clock: Clock
) -> None:
    today = clock().date()
    said = Praise(
        id=EntryRef(ann.id, 2),
        customer_id=ann.id,
        said_on=today,
        channel=Channel.EMAIL,
        words=WORDS,
        recorded_by=ledger.actor.id,
    )
    assert praise == said
    assert ledger.praise.of(ann) == ledger.praise.all() == [said]
    assert ledger.praise.quotable() == []
    letter = ledger.evidence.attach(ann, text="You may quote me.")
    until = today + timedelta(days=30)
    answer = ledger.praise.may_quote(
        praise, how="by letter", shown_name="initials", until=until, evidence=letter
    )
    consent = Consent(
        id=EntryRef(ann.id, 4),
        given_on=today,
        how="by letter",
        shown_name=NameShown.INITIALS,
        name="A. M.",
        until=until,
        evidence=letter.id,
    )
    assert answer.done
    assert answer.praise == ledger.praise.get(praise)
    assert answer.praise is not None
    assert answer.praise.consents == (consent,)
    assert ledger.praise.quotable() == [Quote(WORDS, "A. M.", today, Channel.EMAIL, until)]
    assert ledger.praise.quotable(until) == []
    assert ledger.praise.quotable(today - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("shown", "name"),
    [("full", "Ann Miller"), ("first_name", "Ann"), ("initials", "A. M."), ("anonymous", "")],
)
def test_only_the_name_that_was_agreed_to_is_given(
    ledger: Ledger, ann: Customer, praise: Praise, shown: str, name: str
) -> None:
    ledger.praise.may_quote(praise, how="on the phone", shown_name=shown)
    ledger.customers.correct(ann, name="Ann Miller-Moss", reason="she married")
    [quote] = ledger.praise.quotable()
    assert quote.name == name
    assert str(ann.id) not in repr(quote)


def test_withdrawn_consent_ends_at_once_and_can_be_given_anew(
    ledger: Ledger, praise: Praise, clock: Clock
) -> None:
    ledger.praise.may_quote(praise, how="on the phone", shown_name="full")
    clock.advance(timedelta(days=2))
    assert ledger.praise.withdraw(praise, note="by mail").done
    assert ledger.praise.quotable() == []
    assert len(ledger.praise.quotable(clock().date() - timedelta(days=1))) == 1
    assert ledger.praise.withdraw(praise) == PraiseAnswer(
        None,
        (Refusal("no_consent", "There is no consent in force that could be withdrawn."),),
    )
    ledger.praise.may_quote(praise, how="changed her mind", shown_name="anonymous")
    assert [quote.name for quote in ledger.praise.quotable()] == [""]


def test_newer_consent_takes_the_place_of_the_older(ledger: Ledger, praise: Praise) -> None:
    ledger.praise.may_quote(praise, how="on the phone", shown_name="full")
    ledger.praise.may_quote(praise, how="by mail", shown_name="first_name")
    assert [quote.name for quote in ledger.praise.quotable()] == ["Ann"]


def test_praise_names_the_contact_in_which_it_was_said_and_costs_nobody_time(
    ledger: Ledger, ann: Customer
) -> None:
    call = ledger.interactions.record(
        ann, channel="phone", purpose="praise", handling_time=timedelta(minutes=3)
    )
    found = ledger.praise.record(ann, words=WORDS, channel="phone", interaction=call).praise
    assert found is not None
    assert found.interaction == call.id
    assert ledger.ranking()[0].contacts == 1


def test_refusals_and_broken_calls_write_nothing(
    ledger: Ledger, ann: Customer, praise: Praise, clock: Clock
) -> None:
    ben = ledger.customers.add("Ben Moss")
    call = ledger.interactions.record(ben, channel="phone")
    letter = ledger.evidence.attach(ben, text="mine")
    before = [len(ledger.history(customer)) for customer in (ann, ben)]
    book = ledger.praise
    late = book.record(ann, words="x", channel="phone", occurred_at=clock() + timedelta(hours=1))
    assert [refusal.code for refusal in late.refusals] == ["in_future"]
    over = book.may_quote(praise, how="x", shown_name="full", until=clock().date())
    assert [refusal.code for refusal in over.refusals] == ["over_already"]
    for arguments in (
        {"words": "", "channel": "phone"},
        {"words": "x", "channel": "pigeon"},
        {"words": "x", "channel": "phone", "interaction": call},
    ):
        with pytest.raises(BadInputError):
            book.record(ann, **arguments)  # type: ignore[arg-type]
    for arguments in (
        {"how": "", "shown_name": "full"},
        {"how": "x", "shown_name": "nickname"},
        {"how": "x", "shown_name": "full", "until": "2027-01-01"},
        {"how": "x", "shown_name": "full", "evidence": letter},
    ):
        with pytest.raises(BadInputError):
            book.may_quote(praise, **arguments)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="no praise"):
        book.may_quote(EntryRef(ann.id, 1), how="x", shown_name="full")
    with pytest.raises(BadInputError, match="Name a praise"):
        book.withdraw("Ann")  # type: ignore[arg-type]
    assert [len(ledger.history(customer)) for customer in (ann, ben)] == before


def test_voided_praise_is_gone_with_its_consents(
    ledger: Ledger, ann: Customer, praise: Praise
) -> None:
    ledger.praise.may_quote(praise, how="on the phone", shown_name="full")
    with pytest.raises(BadInputError, match="reason"):
        ledger.praise.void(praise, reason="")
    ledger.praise.void(praise, reason="it was another bakery")
    assert ledger.praise.of(ann) == ledger.praise.quotable() == []
    with pytest.raises(NotFoundError, match="no praise"):
        ledger.praise.get(praise)
    with pytest.raises(NotFoundError, match="no praise"):
        ledger.praise.withdraw(praise)


def test_erased_person_is_quoted_no_more_nor_a_praise_that_was_erased(
    ledger: Ledger, ann: Customer, praise: Praise
) -> None:
    other = ledger.praise.record(ann, words="And the staff!", channel="phone").praise
    assert other is not None
    for one in (praise, other):
        ledger.praise.may_quote(one, how="on the phone", shown_name="full")
    ledger.privacy.erase(praise.id, ground="consent_withdrawn")
    assert [quote.words for quote in ledger.praise.quotable()] == ["And the staff!"]
    assert [found.id for found in ledger.praise.of(ann)] == [other.id]
    ledger.privacy.erase_person(ann, ground="objection")
    assert ledger.praise.quotable() == ledger.praise.all() == []
