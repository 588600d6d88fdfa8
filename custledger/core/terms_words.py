"""The refund terms in plain sentences, ready for a website or a contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from custledger.core.floors import Floor, NoWithdrawal
from custledger.core.terms import Condition, GoodsTerms, Payer, RefundTerms, ServiceTerms
from custledger.core.words import day_in_words

__all__ = ["terms_in_words"]

_CONDITIONS: Final = {
    Condition.ANY: "in any condition",
    Condition.TRIED: "tried with care, as you would in a shop",
    Condition.UNUSED: "unused and complete",
}
_WHY_NOT: Final = {
    NoWithdrawal.SERVICE_PERFORMED: "the service was performed in full at your request",
    NoWithdrawal.PRICE_FLUCTUATES: "the price follows a market that we do not control",
    NoWithdrawal.MADE_TO_ORDER: "it is made to your order",
    NoWithdrawal.PERISHABLE: "it perishes quickly",
    NoWithdrawal.UNSEALED_HYGIENE: "for reasons of hygiene it cannot be returned once unsealed",
    NoWithdrawal.MIXED: "once delivered it is mixed with other things for good",
    NoWithdrawal.ALCOHOL_FORWARD: "it is a drink sold long before delivery at a changing price",
    NoWithdrawal.URGENT_REPAIR: "you called us for an urgent repair",
    NoWithdrawal.UNSEALED_RECORDING: "a sealed recording or program was opened",
    NoWithdrawal.NEWSPAPER: "it is a newspaper or magazine",
    NoWithdrawal.AUCTION: "it was sold at a public auction",
    NoWithdrawal.DATED_LEISURE: "it is for a date: lodging, transport, catering or leisure",
    NoWithdrawal.DIGITAL_BEGUN: "you agreed that the download starts at once",
}


def terms_in_words(terms: RefundTerms) -> list[str]:
    """The sentences, in order; they address the customer as "you" and the firm as "we".

    >>> from datetime import date
    >>> from custledger.core.periods import Period, PeriodUnit
    >>> month = Period(30, PeriodUnit.DAYS)
    >>> terms_in_words(RefundTerms(1, date(2026, 1, 1), GoodsTerms(month), floor=None))[1]
    'You may try what you bought for 30 days after delivery and then return it.'
    """
    until = f" until {day_in_words(terms.until)}" if terms.until else ""
    sentences = [f"These terms apply to orders from {day_in_words(terms.effective_on)} on{until}."]
    if terms.goods is not None:
        sentences += _of_goods(terms.goods)
        sentences += _of_floor(terms, terms.goods)
    if terms.services is not None:
        sentences += _of_services(terms.services)
        sentences += _of_floor(terms, terms.services)
    sentences.append("If you did not get what you paid for, we pay back the part you did not get.")
    sentences.append("Amounts are rounded up to the smallest coin, in your favour.")
    return sentences


def _of_goods(goods: GoodsTerms) -> Iterable[str]:
    yield f"You may try what you bought for {goods.trial} after delivery and then return it."
    yield f"We pay back {_share(goods.percent)} if it comes back {_CONDITIONS[goods.condition]}."
    payer = "We pay" if goods.return_shipping is Payer.FIRM else "You pay"
    yield f"{payer} for sending it back."


def _of_services(services: ServiceTerms) -> Iterable[str]:
    for tier in services.tiers:
        yield f"If you cancel {tier.ahead} ahead or earlier, we pay back {_share(tier.percent)}."
    yield "If you cancel later than that, we cannot pay anything back."
    yield "Once the service was delivered as agreed, nothing is paid back."


def _of_floor(terms: RefundTerms, part: GoodsTerms | ServiceTerms) -> Iterable[str]:
    floor = terms.floor_for(part)
    if floor is not None:
        yield _right(floor, "delivery" if isinstance(part, GoodsTerms) else "the contract")
    elif terms.floor is not None and part.no_withdrawal:
        reasons = "; ".join(_WHY_NOT[reason] for reason in sorted(part.no_withdrawal))
        yield f"There is no {terms.floor.name} by law here: {reasons}."


def _right(floor: Floor, start: str) -> str:
    return (
        f"As a consumer who orders from afar you have by law a {floor.name} of {floor.period} from "
        f"{start}, without giving reasons ({floor.source}); nothing here takes it away."
    )


def _share(percent: int) -> str:
    if percent == 100:
        return "the full price"
    return f"{percent} % of the price" if percent else "nothing"
