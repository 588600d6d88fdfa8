"""custledger erase, hold, holds, release, purge and erasures."""

from __future__ import annotations

import pytest

from custledger import open_ledger
from tests.commands import Shell


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org")
    shell("record", "interaction", "Ann Miller", "--channel", "phone", "--summary", "a secret")
    return shell


def test_erase_says_what_will_go_and_what_went(shop: Shell) -> None:
    shown = shop.run("erase", "Ann Miller", "--ground", "objection", "--yes")
    assert shown.code == 0
    assert "all about Ann Miller: customer (1), interaction (1)." in shown.err
    assert "Art. 17(1)(c) GDPR" in shown.err
    assert shown.out == "Erased 2 entries; entry #3 records it.\n"
    assert b"a secret" not in (shop.folder / "custledger.sqlite").read_bytes()
    assert "No customer" in shop.refused(3, "erase", "Ann Miller", "--ground", "objection", "--yes")


def test_erase_does_nothing_unless_somebody_says_yes(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = shop.run("erase", "Ann Miller#2", "--ground", "unlawful")
    assert shown.code == 2
    assert "Nobody is there to ask" in shown.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in ((False, 1), (True, 0)):
        monkeypatch.setattr("typer.confirm", lambda *_, answer=answer, **__: answer)
        assert shop.run("erase", "Ann Miller#2", "--ground", "unlawful").code == code
    assert "(erased)" in shop("history", "Ann Miller")


def test_erase_of_one_record_takes_it_as_commands_print_it(shop: Shell) -> None:
    told = shop("erase", "Ann Miller#2", "--ground", "unlawful", "--yes")
    assert told == "Erased 1 entry; entry #3 records it.\n"
    told = shop("erase", "Ann Miller#2", "--ground", "unlawful", "--yes")
    assert "erased already" in told
    shown = shop.run("erase", "Ann Miller#1", "--ground", "unlawful", "--yes")
    assert shown.code == 2
    assert "Erase the person" in shown.err


def test_hold_stands_against_an_erasure_until_it_is_released(shop: Shell) -> None:
    assert "legal hold #3" in shop("hold", "Ann Miller", "--reason", "a court asks")
    assert "Ann Miller, since" in shop("holds")
    shown = shop.run("erase", "Ann Miller", "--ground", "objection", "--yes")
    assert shown.code == 1
    assert "The legal hold #3 stands (a court asks)" in shown.out
    assert "entry #4 records the refusal" in shown.out
    assert shop("release", "Ann Miller#3", "--reason", "over") == "Released: Ann Miller#3.\n"
    assert shop("holds") == ""
    shop("erase", "Ann Miller", "--ground", "objection", "--yes")


def test_purge_finds_nothing_left_and_says_so(shop: Shell) -> None:
    assert shop("purge") == "Nothing of what was erased is left in the files.\n"


def test_register_is_exported_and_replayed_and_what_is_none_is_refused(shop: Shell) -> None:
    shop("erase", "Ann Miller", "--ground", "objection", "--yes")
    assert shop("erasures", "export", "register") == "Wrote 1 erasure to register.\n"
    assert "Gone already: 2." in shop("erasures", "replay", "register")
    (shop.folder / "text").write_text("hello\n")
    assert "no line of a register" in shop.refused(2, "erasures", "replay", "text")
    assert "cannot be read" in shop.refused(2, "erasures", "replay", "absent")
    (shop.folder / "bytes").write_bytes(b"\xff\xfe")
    assert "not text" in shop.refused(2, "erasures", "replay", "bytes")


def test_refusal_is_recorded_with_its_ground(shop: Shell) -> None:
    words = ("--ground", "legal_claims", "--reason", "the bill is unpaid")
    assert "Art. 17(3)(e)" in shop("erasures", "refuse", "Ann Miller", *words)
    assert "legal_claims, reason: the bill" in shop("history", "Ann Miller")


def test_name_that_looks_like_an_entry_is_the_customers_and_where_both_fit_nothing_goes(
    shop: Shell,
) -> None:
    for name in ("Flat", "Flat #2", "Flat #7", "Miller/Smith GmbH", "24/7"):
        shop("add", "customer", name)
    shop("record", "interaction", "Flat", "--channel", "phone", "--summary", "a")
    words = ("--ground", "objection", "--yes")
    said = shop.refused(2, "erase", "Flat #2", *words)
    assert "names a customer, and an entry of another one" in said
    with open_ledger("custledger.sqlite", actor="Olga") as ledger:
        second, flat = ledger.customers.get("Flat #2"), ledger.customers.get("Flat")
    assert f"give the id {second.id}" in said
    assert f"write {flat.id}/2" in said
    for name in ("Flat #7", "Miller/Smith GmbH", "24/7", str(second.id)):
        assert "Erased 1 entry;" in shop("erase", name, *words)
    shown = shop.run("erase", f"{flat.id}/2", *words)
    assert shown.code == 0
    assert "one record of Flat: the interaction #2 of 20" in shown.err
    assert "Flat" in shop("ranking")


def test_evidence_goes_to_the_customer_whose_name_looks_like_an_entry(shop: Shell) -> None:
    shop("add", "customer", "Flat #7")
    shop("add", "customer", "Flat")
    shop("record", "evidence", "Flat #7", "--text", "a note")
    assert "a note" not in shop("history", "Flat")
    with open_ledger("custledger.sqlite", actor="Olga") as ledger:
        assert len(ledger.history(ledger.customers.get("Flat #7"))) == 2


def test_export_keeps_what_an_older_ledger_does_not_know_of(shop: Shell) -> None:
    """After a restore somebody exports before the register was replayed."""
    shop("backup", "older")
    shop("erase", "Ann Miller", "--ground", "objection", "--yes")
    shop("erasures", "export", "register")
    full = (shop.folder / "register").read_text()
    shop("restore", "older", "--to", "restored.sqlite")
    shown = shop.run("--ledger", "restored.sqlite", "erasures", "export", "register")
    assert (shown.code, shown.out) == (0, "Wrote 1 erasure to register.\n")
    assert "1 erasure that the file had and this ledger has not" in shown.err
    assert (shop.folder / "register").read_text() == full
    told = shop("--ledger", "restored.sqlite", "erasures", "replay", "register")
    assert "Erased again: 2 entries." in told
    shown = shop.run("--ledger", "restored.sqlite", "erasures", "export", "register")
    assert shown.out == "Wrote 2 erasures to register.\n"


def test_export_leaves_a_file_that_is_no_register_or_anothers_as_it_is(shop: Shell) -> None:
    (shop.folder / "text").write_text("hello\n")
    assert "no line of a register" in shop.refused(2, "erasures", "export", "text")
    assert (shop.folder / "text").read_text() == "hello\n"
    shop("erase", "Ann Miller", "--ground", "objection", "--yes")
    shop("erasures", "export", "register")
    shop("init", "other.sqlite")
    said = shop.refused(2, "--ledger", "other.sqlite", "erasures", "export", "register")
    assert "of another ledger" in said


def test_replay_says_what_is_newer_than_the_erasure_and_what_a_hold_keeps(shop: Shell) -> None:
    shop("backup", "older")
    shop("erase", "Ann Miller", "--ground", "objection", "--yes")
    shop("erasures", "export", "register")
    shop("restore", "older", "--to", "restored.sqlite")
    there = ("--ledger", "restored.sqlite")
    shop(*there, "record", "interaction", "Ann Miller", "--channel", "chat", "--summary", "new")
    shop(*there, "hold", "Ann Miller", "--reason", "a court asks")
    shown = shop.run(*there, "erasures", "replay", "register")
    assert shown.code == 1
    assert "Kept because a legal hold stands: 2" in shown.out
    shop(*there, "release", "Ann Miller#4", "--reason", "over")
    shown = shop.run(*there, "erasures", "replay", "register")
    assert shown.code == 1
    assert "Recorded about an erased person since, and not erased: 3" in shown.out
