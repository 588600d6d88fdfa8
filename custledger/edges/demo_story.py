"""The demo's story: two years of a garden shop. All people and events are invented.

Everyone is named after a plant. A seeded generator spreads the events over the weeks, so that the
story, and every figure in it, is the same each time it is told.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from custledger.core.clock import local_to_utc
from custledger.core.money import Money

__all__ = ["CAST", "CURRENCY", "FIRST_DAY", "LAST_DAY", "ZONE", "Event", "Part", "events_of"]

FIRST_DAY: Final = date(2024, 7, 1)
LAST_DAY: Final = date(2026, 6, 30)
ZONE: Final = "Europe/Dublin"
CURRENCY: Final = "EUR"
_DAYS: Final = (LAST_DAY - FIRST_DAY).days


@dataclass(frozen=True)
class Event:
    """What happened on a day: an interaction, or money of that kind; perhaps with evidence.

    ``mended`` are facts that turned out to be otherwise, and are corrected a week later.
    """

    at: datetime
    kind: str
    facts: dict[str, Any]
    evidence: str = ""
    mended: dict[str, Any] = field(default_factory=dict)


class Part:
    """One customer of the story, and the events so far."""

    def __init__(self, name: str, plot: Callable[[Part], None]) -> None:
        self.name, self._plot = name, plot
        self.random = random.Random(name)  # noqa: S311 - a story, not a secret
        self.events: list[Event] = []

    def play(self) -> list[Event]:
        """The customer's events in the order they happened."""
        self.events.clear()
        self.random.seed(self.name)
        self._plot(self)
        return sorted(self.events, key=lambda event: event.at)

    def at(self, day: date) -> datetime:
        """A moment of a day in opening hours."""
        clock = time(self.random.randrange(9, 17), self.random.randrange(60))
        return local_to_utc(datetime.combine(day, clock), ZONE)

    def contact(self, day: date, channel: str, minutes: int, summary: str, **more: Any) -> None:
        """A contact with Sam or Noor, or with the staff that is named."""
        extra = {name: more.pop(name) for name in ("evidence", "mended") if name in more}
        facts = {
            "channel": channel,
            "handling_time": timedelta(minutes=minutes),
            "staff": self.random.choice(["Sam", "Noor"]),
            "summary": summary,
        }
        self.events.append(Event(self.at(day), "interaction", {**facts, **more}, **extra))

    def money(self, day: date, kind: str, amount: int, **more: Any) -> None:
        """Money, in whole units."""
        facts = {"amount": Money.of(amount, CURRENCY), **more}
        self.events.append(Event(self.at(day), kind, facts))

    def every(self, days: int, *, start: int = 0, end: int = _DAYS) -> Iterator[date]:
        """Days about so many days apart, from ``start`` to ``end`` days into the story."""
        place = start + self.random.randrange(max(1, days // 2))
        while place <= end:
            yield FIRST_DAY + timedelta(days=place)
            place += max(1, round(days * self.random.uniform(0.7, 1.3)))

    def sales(self, days: int, low: int, high: int, *, start: int = 0) -> None:
        """Sales about so many days apart."""
        for day in self.every(days, start=start):
            self.money(day, "sale", self.random.randrange(low, high))


_QUESTIONS: Final = (
    "asked when the oak benches are back in stock",
    "asked how to oil a teak table",
    "asked for the opening hours over the holidays",
    "asked which cover fits the round table",
    "asked about delivery to the next county",
)


def _good(part: Part) -> None:
    for day in part.every(part.random.choice([30, 40, 55])):
        part.money(day, "sale", part.random.randrange(60, 420))
        if part.random.random() < 0.4:
            part.contact(day, "email", 5, part.random.choice(_QUESTIONS), purpose="inquiry")


def _grateful(part: Part) -> None:
    _good(part)
    part.contact(
        date(2026, 3, 12),
        "email",
        4,
        "thanked us for the quick repair of the parasol",
        purpose="praise",
        customer_words="You may quote me: they picked up the phone, and they mended it.",
    )


def _needy(part: Part) -> None:
    part.sales(24, 380, 900)
    for day in part.every(9):
        part.contact(day, "phone", 16, "wanted advice before ordering", purpose="inquiry")


def _unlucky(part: Part) -> None:
    part.sales(34, 120, 380)
    for day in part.every(75, start=30):
        part.contact(
            day,
            "phone",
            25,
            "the delivery came damaged; we had packed it badly",
            purpose="complaint",
            fault="ours",
            cause="packaging",
        )
        part.money(day + timedelta(days=3), "refund", 90, fault="ours", cause="packaging")
    part.contact(
        date(2026, 5, 5),
        "email",
        20,
        "asked for a refund: the second chair never came",
        purpose="refund_request",
        customer_words="I paid for two chairs and have one. Please look into it.",
        evidence="Delivery note 2291: 1 chair loaded. Ordered: 2.",
        mended={"fault": "ours", "reason": "the delivery note shows that we loaded one chair"},
    )


def _accommodated(part: Part) -> None:
    part.sales(45, 80, 260)
    for day in part.every(20):
        part.contact(
            day,
            "phone",
            40,
            "ordered through a sign-language relay; takes longer, and may",
            purpose="order",
            tags=["accommodation"],
        )


def _hardship(part: Part) -> None:
    part.sales(50, 90, 300)
    for day in part.every(12, start=430, end=560):
        part.contact(
            day,
            "phone",
            30,
            "rearranged the delivery again; a parent is in hospital",
            purpose="other",
            tags=["hardship"],
        )


def _refunder(part: Part) -> None:
    for day in part.every(24):
        price = part.random.randrange(150, 420)
        part.money(day, "sale", price)
        if part.random.random() < 0.8:
            back = day + timedelta(days=part.random.randrange(12, 20))
            part.contact(
                back,
                "email",
                18,
                "wants the money back; the cushions were used over the weekend",
                purpose="refund_request",
                conduct="policy_abuse",
                fault="customer",
                customer_words="I changed my mind. They are as good as new.",
            )
            part.money(back, "refund", price, fault="customer", goods_returned=True)


def _non_payer(part: Part) -> None:
    for number, day in enumerate(part.every(55)):
        amount = part.random.randrange(280, 520)
        part.money(day, "invoice", amount, due_on=day + timedelta(days=14))
        if number % 3 == 0:
            part.money(day + timedelta(days=40), "payment", amount)
            continue
        for late in (35, 60):
            part.contact(
                day + timedelta(days=late),
                "phone",
                20,
                "reminded of the unpaid invoice; promised to pay, did not",
                purpose="collection",
                direction="out",
                fault="customer",
            )
        if number < 8:
            part.money(day + timedelta(days=150), "write_off", amount, fault="customer")


_WORDS: Final = (
    "You people are useless.",
    "Is there anyone there with a brain?",
    "I know what time you lock up.",
)


_OCCASIONS: Final = (
    "shouted about the price of spare parts; the call was ended politely",
    "insulted the colleague at the desk over a wrong opening hour on another site",
    "called three times in an hour about a delivery that was on time",
)


def _abusive(part: Part) -> None:
    part.sales(60, 60, 160)
    for number, day in enumerate(part.every(30, start=200)):
        part.contact(
            day,
            "phone",
            28,
            _OCCASIONS[number % 3],
            conduct="threat" if number % 6 == 5 else "verbal_abuse",
            fault="customer",
            staff=("Sam", "Noor")[number % 2],
            customer_words=_WORDS[(2 if number % 6 == 5 else number % 2)],
            evidence="Recording of the call, transcribed by Noor." if number % 4 == 0 else "",
        )
    for day in part.every(45, start=220):
        part.contact(
            day,
            "email",
            15,
            "demanded a free replacement for a bench bought elsewhere",
            conduct="unreasonable_demand",
            fault="customer",
        )


def _time_taker(part: Part) -> None:
    part.sales(70, 25, 60)
    for day in part.every(7, start=60):
        part.contact(
            day,
            "visit",
            45,
            "a planning session in the shop; nothing was ordered",
            purpose="inquiry",
        )


def _one_bad_day(part: Part) -> None:
    _good(part)
    for _ in range(3):
        part.contact(
            date(2026, 4, 14),
            "phone",
            12,
            "very angry about the delay on the day of a funeral; rang the next week to apologise",
            conduct="verbal_abuse",
            fault="customer",
        )


def _one_witness(part: Part) -> None:
    part.sales(50, 70, 200)
    for day in part.every(28, start=330):
        part.contact(
            day,
            "phone",
            20,
            "Sam noted: insulting from the first minute",
            conduct="verbal_abuse",
            fault="customer",
            staff="Sam",
        )


_GOOD: Final = (
    "Alder Finch", "Bryony Hale", "Cedar Lund", "Dahlia Moss", "Elder Nash", "Fern Oakes",
    "Hazel Quill", "Ivy Rowe", "Juniper Sand", "Linden Tarn",
)  # fmt: skip

CAST: Final = (
    *(Part(name, _good) for name in _GOOD),
    Part("Marigold Unwin", _grateful),
    Part("Olive Vale", _needy),
    Part("Poppy Wren", _needy),
    Part("Rowan Yates", _unlucky),
    Part("Sorrel Ames", _unlucky),
    Part("Tansy Brook", _accommodated),
    Part("Verbena Crane", _hardship),
    Part("Willow Dene", _one_bad_day),
    Part("Yarrow Eads", _one_witness),
    Part("Aster Flint", _refunder),
    Part("Clover Gage", _refunder),
    Part("Basil Thorne", _non_payer),
    Part("Nettle Briar", _abusive),
    Part("Sage Holt", _time_taker),
)


def events_of(part: Part) -> list[Event]:
    """What happens to one customer, without what would lie after the last day."""
    end = local_to_utc(datetime.combine(LAST_DAY, time(18)), ZONE)
    return [event for event in part.play() if event.at <= end]
