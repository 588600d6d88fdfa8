"""Polling: every crossing is told once or more, in order, none is made up, whenever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core import polling
from custledger.core.due import DueItem, DueKind
from custledger.core.polling import OVERLAP, Cursor, Due, poll
from custledger.errors import BadInputError

LEDGER = UUID(int=7)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Crossing(NamedTuple):
    """A line passed at an hour, and how many hours later the transaction committed."""

    hour: int
    late: float
    stands: bool

    def item(self, number: int) -> DueItem:
        at = START + self.hour * HOUR
        return DueItem(at, DueKind.COMPLAINT_OVERDUE, f"complaint:{number}", f"number {number}")


def at(hour: float) -> datetime:
    return START + hour * HOUR


def ask(crossings: list[Crossing], hour: float, cursor: str | None) -> Due:
    """What a host is told that asks at an hour."""

    def gather(after: datetime | None) -> Iterator[DueItem]:
        for number, crossing in enumerate(crossings):
            item = crossing.item(number)
            committed = crossing.hour + crossing.late <= hour
            wanted = crossing.stands if after is None else item.passed_at > after
            if committed and wanted and item.passed_at <= at(hour):
                yield item

    return poll(LEDGER, cursor, now=at(hour), as_of=at(hour), gather=gather)


_crossings = st.builds(
    Crossing,
    st.integers(0, 200),
    st.just(0.0) | st.floats(0, OVERLAP / HOUR - 0.01),
    st.booleans(),
)


@given(
    st.lists(_crossings, max_size=12),
    st.lists(st.integers(0, 240), min_size=1, max_size=12).map(sorted),
)
def test_every_crossing_is_told_exactly_once_in_order_and_none_is_made_up(
    crossings: list[Crossing], hours: list[int]
) -> None:
    cursor, told = None, []
    first, last = hours[0], hours[-1]
    for hour in hours:
        due = ask(crossings, hour, cursor)
        cursor = due.cursor
        assert list(due.items) == sorted(due.items, key=lambda i: (i.passed_at, i.key))
        assert all(item.passed_at <= at(hour) for item in due.items)
        told += [item.key for item in due.items]
    expected = {
        f"complaint:{n}"
        for n, c in enumerate(crossings)
        if c.hour + c.late <= last and (c.stands or c.hour + c.late > first)
    }
    assert set(told) == expected
    assert len(told) == len(expected)


def test_who_loses_the_new_cursor_and_asks_with_the_old_one_is_told_again() -> None:
    crossings = [Crossing(1, 0, True), Crossing(5, 0, True)]
    first = ask(crossings, 2, None)
    assert [i.text for i in first.items] == ["number 0"]
    assert ask(crossings, 6, first.cursor).items == ask(crossings, 7, first.cursor).items


def test_cursor_does_not_go_back_and_a_look_ahead_loses_nothing() -> None:
    def gather(after: datetime | None) -> list[DueItem]:
        return [Crossing(5, 0, True).item(0)]

    ahead = poll(LEDGER, None, now=at(2), as_of=at(48), gather=gather)
    assert Cursor.parse(ahead.cursor, LEDGER).until == at(2)
    assert poll(LEDGER, ahead.cursor, now=at(6), as_of=at(6), gather=gather).items == ()
    back = poll(LEDGER, ahead.cursor, now=at(6), as_of=at(1), gather=gather)
    assert back == Due((), ahead.cursor)


def test_clock_that_ran_ahead_and_was_put_right_loses_nothing() -> None:
    crossings = [Crossing(1, 0, True), Crossing(90, 0, True), Crossing(95, 0, True)]
    ahead = ask(crossings, 94, None)
    assert [i.text for i in ahead.items] == ["number 0", "number 1"]
    cursor, told = ahead.cursor, []
    for hour in (3, 4, 30, 60, 100):
        due = ask([*crossings, Crossing(20, 0, True)], hour, cursor)
        cursor, told = due.cursor, [*told, *(i.text for i in due.items)]
    assert [text for text in told if text in ("number 2", "number 3")] == ["number 3", "number 2"]
    assert len(told) == len(set(told))


def test_what_passed_before_the_first_question_and_stands_no_more_is_not_told_later() -> None:
    over = [Crossing(1, 0, False)]
    first = ask(over, 2, None)
    assert first.items == ()
    assert ask(over, 3, first.cursor).items == ()


@pytest.mark.parametrize("text", ["", "x", "äö", "AAAA", 7])
def test_text_that_is_no_cursor_is_refused(text: object) -> None:
    with pytest.raises(BadInputError, match="not a cursor"):
        Cursor.parse(text, LEDGER)


def test_every_cut_and_every_changed_letter_of_a_cursor_is_noticed() -> None:
    text = Cursor(LEDGER, START, frozenset({"abc"})).text()
    assert Cursor.parse(f" {text}\n", LEDGER) == Cursor(LEDGER, START, frozenset({"abc"}))
    for cut in range(len(text)):
        with pytest.raises(BadInputError):
            Cursor.parse(text[:cut], LEDGER)
    for place, letter in enumerate(text[:-1]):
        with pytest.raises(BadInputError):
            Cursor.parse(
                f"{text[:place]}{'B' if letter == 'A' else 'A'}{text[place + 1 :]}", LEDGER
            )


def test_cursor_of_another_ledger_is_refused() -> None:
    text = Cursor(UUID(int=8), START).text()
    with pytest.raises(BadInputError, match="of the ledger 00000000-0000-0000-0000-000000000008"):
        Cursor.parse(text, LEDGER)


def test_cursor_of_a_newer_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_VERSION", 2)
    text = Cursor(LEDGER, START).text()
    monkeypatch.undo()
    with pytest.raises(BadInputError, match="newer version"):
        Cursor.parse(text, LEDGER)
