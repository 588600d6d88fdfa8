"""The demo: a small shop whose two years of story are fictional, and say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from custledger.core.clock import day_number
from custledger.core.money import Money
from custledger.core.records import Customer, EntryRef
from custledger.edges.demo_story import (
    CAST,
    CURRENCY,
    FIRST_DAY,
    LAST_DAY,
    ZONE,
    Event,
    events_of,
)
from custledger.errors import BadInputError
from custledger.ledger import Ledger, open_ledger

__all__ = ["DEMO_AS_OF", "DEMO_OWNER", "build_demo"]

DEMO_AS_OF: Final = LAST_DAY
"""The day on which the story ends; later figures fade, as old entries weigh less."""
DEMO_OWNER: Final = "Olivia Owner"
_MARGIN: Final = 0.4
_WEEK: Final = 7


@dataclass
class _Clock:
    """The story's own time: what is written is recorded when it is said to have happened."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def build_demo(
    path: str | Path,
    *,
    colleague: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Ledger:
    """Make the demo's ledger at a path where nothing is yet, and return it open.

    ``colleague`` is registered too, so that whoever runs the demo may go on writing in it.
    """
    target = Path(path)
    if target.exists():
        raise BadInputError(f"{target} exists already. Give the demo another path.")
    clock = _Clock(datetime(2024, 6, 29, 9, tzinfo=UTC))
    ledger = open_ledger(
        target, actor=DEMO_OWNER, now=clock, zone=ZONE, currency=CURRENCY, region="IE"
    )
    with ledger.transaction():
        _open_shop(ledger, colleague)
    _tell(ledger, clock, progress)
    clock.now = datetime(2026, 6, 30, 20, tzinfo=UTC)
    ledger.score_policies.calibrate(margin=_MARGIN)
    return ledger


def _open_shop(ledger: Ledger, colleague: str | None) -> None:
    ledger.staff.set_rate(Money.of(30, CURRENCY))
    ledger.staff.add("Sam")
    ledger.staff.add("Noor", hourly_rate=Money.of(34, CURRENCY))
    if colleague is not None and colleague not in {member.name for member in ledger.staff.all()}:
        ledger.staff.add(colleague)
    ledger.score_policies.set(margin=_MARGIN)


def _tell(ledger: Ledger, clock: _Clock, progress: Callable[[int, int], None] | None) -> None:
    """Write the story week by week, as a shop would have done on its Sunday evenings."""
    weeks: defaultdict[int, list[tuple[str, Event]]] = defaultdict(list)
    for part in CAST:
        for event in events_of(part):
            weeks[_week_of(event.at.date())].append((part.name, event))
    customers: dict[str, Customer] = {}
    mend: list[tuple[EntryRef, Event]] = []
    for done, week in enumerate(sorted(weeks), start=1):
        clock.now = datetime.combine(
            FIRST_DAY + timedelta(days=_WEEK * (week + 1) - 1), datetime.min.time(), UTC
        ).replace(hour=20)
        with ledger.transaction():
            mend = _mended(ledger, mend)
            _introduce(ledger, customers, weeks[week])
            mend += _write(ledger, customers, weeks[week])
        if progress is not None:
            progress(done, len(weeks))


def _week_of(day: date) -> int:
    return (day_number(day) - day_number(FIRST_DAY)) // _WEEK


def _introduce(
    ledger: Ledger, customers: dict[str, Customer], told: list[tuple[str, Event]]
) -> None:
    for name, event in sorted(told, key=lambda item: item[1].at):
        if name not in customers:
            customers[name] = ledger.customers.add(
                name,
                joined_on=event.at.date(),
                email=f"{name.lower().replace(' ', '.')}@example.org",
            )


def _write(
    ledger: Ledger, customers: dict[str, Customer], told: list[tuple[str, Event]]
) -> list[tuple[EntryRef, Event]]:
    money, contacts = [], []
    for name, event in sorted(told, key=lambda item: item[1].at):
        row = {**event.facts, "customer": customers[name].id, "occurred_at": event.at}
        row["known_at"] = event.at
        if event.kind == "interaction":
            contacts.append((row, event))
        else:
            money.append({**row, "kind": event.kind})
    ledger.money.record_many(money)
    refs = ledger.interactions.record_many([row for row, _ in contacts])
    found = [(ref, event) for ref, (_, event) in zip(refs, contacts, strict=True)]
    for ref, event in found:
        if event.evidence:
            ledger.evidence.attach(ref, text=event.evidence, occurred_at=event.at)
    return [(ref, event) for ref, event in found if event.mended]


def _mended(ledger: Ledger, mend: list[tuple[EntryRef, Event]]) -> list[tuple[EntryRef, Event]]:
    """Put right what the week before got wrong."""
    for ref, event in mend:
        ledger.interactions.correct(ref, **event.mended)
    return []
