"""Review dates in a calendar program: whole files, and what a calendar is not told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import icalendar
import pytest

from custledger import Ledger, open_ledger
from custledger.core.records import Customer
from custledger.edges.review_calendar import review_calendar
from custledger.errors import ExtraNeededError
from custledger.pytest_plugin import Clock
from tests.edges.letter_help import ROUTE, WHY, decided

APPOINTMENT = """\
BEGIN:VEVENT
SUMMARY:Review: warning\\, Ann Miller
DTSTART;VALUE=DATE:20260704
DTEND;VALUE=DATE:20260705
DTSTAMP:20260105T090000Z
UID:{uid}@custledger
SEQUENCE:0
CLASS:CONFIDENTIAL
DESCRIPTION:Decided on 5 January 2026 by Olga. It lapses on this day unless it was extended
  before\\, with reasons. custledger decision show {ref}
STATUS:CONFIRMED
TRANSP:TRANSPARENT
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Review: warning\\, Ann Miller
TRIGGER:-P14D
END:VALARM
END:VEVENT
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.sqlite", actor="Olga", now=Clock()) as opened:
        yield opened


@pytest.fixture
def ann(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ann Miller")


def events(text: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def test_appointment_has_the_review_date_a_reminder_and_no_reasons(
    ledger: Ledger, ann: Customer
) -> None:
    warning = decided(ledger, ann)["warning"].entry
    text = review_calendar(ledger)
    first = next(e for e in events(text) if "warning" in e["summary"])
    expected = APPOINTMENT.format(uid=str(warning).replace("/", "-"), ref=warning)
    assert unfolded(first.to_ical()) == unfolded(expected.encode())
    assert b"Mia" not in text
    assert text.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")


def unfolded(text: bytes) -> str:
    return text.decode().replace("\r\n", "\n").replace("\n ", "")


def test_extended_decision_keeps_its_uid_and_an_ended_one_is_cancelled(
    ledger: Ledger, ann: Customer
) -> None:
    steps = decided(ledger, ann)
    warning, block = steps["warning"], steps["block"]
    before = {e["summary"]: e["uid"] for e in events(review_calendar(ledger))}
    ledger.decisions.notice(warning, how="letter", appeal_route=ROUTE)
    until = ledger.today().replace(month=11)
    assert ledger.decisions.extend(warning, review_on=until, reasons=WHY).done
    assert ledger.decisions.end(block, reasons="They deleted the posts.").done
    after = {e["summary"]: e for e in events(review_calendar(ledger))}
    moved, gone = after["Review: warning, Ann Miller"], after["Review: block, Ann Miller"]
    assert (moved["uid"], moved["sequence"]) == (before[moved["summary"]], 1)
    assert moved.decoded("dtstart") == until
    assert (gone["uid"], gone["status"], gone["sequence"]) == (
        before[gone["summary"]],
        "CANCELLED",
        2,
    )
    assert "VALARM" not in gone.to_ical().decode()


def test_nothing_decided_is_an_empty_calendar(ledger: Ledger) -> None:
    assert events(review_calendar(ledger)) == []


def test_missing_package_is_named(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ExtraNeededError, match=r"custledger\[calendar\]"):
        review_calendar(ledger)
