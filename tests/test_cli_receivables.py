"""custledger receivables: every answer as it is read at a terminal."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest

from tests.commands import Shell

# Far enough in the past that the ages do not depend on the day of the test.
DAY = ("--as-of", "2024-03-01")
ID = re.compile(r"\b[0-9a-f]{8}\b")


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller")
    shell("add", "customer", "Ben Moss")
    invoice(shell, "Ann Miller", "120", "2024-01-10")
    invoice(shell, "Ann Miller", "80", "2023-11-01")
    invoice(shell, "Ben Moss", "99", "2024-03-24", "--currency", "USD")
    paid = ("--applies-to", "#3", *at("2024-01-02"))
    shell("record", "payment", "Ann Miller", "30", *paid)
    return shell


def at(day: str) -> tuple[str, ...]:
    return ("--at", day, "--known-at", day)


def invoice(shell: Shell, who: str, amount: str, due: str, *more: str) -> None:
    issued = (date.fromisoformat(due) - timedelta(30)).isoformat()
    shell("record", "invoice", who, amount, "--due", due, *at(issued), *more)


def test_show_sets_what_is_unpaid_side_by_side(shop: Shell) -> None:
    shown = ID.sub("12345678", shop("receivables", "show", *DAY))
    assert shown == (
        "Customer      Id             Not due  1-30   31-60  61-90  Over 90        Owed\n"
        "──────────────────────────────────────────────────────────────────────────────\n"
        "Ann Miller    12345678  EUR        -     -  120.00      -    50.00  170.00 (2)\n"
        "Ben Moss      12345678  USD    99.00     -       -      -        -   99.00 (1)\n"
        "All, EUR                EUR        -     -  120.00      -    50.00  170.00 (2)\n"
        "All, USD                USD    99.00     -       -      -        -   99.00 (1)\n"
        "\n"
        "As of 1 March 2024, in days past the due date; in brackets the number of invoices.\n"
    )


def test_show_tells_where_nothing_is_unpaid(shop: Shell) -> None:
    told = shop("receivables", "show", "--as-of", "2020-01-01")
    assert told == "Nothing is unpaid as of 1 January 2020.\n"


def test_show_gives_programs_all_fields(shop: Shell) -> None:
    rows = shop("receivables", "show", *DAY, "--format", "csv").splitlines()
    assert rows[0] == (
        "customer_id,name,currency,invoices,not_due,days_1_30,days_31_60,days_61_90,over_90,total,"
        "disputed"
    )
    assert rows[1].endswith(
        ",Ann Miller,EUR,2,0.00 EUR,0.00 EUR,120.00 EUR,0.00 EUR,50.00 EUR,170.00 EUR,0"
    )
    found = json.loads(shop("receivables", "show", *DAY, "--format", "json"))
    assert found["lines"][2] == {
        "currency": "EUR",
        "age": "31_60",
        "count": 1,
        "amount": {"amount": "120.00", "currency": "EUR"},
    }


def test_due_lists_steps_and_says_that_none_is_taken(shop: Shell) -> None:
    shown = ID.sub("12345678", shop("receivables", "due", *DAY))
    assert shown == (
        "Customer      Id        Step      Due since   Invoices        Owed\n"
        "──────────────────────────────────────────────────────────────────\n"
        "Ann Miller    12345678  reminder  2023-11-08         2  170.00 EUR\n"
        "\n"
        "A step is taken by a person, and then recorded: custledger receivables step CUSTOMER STEP."
        " Look at\nthe statement first: custledger receivables statement CUSTOMER.\n"
    )
    assert shop("receivables", "due", "--as-of", "2020-01-01") == "No step is due.\n"
    rows = shop("receivables", "due", *DAY, "--format", "csv").splitlines()
    assert rows[0] == "customer_id,name,step,due_on,invoices,owed"
    assert rows[1].endswith(",Ann Miller,reminder,2023-11-08,2,170.00 EUR")
    assert json.loads(shop("receivables", "due", *DAY, "--format", "json"))[0]["next"]["due"]


def test_statement_tells_a_whole_story(shop: Shell) -> None:
    told = shop(
        "receivables", "step", "Ann Miller", "reminder", "--summary", "a friendly mail",
        "--staff-note", "she was surprised", "--at", "2024-02-01",
    )  # fmt: skip
    assert told == "Recorded as Ann Miller#5: reminder, about #3, #2, 170.00 EUR owed.\n"
    told = shop(
        "receivables", "dispute", "Ann Miller#2", "--reason", "corked wine",
        "--customer-words", "I do not pay for vinegar.", "--at", "2024-02-03",
    )  # fmt: skip
    assert told == (
        "Recorded as #6: 120.00 EUR of Ann Miller#2 is left out of what is asked for until the "
        "dispute is settled.\n"
    )
    told = shop("receivables", "statement", "Ann Miller", *DAY)
    assert told == (
        "Ann Miller, as of 1 March 2024. Something is overdue.\n"
        "\n"
        "Unpaid:\n"
        "  #3  50.00 EUR of 80.00 EUR, due 1 November 2023, 121 days past due\n"
        "\n"
        "Disputed, and not asked for:\n"
        "  #2  120.00 EUR, due 10 January 2024, 51 days past due\n"
        "\n"
        "Steps taken:\n"
        "  #5  1 February 2024, reminder, 170.00 EUR owed: a friendly mail\n"
        "\n"
        "Disputes:\n"
        "  #6  3 February 2024, invoice #2, 120.00 EUR: corked wine "
        '"I do not pay for vinegar."; open\n'
        "\n"
        "Next: The step call has been due since 15 February 2024: 1 invoice, 50.00 EUR, the oldest "
        "121 days past its due date.\n"
    )
    assert "1 invoice with an open dispute left out." in " ".join(
        shop("receivables", "show", *DAY).split()
    )
    told = shop(
        "receivables", "settle", "Ann Miller#2", "--outcome", "not_upheld", "--reason", "tasted"
    )
    assert told == "Settled: Ann Miller#2, not upheld.\n"
    told = shop("receivables", "void", "Ann Miller#5", "--reason", "another customer")
    assert told == "Voided: Ann Miller#5. The history keeps it.\n"
    rows = shop("receivables", "statement", "Ann Miller", *DAY, "--format", "csv").splitlines()
    assert len(rows) == 3
    found = json.loads(shop("receivables", "statement", "Ann Miller", *DAY, "--format", "json"))
    assert found["next"]["step"] == "reminder"
    history = " ".join(shop("history", "Ann Miller").split())
    assert "she was surprised" not in history
    assert 'invoice #2 disputed, 120.00 EUR: corked wine, customer: "I do not pay' in history
    assert "dispute #6 not upheld: tasted" in history


def test_exemption_is_recorded_and_ended(shop: Shell) -> None:
    until = "2100-01-01"
    told = shop(
        "receivables", "exempt", "Ann Miller", "--until", until, "--reason", "ill", "--invoice",
        "#2",
    )  # fmt: skip
    assert told == (
        "Recorded as Ann Miller#5: no step before 1 January 2100. To end it before: custledger "
        "receivables end-exemption 'Ann Miller#5' --reason ...\n"
    )
    told = shop("receivables", "end-exemption", "Ann Miller#5", "--reason", "well again")
    assert told == "Ended: Ann Miller#5.\n"
    history = " ".join(shop("history", "Ann Miller").split())
    assert "no step about #2 before 2100-01-01: ill" in history
    assert "exemption #5 ended: well again" in history


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("step", "Ann Miller", "call"),
            "The next step is reminder, not call: steps are taken in their order, and none is "
            "skipped.",
        ),
        (
            ("exempt", "Ann Miller", "--until", "2020-01-01", "--reason", "ill"),
            "1 January 2020 is not in the future: an exemption ends on a later day.",
        ),
        (
            ("settle", "Ann Miller#2", "--outcome", "upheld", "--reason", "x"),
            "No dispute of that invoice is open.",
        ),
        (
            ("set-ladder", "--step", "reminder=7", "--step", "call=5"),
            "The steps reminder and call are due after 7 and 5 days: the stricter one must come "
            "later.",
        ),
    ],
)
def test_refusal_is_told_with_its_reason_and_nothing_is_written(
    shop: Shell, words: tuple[str, ...], told: str
) -> None:
    before = shop("export")
    shown = shop.run("receivables", *words)
    assert (shown.code, shown.out) == (1, f"{told}\nNothing was written.\n")
    assert shop("export") == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set-ladder", "--step", "reminder"), "takes a step and a value"),
        (("set-ladder", "--step", "sue=8"), "Use one of: reminder, call"),
        (("set-ladder", "--step", "call=soon"), "not a whole number"),
        (("set-ladder", "--step", "call=8", "--minimum", "reminder=5"), "no step reminder"),
        (("set-ladder", "--step", "call=8", "--minimum", "call=x"), "not a number"),
        (("dispute", "Ann Miller#4", "--reason", "x"), "no current invoice"),
        (("dispute", "Ann", "--reason", "x"), "is not an entry"),
        (("step", "Ann Miller", "reminder", "--write-off"), "Only the step write_off"),
        (("exempt", "Ann Miller", "--until", "2100-01-01", "--reason", " "), "reason"),
    ],
)
def test_bad_input_is_refused_in_one_line(shop: Shell, words: tuple[str, ...], told: str) -> None:
    assert told in shop.refused(2, "receivables", *words)


def test_ladder_is_shown_and_set(shop: Shell) -> None:
    assert shop("receivables", "ladder") == (
        "Step             Days past due  From        Invoices\n"
        "────────────────────────────────────────────────────\n"
        "reminder                     7  any amount         1\n"
        "call                        21  any amount         1\n"
        "prepayment only             30  any amount         1\n"
        "collection                  60  any amount         1\n"
        "write-off                  180  any amount         1\n"
        "\n"
        "The built-in ladder; the firm has set none. A contact with the tag hardship pauses it for "
        "30 days. A\nstep is proposed, and taken by a person.\n"
    )
    told = shop(
        "receivables", "set-ladder", "--step", "reminder=7", "--step", "write-off=90",
        "--minimum", "reminder=20", "--minimum", "reminder=25 USD", "--invoices", "reminder=2",
        "--hardship-days", "0", "--effective", "2100-01-01", "--reason", "our terms",
    )  # fmt: skip
    assert told == "Set: version 1, from 1 January 2100 on.\n"
    assert shop("receivables", "ladder", "--as-of", "2100-01-01") == (
        "Step       Days past due  From                    Invoices\n"
        "──────────────────────────────────────────────────────────\n"
        "reminder               7  20.00 EUR or 25.00 USD         2\n"
        "write-off             90  any amount                     1\n"
        "\n"
        "Version 1, in force from 1 January 2100 on. The tag hardship does not pause it. A step is "
        "proposed,\nand taken by a person.\n"
    )
    found = json.loads(shop("receivables", "ladder", "--format", "json"))
    assert found["version"] == 0
    assert "ladder, version 1, from 2100-01-01: reminder after 7 days, write-off after" in " ".join(
        shop("history").split()
    )


def test_steps_up_to_the_write_off_say_what_they_do_not_do(shop: Shell) -> None:
    days = ("2023-11-10", "2023-12-01", "2024-01-02", "2024-02-20")
    told = [
        shop("receivables", "step", "Ann Miller", step, "--at", day)
        for step, day in zip(
            ("reminder", "call", "prepayment-only".replace("-", "_"), "collection"),
            days,
            strict=True,
        )
    ]
    assert told[2] == (
        "Recorded as Ann Miller#7: prepayment only, about #3, 50.00 EUR owed.\n"
        "\n"
        "This records that prepayment was proposed. It binds nobody until a named person has "
        "decided it, with\nreasons that the customer can appeal against.\n"
    )
    told.append(shop("receivables", "step", "Ann Miller", "write_off", "--at", "2024-07-01"))
    assert "Nothing was written off: record what you give up" in told[-1]
    shop("receivables", "void", "Ann Miller#9", "--reason", "we give it up")
    told.append(shop("receivables", "step", "Ann Miller", "write_off", "--write-off"))
    assert told[-1] == (
        "Recorded as Ann Miller#11: write-off, about #3, #2, 170.00 EUR owed.\n"
        "Written off: Ann Miller#12.\nWritten off: Ann Miller#13.\n"
    )
