"""The refund terms in plain sentences, ready for a website or a contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from custledger.core.refunds.floors import ONLY_AFTERWARDS, Floor, NoWithdrawal
from custledger.core.refunds.terms import Condition, GoodsTerms, Payer, RefundTerms, ServiceTerms
from custledger.core.words import day_in_words

__all__ = ["Section", "terms_in_sections", "terms_in_words"]

_CONDITIONS: Final = {
    Condition.ANY: "in whatever condition it comes back",
    Condition.TRIED: "if you tried it with care, as you would in a shop",
    Condition.UNUSED: "if it comes back unused and complete",
}
_WHY_NOT: Final = {
    NoWithdrawal.SERVICE_PERFORMED: (
        "the service is done in full, if you asked us to begin and knew that the right then ends"
    ),
    NoWithdrawal.PRICE_FLUCTUATES: "the price follows a market that we do not control",
    NoWithdrawal.MADE_TO_ORDER: "it is made to your order",
    NoWithdrawal.PERISHABLE: "it perishes quickly",
    NoWithdrawal.UNSEALED_HYGIENE: "a seal that is there for health or hygiene is broken",
    NoWithdrawal.MIXED: "what was delivered is mixed with other things for good",
    NoWithdrawal.ALCOHOL_FORWARD: "it is a drink sold long before delivery at a changing price",
    NoWithdrawal.URGENT_REPAIR: "you called us for an urgent repair",
    NoWithdrawal.UNSEALED_RECORDING: "a sealed recording or program is opened",
    NoWithdrawal.NEWSPAPER: "it is a newspaper or magazine",
    NoWithdrawal.AUCTION: "it was sold at a public auction",
    NoWithdrawal.DATED_LEISURE: (
        "the service is for a set date (lodging, transport of goods, car rental, catering or "
        "leisure)"
    ),
    NoWithdrawal.DIGITAL_BEGUN: (
        "a download has begun, if you agreed to that, knew that the right then ends, and got our "
        "confirmation"
    ),
}


class Section(NamedTuple):
    """A part of a page: its heading, and its sentences."""

    heading: str
    sentences: tuple[str, ...]


def terms_in_words(terms: RefundTerms) -> list[str]:
    """The sentences, in order; they address the customer as "you" and the firm as "we".

    >>> from datetime import date
    >>> from custledger.core.calendar.periods import Period, PeriodUnit
    >>> month = Period(30, PeriodUnit.DAYS)
    >>> terms_in_words(RefundTerms(1, date(2026, 1, 1), GoodsTerms(month), floor=None))[1]
    'You may try what you bought for 30 days after delivery and then return it.'
    """
    return [sentence for section in terms_in_sections(terms) for sentence in section.sentences]


def terms_in_sections(terms: RefundTerms) -> list[Section]:
    """The same, under headings."""
    first = day_in_words(terms.effective_on)
    span = f"from {first} on" if terms.until is None else _span(first, day_in_words(terms.until))
    sections = [Section("Which orders", (f"These terms apply to orders {span}.",))]
    if terms.goods is not None:
        said = (*_of_goods(terms.goods), *_of_floor(terms, terms.goods))
        sections.append(Section("Goods", said))
    if terms.services is not None:
        said = (*_of_services(terms.services), *_of_floor(terms, terms.services))
        sections.append(Section("Services", said))
    return [*sections, Section("In every case", _ALWAYS)]


_ALWAYS: Final = (
    "If you did not get what you paid for, we pay back the part you did not get.",
    "Amounts are rounded up to the smallest coin, in your favour.",
)


def _span(first: str, last: str) -> str:
    return f"on {first}" if first == last else f"from {first} to {last}, both days included"


def _of_goods(goods: GoodsTerms) -> Iterable[str]:
    yield f"You may try what you bought for {goods.trial} after delivery and then return it."
    yield f"We pay back {_share(goods.percent)} {_CONDITIONS[goods.condition]}."
    payer = "We pay" if goods.return_shipping is Payer.FIRM else "You pay"
    yield f"{payer} for sending it back."


def _of_services(services: ServiceTerms) -> Iterable[str]:
    for tier in services.tiers:
        share = _share(tier.percent)
        yield f"If you cancel at least {tier.ahead} before the agreed day, we pay back {share}."
    yield "If you cancel later than that, we cannot pay anything back."
    yield "Once the service was delivered as agreed, nothing is paid back."


def _of_floor(terms: RefundTerms, part: GoodsTerms | ServiceTerms) -> Iterable[str]:
    floor, ends = terms.floor_for(part), part.no_withdrawal & ONLY_AFTERWARDS
    if floor is not None:
        yield _right(floor, "delivery" if isinstance(part, GoodsTerms) else "the contract")
        if ends:
            yield f"That right ends once {_joined(ends, ', or once ')}."
    elif terms.floor is not None and (never := part.no_withdrawal - ONLY_AFTERWARDS):
        yield f"There is no {terms.floor.name} by law here, because {_joined(never, ', and ')}."


def _joined(reasons: Iterable[NoWithdrawal], between: str) -> str:
    return between.join(_WHY_NOT[reason] for reason in sorted(reasons))


def _right(floor: Floor, start: str) -> str:
    return (
        f"As a consumer who orders at a distance or away from our premises you have by law a "
        f"{floor.name} of {floor.period} from {start}, without giving reasons ({floor.source}); "
        "nothing here takes it away."
    )


def _share(percent: int) -> str:
    if percent == 100:
        return "the full price"
    return f"{percent} % of the price" if percent else "nothing"
