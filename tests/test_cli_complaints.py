"""custledger complaint: what each command prints, and what it refuses."""

from __future__ import annotations

import json
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custledger import Ledger, open_ledger
from custledger.cli import session
from custledger.pytest_plugin import Clock
from tests.commands import Shell

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The commands' clock: what they open shows the time that the test sets."""
    clock = Clock(MONDAY)

    def opened(*arguments: object, **settings: object) -> Ledger:
        return open_ledger(*arguments, now=clock, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open_ledger", opened)
    return clock


@pytest.fixture
def shop(shell: Shell, clock: Clock) -> Shell:
    shell("init", "--zone", "Europe/Paris", "--margin", "0.4")
    shell("add", "customer", "Ann Miller")
    shell("add", "staff", "Sam")
    shell("complaint", "calendar", "set", "--hours", "mon-fri 9:00-17:00", "--country", "FR")
    return shell


@pytest.fixture
def cold(shop: Shell) -> Shell:
    words = ("--customer-words", "The soup was cold.", "--summary", "The van broke down.")
    told = shop(
        *("complaint", "open", "Ann Miller", "--channel", "phone", *words),
        *("--minutes", "40", "--product", "soup", "--regime", "uk_fca"),
    )
    assert told == (
        "Opened: complaint Ann Miller#3, by the plan 'Complaint'.\n"
        "Next: Answer the person first, by 2026-01-05 14:00. Thank them for telling us, say who "
        "sees to it and by when they hear from us.\n"
    )
    return shop


def complaint(shop: Shell, command: str, *words: str) -> str:
    return shop("complaint", command, "Ann Miller#3", *words).splitlines()[0]


def test_whole_story(cold: Shell, clock: Clock) -> None:
    open_ = "Complaint Ann Miller#3 is open."
    assert complaint(cold, "acknowledge", "--note", "by phone") == (
        f"Recorded as Ann Miller#4. {open_}"
    )
    assert complaint(cold, "step", "listen", "--staff", "Sam").endswith(open_)
    assert complaint(cold, "skip", "apologise", "--reason", "said at the door").endswith(open_)
    waiting = "Complaint Ann Miller#3 is waiting for the customer."
    assert complaint(cold, "pause", "--reason", "a photo").endswith(waiting)
    assert complaint(cold, "resume", "--note", "it came").endswith(open_)
    assert complaint(cold, "escalate", "--reason", "no agreement", "--to", "Olga").endswith(open_)
    assert complaint(cold, "respond", "--summary", "offered a new meal").endswith(open_)
    clock.set(datetime(2026, 1, 7, 9, 0, tzinfo=UTC))
    shown = cold.run(
        *("complaint", "resolve", "Ann Miller#3", "--outcome", "upheld"),
        *("--reasons", "it was cold", "--remedy", "money back"),
    )
    assert shown.out == (
        "Recorded as Ann Miller#12. Complaint Ann Miller#3 is resolved (upheld).\n"
        "Corrected: contact Ann Miller#2, fault unknown -> ours.\n"
        "Next: Follow up, by 2026-01-22 00:00. Ask whether all is well now, and record the answer: "
        "satisfied or not.\n"
    )
    assert shown.err == (
        "Whose fault contact #2 was: ours now, not known before, because complaint #3 was upheld. "
        "Entry #11 corrects it, and the score counts it so at once.\n"
        "Neither done nor skipped: Correct what can be corrected (correct).\n"
    )
    complaint(cold, "satisfaction", "--satisfied", "--customer-words", "Thank you!")
    assert cold("complaint", "show", "Ann Miller#3") == (
        "Complaint Ann Miller#3: resolved (upheld).\n"
        "  Received:  2026-01-05 10:00, by phone\n"
        "  Contact:   #2\n"
        "  About:     soup\n"
        '  Customer:  "The soup was cold."\n'
        "  Staff:     The van broke down.\n"
        "  Plan:      Complaint, version 1\n"
        "  Regimes:   house (version 1), uk_fca (version 1)\n"
        "  Satisfied: yes\n"
        "\n"
        "Deadline         Due               Met               Kept     Regime\n"
        f"{'─' * 96}\n"
        "acknowledgement  2026-01-05 14:00  2026-01-05 10:00  in time  The firm's own promise\n"
        "first response   2026-01-06 10:00  2026-01-05 10:00  in time  The firm's own promise\n"
        "resolution       2026-01-12 10:00  2026-01-07 10:00  in time  The firm's own promise\n"
        "resolution       2026-03-03 00:00  2026-01-07 10:00  in time  United Kingdom: financial "
        "services\n"
        "\n"
        " #  When              Who   What\n"
        f"{'─' * 78}\n"
        " 3  2026-01-05 10:00  Olga  received by phone\n"
        " 4  2026-01-05 10:00  Olga  acknowledged: by phone\n"
        " 5  2026-01-05 10:00  Sam   done (listen)\n"
        " 6  2026-01-05 10:00  Olga  left out (apologise): said at the door\n"
        " 7  2026-01-05 10:00  Olga  waiting for the customer: a photo\n"
        " 8  2026-01-05 10:00  Olga  going on: it came\n"
        " 9  2026-01-05 10:00  Olga  taken to Olga: no agreement\n"
        "10  2026-01-05 10:00  Olga  answered: offered a new meal\n"
        "12  2026-01-07 10:00  Olga  resolved (upheld): it was cold; remedy: money back\n"
        '13  2026-01-07 10:00  Olga  satisfied: customer: "Thank you!"\n'
    )
    assert complaint(cold, "reopen", "--reason", "cold again").endswith(open_)


def test_history_tells_the_story_in_words(cold: Shell) -> None:
    complaint(cold, "acknowledge", "--note", "by phone")
    told = " ".join(cold("history", "Ann Miller").split())
    assert (
        'received by phone: soup; contact #2; customer: "The soup was cold."; staff: The van'
    ) in told
    assert "complaint #3 acknowledged: by phone" in told


def test_refusal_says_why_records_nothing_and_exits_with_1(cold: Shell) -> None:
    complaint(cold, "acknowledge")
    before = cold("history", "Ann Miller")
    for words, says in [
        (("acknowledge",), "an acknowledgement or an answer already"),
        (("step", "dance"), "The plan has no step 'dance'. Steps are: answer, listen"),
        (("satisfaction", "--satisfied"), "not resolved yet"),
        (("extend", "--reason", "x"), "lets the time be extended"),
        (("escalate", "--reason", "x", "--to", "Sam"), "Sam is not an owner"),
        (("acknowledge", "--at", "2026-01-04"), "received on 2026-01-05 10:00 CET"),
    ]:
        command, *rest = words
        shown = cold.run("complaint", command, "Ann Miller#3", *rest)
        assert shown.code == 1
        assert says in shown.out
        assert shown.out.endswith("\nNothing was recorded.\n")
    assert cold("history", "Ann Miller") == before


BROKEN = [
    (2, "open 'Ann Miller' --channel phone", "--customer-words or --summary"),
    (2, "open 'Ann Miller' --platform x --summary x", "--platform and --handle"),
    (2, "open 'Ann Miller' --summary x", "needs its channel"),
    (3, "open 'Ann Miller' --channel phone --summary x --regime mars", "There are: house"),
    (3, "open Nobody --channel phone --summary x", "No customer"),
    (2, "resolve 'Ann Miller#3' --outcome upheld --reasons x", "has a remedy"),
    (2, "resolve 'Ann Miller#3' --outcome withdrawn --reasons ' '", "reasons must not"),
    (3, "acknowledge 'Ann Miller#1'", "There is no complaint"),
    (3, "acknowledge 'Ann Miller#3' --staff Nobody", "not registered"),
    (2, "recovered --shown-by x", "Say of which complaint"),
    (2, "show 'Ann Miller#3' --format csv", "text or json"),
    (2, "calendar set", "Nothing to set"),
    (2, "calendar set --hours 'mon 9-5'", "no opening hours"),
    (2, "calendar set --hours 'moonday 09:00-17:00'", "days are mon"),
    (2, "calendar set --hours 'mon 09:00-12:00 11:00-13:00'", "overlap"),
    (2, "calendar set --country XX", "No holidays are known of 'XX'"),
    (2, "calendar set --country FR --years soon", "no years"),
    (2, "calendar set --years 2026", "go with --country"),
    (2, "calendar show --format csv", "text or json"),
    (2, "calendar set --hours 'mon 09:00-17:00' --effective-on 2025-01-01", "from today on"),
    (2, "plan set absent.toml", "cannot be read"),
    (3, "plan steps Dance", "There are: 'Complaint'"),
    (2, "regimes add absent.toml", "cannot be read"),
]


def test_what_is_broken_is_refused_in_one_line(cold: Shell) -> None:
    for code, words, says in BROKEN:
        assert says in cold.refused(code, "complaint", *shlex.split(words)), words


def test_overdue_lists_who_waits_longest_first(cold: Shell, clock: Clock) -> None:
    nobody = "Nobody has been left waiting past a deadline.\n"
    assert cold("complaint", "overdue") == nobody
    clock.set(datetime(2026, 1, 5, 10, 0, tzinfo=UTC))
    cold("add", "customer", "Ben Moss")
    cold("complaint", "open", "Ben Moss", "--channel", "email", "--summary", "late")
    clock.set(datetime(2026, 1, 6, 9, 30, tzinfo=UTC))
    assert cold("complaint", "overdue") == (
        "Complaint         Waiting  Overdue          Due               In open hours  Regime\n"
        f"{'─' * 99}\n"
        "Ann Miller#3      1 d 0 h  acknowledgement  2026-01-05 14:00     4 h 30 min  "
        "The firm's own promise\n"
        "Ann Miller#3      1 d 0 h  first response   2026-01-06 10:00         30 min  "
        "The firm's own promise\n"
        "Ben Moss#3    23 h 30 min  acknowledgement  2026-01-05 15:00     3 h 30 min  "
        "The firm's own promise\n"
    )
    rows = json.loads(cold("complaint", "overdue", "--format", "json"))
    assert [row["complaint"] for row in rows] == ["Ann Miller#3", "Ann Miller#3", "Ben Moss#3"]
    assert rows[0]["waiting"] == 24.5 * 3600
    assert cold("complaint", "overdue", "--as-of", "2026-01-04") == nobody


def test_next_shows_what_to_do_and_by_when(cold: Shell) -> None:
    told = cold("complaint", "next", "Ann Miller#3").splitlines()
    assert told[0].split() == ["Step", "By", "Owner", "What", "to", "do"]
    assert told[2].startswith("answer     2026-01-05 14:00  agent  Answer the person first. Thank")
    rows = json.loads(cold("complaint", "next", "Ann Miller#3", "--format", "json"))
    assert [row["step"] for row in rows] == [
        *("answer", "listen", "apologise", "propose", "correct", "escalate")
    ]


def test_list_and_show_serve_programs(cold: Shell) -> None:
    cold(
        *("complaint", "open", "Ann Miller", "--summary", "long " * 50),
        *("--platform", "mastodon", "--handle", "@ann", "--reach", "1200"),
    )
    listed = cold("complaint", "list", "--open")
    assert re.search(r"Ann Miller#5 +2026-01-05 10:00 +open +yes +long long", listed)
    assert "long ..." in " ".join(listed.split())
    complaint(cold, "resolve", "--outcome", "withdrawn", "--reasons", "found it")
    rows = json.loads(cold("complaint", "list", "Ann Miller", "--format", "json"))
    assert [(row["complaint"], row["state"], row["outcome"]) for row in rows] == [
        ("Ann Miller#3", "resolved", "withdrawn"),
        ("Ann Miller#5", "open", ""),
    ]
    assert "Ann Miller#3" not in cold("complaint", "list", "--open")
    shown = json.loads(cold("complaint", "show", "Ann Miller#5", "--format", "json"))
    assert shown["complaint"]["state"]["opened"]["exposure"] == ["mastodon", "@ann", 1200]
    assert "  Public:    mastodon, @ann, reach 1,200\n" in cold("complaint", "show", "Ann Miller#5")


def test_recovered_is_found_and_recorded(cold: Shell, clock: Clock) -> None:
    complaint(cold, "resolve", "--outcome", "withdrawn", "--reasons", "found it")
    assert cold("complaint", "recovered") == "Nobody has come back yet.\n"
    clock.set(datetime(2026, 1, 9, 9, 0, tzinfo=UTC))
    cold("record", "sale", "Ann Miller", "20")
    complaint(cold, "recovered", "--shown-by", "came to the party")
    line = cold("complaint", "recovered").splitlines()[-1]
    assert line.split() == [
        *("Ann", "Miller#3", "2026-01-05", "10:00", "withdrawn", "1", "2026-01-09", "10:00"),
        *("came", "to", "the", "party"),
    ]


def test_event_and_complaint_are_taken_back(cold: Shell) -> None:
    complaint(cold, "pause", "--reason", "another customer's")
    told = cold("complaint", "void", "Ann Miller#4", "--reason", "another customer's")
    assert told.startswith("Taken back as Ann Miller#5. Complaint Ann Miller#3 is open.\n")
    shown = cold.run("complaint", "void", "Ann Miller#3", "--reason", "another firm's")
    assert shown.out == "Taken back: complaint Ann Miller#3, with all its events.\n"
    assert "The contact Ann Miller#2 stays." in shown.err
    assert cold("complaint", "list") == "There is no complaint.\n"


def test_plan_is_written_edited_and_read_again(shop: Shell) -> None:
    assert shop("complaint", "plan", "show") == (
        "Complaint: version 1, 8 steps\n"
        "Public complaint: version 1, 9 steps, for public complaints\n"
    )
    text = shop("complaint", "plan", "show", "public complaint")
    file = Path("plan.toml")
    file.write_text(text.replace("Listen, in private", "Listen well"), encoding="utf-8")
    said = shop("complaint", "plan", "set", "plan.toml", "--reason", "shorter")
    assert said == "Public complaint: version 2, 9 steps.\n"
    assert "Listen well." in shop("complaint", "plan", "steps", "Public complaint")
    assert shop("complaint", "plan", "show", "Public complaint", "--version", "1") == text
    assert "14 days after the end" in shop("complaint", "plan", "steps", "Complaint")
    for broken, says in [
        ("name = 'x'\nsteps = 1", "and no steps"),
        ("public = true", "a plan has name"),
        ("name = 'x'\n[[step]]\nid = 'A B'\ntitle = 'x'", "plan.toml: 'A B' is not an id"),
        ("name = 'x'\n[[step]]\nid = 'a'\ntitle = 'x'\nlimit = 'soon'", "not a time limit"),
        ("name = 'x'\nstep = ['a']", "A step is a table"),
        ("name = x", "not TOML"),
    ]:
        file.write_text(broken, encoding="utf-8")
        assert says in shop.refused(2, "complaint", "plan", "set", "plan.toml")


def test_regime_is_added_and_listed(shop: Shell) -> None:
    file = Path("guild.toml")
    file.write_text(
        'id = "guild"\nname = "Our guild"\nsource = "Rules of the guild"\n'
        'on_expiry = "Tell the guild."\nresolution = "14 days"\nread_on = 2026-01-02\n'
    )
    assert shop("complaint", "regimes", "add", "guild.toml") == "guild: version 1, Our guild.\n"
    [line] = [
        one for one in shop("complaint", "regimes", "list").splitlines() if one.startswith("guild")
    ]
    assert line.split() == ["guild", "Our", "guild", "resolve:", "14", "days", "2026-01-02"]
    file.write_text('id = "guild"\nread_on = "yesterday"\n')
    assert "without quotes" in shop.refused(2, "complaint", "regimes", "add", "guild.toml")


def test_calendar_is_shown_as_it_was_set(shop: Shell) -> None:
    told = shop(
        *("complaint", "calendar", "set", "--hours", "mon-wed,fri 9:00-12:30 14:00-18:00"),
        *("--hours", "sat-sun 10:00-13:00", "--closed", "2026-01-09", "--years", "2026"),
        *("--country", "DE", "--subdivision", "BY", "--reason", "new hours"),
    )
    assert re.sub(r"0\.\d+", "0.X", told) == (
        "Calendar: version 2, from 2026-01-05. Times of Europe/Paris.\n"
        "  mon  09:00-12:30, 14:00-18:00\n"
        "  tue  09:00-12:30, 14:00-18:00\n"
        "  wed  09:00-12:30, 14:00-18:00\n"
        "  thu  closed\n"
        "  fri  09:00-12:30, 14:00-18:00\n"
        "  sat  10:00-13:00\n"
        "  sun  10:00-13:00\n"
        "Holidays: 12 days, 2026 (holidays 0.X: DE-BY).\n"
        "Closed next: 2026-01-06, 2026-01-09, 2026-04-03, 2026-04-06, 2026-05-01.\n"
    )
    assert shop("complaint", "calendar", "show") == told
    assert json.loads(shop("complaint", "calendar", "show", "--format", "json"))["version"] == 2


def test_calendar_without_the_library_says_what_to_install(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    said = shop.refused(2, "complaint", "calendar", "set", "--country", "FR")
    assert "pip install 'custledger[calendar]'" in said


def test_without_a_calendar_the_commands_say_what_they_assume(shell: Shell, clock: Clock) -> None:
    shell("init")
    shell("add", "customer", "Ann")
    shown = shell.run("complaint", "open", "Ann", "--channel", "phone", "--summary", "x")
    assert shown.code == 0
    assert shown.err == (
        "No opening hours are set: the clock takes Monday to Friday, 9:00 to 17:00, and no "
        "holidays. Set yours: custledger complaint calendar set.\n"
    )
    assert "Holidays: none are loaded." in shell("complaint", "calendar", "show")
