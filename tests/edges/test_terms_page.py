"""The page of the terms: whole texts, safe in HTML and Markdown, and the file they come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.periods import Period
from custledger.core.refunds.floors import EU_WITHDRAWAL, NoWithdrawal
from custledger.core.refunds.terms import (
    Condition,
    GoodsTerms,
    NoticeTier,
    Payer,
    RefundTerms,
    ServiceTerms,
)
from custledger.core.refunds.terms_words import terms_in_words
from custledger.edges.terms_file import parse_terms, read_terms
from custledger.edges.terms_page import terms_page
from custledger.errors import BadInputError

GOODS = GoodsTerms(
    Period.parse("30 days"), no_withdrawal=frozenset({NoWithdrawal.UNSEALED_HYGIENE})
)
SERVICES = ServiceTerms(
    (NoticeTier(Period.parse("14 days"), 100), NoticeTier(Period.parse("7 days"), 50)),
    frozenset({NoWithdrawal.DATED_LEISURE}),
)
TERMS = RefundTerms(1, date(2026, 12, 1), GOODS, SERVICES)
PAGE = """\
Refunds and cancellations at Green Thumb & Sons
===============================================

Which orders
------------
- These terms apply to orders from 1 December 2026 on.

Goods
-----
- You may try what you bought for 30 days after delivery and then return it.
- We pay back the full price if you tried it with care, as you would in a
  shop.
- We pay for sending it back.
- As a consumer who orders at a distance or away from our premises you have by
  law a right of withdrawal of 14 days from delivery, without giving reasons
  (Directive 2011/83/EU, articles 9 to 16); nothing here takes it away.
- That right ends once a seal that is there for health or hygiene is broken.

Services
--------
- If you cancel at least 14 days before the agreed day, we pay back the full
  price.
- If you cancel at least 7 days before the agreed day, we pay back 50 % of the
  price.
- If you cancel later than that, we cannot pay anything back.
- Once the service was delivered as agreed, nothing is paid back.
- There is no right of withdrawal by law here, because the service is for a
  set date (lodging, transport of goods, car rental, catering or leisure).

In every case
-------------
- If you did not get what you paid for, we pay back the part you did not get.
- Amounts are rounded up to the smallest coin, in your favour.

How to ask
----------
- Write or call us: refunds@example.org, 01 23 45 67 89.
- You need no form. Say what you bought and that you want to return or cancel
  it.
- What counts is the day on which you sent your message.

Version 1.
"""
SHOP = """\
# Refunds and cancellations

## Which orders

- These terms apply to orders from 1 January 2027 to 30 June 2027, both days included.

## Goods

- You may try what you bought for 1 week after delivery and then return it.
- We pay back 80 % of the price if it comes back unused and complete.
- You pay for sending it back.

## In every case

- If you did not get what you paid for, we pay back the part you did not get.
- Amounts are rounded up to the smallest coin, in your favour.

*Version 2.*
"""


def test_page_as_text_reads_like_this() -> None:
    contact = "refunds@example.org, 01 23 45 67 89."
    assert terms_page(TERMS, firm="Green Thumb & Sons", contact=contact) == PAGE


def test_page_as_markdown_reads_like_this() -> None:
    goods = GoodsTerms(Period.parse("1 week"), 80, Condition.UNUSED, Payer.CUSTOMER)
    shop = RefundTerms(2, date(2027, 1, 1), goods, until=date(2027, 6, 30), at_distance=False)
    assert terms_page(shop, "markdown") == SHOP


class Reader(HTMLParser):
    """Collects the text, and the tags that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def test_page_as_html_stands_by_itself_and_says_every_sentence() -> None:
    page = terms_page(TERMS, "html", firm="Green Thumb & Sons", contact="help@example.org")
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.links == []
    assert "<script" not in page
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">')
    assert "<title>Refunds and cancellations at Green Thumb &amp; Sons</title>" in page
    items = [text for text in reader.texts if text.strip()]
    assert [text for text in items if text in terms_in_words(TERMS)] == terms_in_words(TERMS)


