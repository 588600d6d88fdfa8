"""Histories of one customer for the tests of the score: made by hand, or by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from hypothesis import strategies as st

from custledger.core.clock import day_number
from custledger.core.exchange import Exchange
from custledger.core.records import Channel, Conduct, Fault, MoneyKind, Purpose
from custledger.core.score.contributions import History, ScoredInteraction, ScoredMoney
from custledger.core.score.policy import ScorePolicy

__all__ = [
    "AS_OF",
    "EURO",
    "FOREIGN",
    "JOINED",
    "POLICY",
    "contact",
    "histories",
    "history",
    "interactions",
    "moneys",
    "months",
    "paid",
]

JOINED = day_number(date(2023, 1, 1))
AS_OF = day_number(date(2024, 6, 30))
POLICY = ScorePolicy(version=3, margin=0.4, K=165.0, r0=0.18, u=48.0, calibrated=True)
EURO = Exchange("EUR")
FOREIGN = Exchange.of(
    "EUR",
    [
        ("USD", JOINED - 500, 920_000_000_000),
        ("USD", JOINED + 200, 870_000_000_000),
        ("JPY", JOINED, 6_100_000_000),
        ("KWD", JOINED + 100, 3_010_000_000_000),
    ],
)
"""Dollars at two rates, yen (no decimals), dinars (three, and no rate at first); no kronor."""

WITNESSES = (1_000_000, 1_000_001)


def contact(seq: int, day: int, **changes: object) -> ScoredInteraction:
    """An inquiry by phone of ten minutes at 30 euros an hour, with what is changed about it."""
    usual = ScoredInteraction(
        seq=seq,
        day=day,
        known_day=day,
        channel=Channel.PHONE,
        purpose=Purpose.INQUIRY,
        conduct=Conduct.NONE,
        fault=Fault.UNKNOWN,
        exempt=False,
        seconds=600,
        rate_minor=3000,
        rate_currency="EUR",
        witness=WITNESSES[seq % 2],
    )
    return usual._replace(**{"known_day": day, **changes})


def paid(seq: int, day: int, kind: MoneyKind, minor: int, **changes: object) -> ScoredMoney:
    """Money in euros; an invoice is due after two weeks."""
    due = day + 14 if kind is MoneyKind.INVOICE else None
    usual = ScoredMoney(seq, day, day, kind, Fault.UNKNOWN, minor, "EUR", due)
    return usual._replace(**changes)


def history(*entries: ScoredInteraction | ScoredMoney, exchange: Exchange = EURO) -> History:
    """A customer since 2023-01-01 with these entries, of a firm with five people."""
    return History(
        customer_id=UUID(int=1),
        name="Ann",
        joined_day=JOINED,
        exchange=exchange,
        human_staff=5,
        interactions=[e for e in entries if isinstance(e, ScoredInteraction)],
        money=[e for e in entries if isinstance(e, ScoredMoney)],
    )


def months(number: int) -> list[int]:
    """The tenth day of that many calendar months before July 2024, the latest first."""
    return [day_number(date(2024 - (n > 5), (5 - n) % 12 + 1, 10)) for n in range(number)]


_days = st.integers(JOINED - 20, AS_OF + 40)


def interactions(
    days: st.SearchStrategy[int] = _days, currencies: Sequence[str] = ("EUR",)
) -> st.SearchStrategy[ScoredInteraction]:
    """Interactions with everything that the score reads of them; numbered later."""
    return st.builds(
        lambda day, late, rate, **rest: ScoredInteraction(
            seq=0,
            day=day,
            known_day=day + late,
            rate_minor=rate[0] if rate else None,
            rate_currency=rate[1] if rate else None,
            **rest,
        ),
        day=days,
        late=st.sampled_from((0, 0, 0, 1, 30)),
        rate=st.none() | st.tuples(st.integers(0, 9000), st.sampled_from(currencies)),
        channel=st.sampled_from(Channel),
        purpose=st.sampled_from(Purpose),
        conduct=st.sampled_from((Conduct.NONE,) * 4 + tuple(Conduct)),
        fault=st.sampled_from(Fault),
        exempt=st.booleans() if len(currencies) > 1 else st.just(False),
        seconds=st.none() | st.integers(0, 9000),
        witness=st.none() | st.sampled_from(WITNESSES),
    )


def moneys(
    days: st.SearchStrategy[int] = _days, currencies: Sequence[str] = ("EUR",)
) -> st.SearchStrategy[ScoredMoney]:
    """Money entries with everything that the score reads of them; numbered later."""
    return st.builds(
        lambda day, late, kind, due, returned, **rest: ScoredMoney(
            seq=0,
            day=day,
            known_day=day + late,
            kind=kind,
            due_day=day + due if kind is MoneyKind.INVOICE else None,
            goods_returned=returned and kind is MoneyKind.REFUND,
            **rest,
        ),
        day=days,
        late=st.sampled_from((0, 0, 0, 1, 30)),
        kind=st.sampled_from(MoneyKind),
        fault=st.sampled_from(Fault),
        amount_minor=st.integers(0, 60_000),
        currency=st.sampled_from(currencies),
        due=st.integers(0, 60),
        returned=st.booleans(),
    )


@st.composite
def histories(
    draw: st.DrawFn,
    days: st.SearchStrategy[int] = _days,
    currencies: Sequence[str] = ("EUR",),
    most: int = 25,
) -> History:
    """Whole histories; foreign currencies come with their rates."""
    contacts = draw(st.lists(interactions(days, currencies), max_size=most))
    money = draw(st.lists(moneys(days, currencies), max_size=most))
    numbered = [e._replace(seq=n) for n, e in enumerate((*contacts, *money), start=1)]
    found = history(*numbered, exchange=FOREIGN if len(currencies) > 1 else EURO)
    joined = draw(st.sampled_from((JOINED, AS_OF - 89, AS_OF - 90, AS_OF + 5)))
    return replace(found, joined_day=joined, human_staff=draw(st.integers(0, 4)))
