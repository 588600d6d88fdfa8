"""custledger match, due and flags."""

from __future__ import annotations

import json
import re

import pytest

from custledger import open_ledger
from tests.commands import Shell

WHY = ("--reason", "she told us")


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("policy", "set", "--margin", "0.4")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org", "--phone", "+33123456789")
    shell("add", "customer", "A. Miller", "--email", "ann@example.org")
    shell("add", "customer", "Ben Miller", "--phone", "+33123456789")
    return shell


def without_ids(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8}\b", "xxxxxxxx", text)


def test_match_list_tells_the_evidence_and_what_is_only_shared(shop: Shell) -> None:
    assert without_ids(shop("match", "list")) == (
        "Evidence  Customer               Perhaps also          Because\n"
        f"{'─' * 100}\n"
        "fair      Ann Miller (xxxxxxxx)  A. Miller (xxxxxxxx)  "
        "The same e-mail address (ann@example.org),\n"
        "                                                       "
        "which nobody else has, and names that are\n"
        "                                                       alike.\n"
        "\n"
        "Nobody is merged by a program. If you know that two are one person: "
        "custledger match merge DUPLICATE\n--into CUSTOMER --reason TEXT.\n"
        "\n"
        "Shared, perhaps by a household or a firm; by itself this makes nobody one:\n"
        "Contact       Of                      Why\n"
        f"{'─' * 77}\n"
        "+33123456789  Ann Miller, Ben Miller  Different names, perhaps of a household\n"
    )
    shown = json.loads(shop("match", "list", "Ben Miller", "--format", "json"))
    assert shown["matches"] == []
    assert shown["shared"][0]["names"] == ["Ann Miller", "Ben Miller"]
    assert shop("match", "list", "--format", "csv").startswith("first,second,names,strength")


def test_match_merge_and_unmerge_say_who_stands_for_whom(shop: Shell) -> None:
    told = without_ids(shop("match", "merge", "A. Miller", "--into", "Ann Miller", *WHY))
    assert told == (
        "Merged: Ann Miller (xxxxxxxx) stands for A. Miller (xxxxxxxx).\n"
        "Together they score 13.1 of 100 (good).\n"
    )
    again = shop.run("match", "merge", "A. Miller", "--into", "Ann Miller", *WHY)
    assert (again.code, again.out) == (1, "The two are one already: nothing is to do.\n")
    assert "Merged already: 1 person" in shop("match", "list")
    assert "one person with" in shop("history", "A. Miller")
    assert "Ann Miller" in shop("score", "A. Miller")
    assert "One person with A. Miller" in shop("explain", "ann@example.org")
    told = without_ids(shop("match", "unmerge", "A. Miller", *WHY))
    assert told == "Unmerged: A. Miller (xxxxxxxx) is a person of their own again.\n"
    shown = shop.run("match", "unmerge", "A. Miller", *WHY)
    assert (shown.code, shown.out) == (
        1,
        "The customer was not merged. There is nothing to take back.\n",
    )


def test_explain_names_the_entries_of_who_was_merged_as_commands_take_them(shop: Shell) -> None:
    shop("add", "rate", "30")
    shop("record", "interaction", "A. Miller", "--channel", "phone", "--minutes", "5")
    shop("match", "merge", "A. Miller", "--into", "Ann Miller", *WHY)
    [mark] = set(re.findall(r"[0-9a-f]{8}#2", shop("explain", "Ann Miller")))
    shop("record", "correct", mark, "--minutes", "6", "--reason", "typing error")
    found = json.loads(shop("explain", "Ann Miller", "--format", "json"))
    assert found["entries"][0]["merged_id"].startswith(mark[:8])


def test_erase_of_a_person_with_several_names_asks_for_all_of_them(shop: Shell) -> None:
    shop("match", "merge", "A. Miller", "--into", "Ann Miller", *WHY)
    words = ("--ground", "objection", "--yes")
    shown = shop.run("erase", "Ann Miller", *words)
    assert (shown.code, shown.err) == (1, "")
    assert "Ann Miller is one person with A. Miller" in shown.out
    shown = shop.run("erase", "Ann Miller", *words, "--merged-too")
    assert "all about Ann Miller and A. Miller: customer (2), merge (1)." in shown.err
    assert shown.out.startswith("Erased 3 entries; ")


def test_due_remembers_what_was_told(shop: Shell) -> None:
    assert shop("due", "--remember", "cursor") == "Nothing is due.\n"
    shop("record", "invoice", "Ann Miller", "100", "--at", "2026-01-01", "--due", "2026-01-15")
    told = shop("due", "--remember", "cursor")
    assert "Ann Miller" in told
    assert shop("due", "--remember", "cursor") == "Nothing new is due.\n"
    (shop.folder / "cursor").unlink()
    assert shop("due", "--remember", "cursor") == told


def test_due_without_a_file_says_how_to_go_on(shop: Shell) -> None:
    shown = shop.run("due")
    assert (shown.code, shown.out) == (0, "Nothing is due.\n")
    cursor = shown.err.removeprefix("Next time only what is new: custledger due --since ").strip()
    assert shop("due", "--since", cursor) == "Nothing new is due.\n"
    assert json.loads(shop("due", "--since", cursor, "--format", "json"))["items"] == []
    assert shop("due", "--format", "csv") == "passed_at,kind,key,text,customer_id,ref\n"


def test_due_with_what_is_no_cursor_is_refused_and_the_file_stays(shop: Shell) -> None:
    assert "not a cursor" in shop.refused(2, "due", "--since", "abc")
    for text in ("abc\n", "ü"):
        (shop.folder / "cursor").write_text(text, encoding="utf-8")
        assert "cursor" in shop.refused(2, "due", "--remember", "cursor")
        assert (shop.folder / "cursor").read_text(encoding="utf-8") == text
    assert "not both" in shop.refused(2, "due", "--since", "abc", "--remember", "cursor")


def test_flags_lists_who_is_flagged_and_since_when(shop: Shell) -> None:
    assert shop("flags", "--update").endswith("No flag stands.\n")
    assert shop("flags", "Ann Miller") == "Never flagged.\n"
    abuse = ("--channel", "phone", "--conduct", "verbal_abuse", "--fault", "customer")
    shop("add", "staff", "Sam")
    with open_ledger("custledger.sqlite", actor="Olga") as ledger:
        month = ledger.today().replace(day=1)
    for back in range(1, 7):
        year, number = divmod(month.year * 12 + month.month - 1 - back, 12)
        for day, staff in ((3, "Olga"), (17, "Sam")):
            at = f"{year}-{number + 1:02}-{day:02}"
            shop("record", "interaction", "Ben Miller", *abuse, "--staff", staff, "--at", at)
    told = shop("flags", "--update")
    assert told.startswith("1 flag raised, 0 cleared.\nCustomer")
    assert "Ben Miller" in told
    assert "conduct" in told
    assert shop("flags", "--update").startswith("0 flags raised, 0 cleared.\n")
    assert "raised  conduct" in shop("flags", "Ben Miller")
    assert "flag raised, for conduct: score" in shop("history", "Ben Miller")
    assert json.loads(shop("flags", "--format", "json"))[0]["raised"][0]["kind"] == "conduct"
    assert "Ben Miller is flagged, for conduct." in shop("due")