@given(st.text(max_size=60), st.text(max_size=60))
def test_name_and_contact_are_shown_and_never_obeyed(firm: str, contact: str) -> None:
    try:
        page = terms_page(TERMS, "html", firm=firm, contact=contact)
    except BadInputError:
        assert "\x00" in firm + contact
        return
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.links == []


def test_markup_in_a_name_is_text() -> None:
    firm = "<script>alert(1)</script> *Bold* [link](x)"
    assert "<script" not in terms_page(TERMS, "html", firm=firm)
    assert r"\<script\>alert(1)\</script\> \*Bold\* \[link\](x)" in terms_page(
        TERMS, "markdown", firm=firm
    )


def test_unknown_form_is_a_broken_call() -> None:
    with pytest.raises(BadInputError, match="pageform"):
        terms_page(TERMS, "pdf")


FILE = """
effective_on = 2026-12-01
until = 2027-06-30
to_consumers = false
reason = "a new year"

[floor]
name = "right of revocation"
source = "Consumer Act, section 9"
period = "30 days"

[goods]
trial = "1 month"
percent = 90
condition = "unused"
return_shipping = "customer"
no_withdrawal = ["made_to_order"]

[[services.tiers]]
ahead = "2 weeks"
percent = 100

[[services.tiers]]
ahead = "1 week"
percent = 50
"""


def test_file_says_all_that_terms_can_be() -> None:
    found = parse_terms(FILE)
    assert found == {
        "goods": GoodsTerms(
            Period.parse("1 month"),
            90,
            Condition.UNUSED,
            Payer.CUSTOMER,
            frozenset({NoWithdrawal.MADE_TO_ORDER}),
        ),
        "services": ServiceTerms(
            (NoticeTier(Period.parse("2 weeks"), 100), NoticeTier(Period.parse("1 week"), 50))
        ),
        "effective_on": date(2026, 12, 1),
        "until": date(2027, 6, 30),
        "at_distance": True,
        "to_consumers": False,
        "floor": replace(
            EU_WITHDRAWAL,
            code="own",
            name="right of revocation",
            source="Consumer Act, section 9",
            period=Period.parse("30 days"),
        ),
        "reason": "a new year",
    }
    assert parse_terms('floor = "none"')["floor"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("goods = ", "is not TOML"),
        ("[gods]", "unknown: gods. Known here are:"),
        ("goods = 5", "t: goods: write a table"),
        ("[goods]", "t: goods.trial: is missing"),
        ('[goods]\ntrial = "soon"', "t: goods.trial: 'soon' is not a period"),
        ('[goods]\ntrial = "0 days"', "t: goods.trial: A period counts 1 to"),
        ('[goods]\ntrial = "1 day"\npercent = 0.5', "t: goods.percent: write a whole number"),
        (
            '[goods]\ntrial = "1 day"\ncondition = "mint"',
            "t: goods.condition: 'mint' is not one of",
        ),
        ('[goods]\ntrial = "1 day"\nno_withdrawal = ["x"]', "t: goods.no_withdrawal: 'x' is not"),
        ("[services]\ntiers = 5", "t: services.tiers: write it as a list of tables"),
        ('[[services.tiers]]\nahead = "1 day"', "t: services.tiers[1].percent: is missing"),
        ("[[services.tiers]]\npercent = 5", "t: services.tiers[1].ahead: is missing"),
        ('effective_on = "2026-12-01"', "t: effective_on: write a day without quotes"),
        ("until = 2026-12-01T10:00:00", "t: until: write a day without quotes"),
        ("at_distance = 1", "t: at_distance: write true or false"),
        ('floor = "us"', "t: floor: 'us' is not one of: eu, none"),
        ("floor = 5", "t: floor: write a table"),
        ('[floor]\nname = "x"', "t: floor.source: is missing"),
    ],
)
def test_mistake_in_the_file_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadInputError) as error:
        parse_terms(text, name="t")
    assert said in str(error.value)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        read_terms(tmp_path / "absent.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="not UTF-8"):
        read_terms(tmp_path / "bytes.toml")
