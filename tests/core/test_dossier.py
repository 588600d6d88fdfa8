"""The dossier's format, its zip, and what a check of them finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from typing import Any

import iso4217
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.dossier.check import (
    CHECKPOINT,
    DOSSIER,
    PAGE,
    STAMP,
    VERIFIER,
    member_names,
)
from custledger.core.dossier.content import (
    CUSTOMER,
    THIRD_PARTY,
    Dossier,
    DossierPart,
    Period,
    header_from,
)
from custledger.core.dossier.zip import Member, ZipReader, local_header
from custledger.core.trail.chain import commitment
from custledger.core.words import money_in_words
from custledger.errors import BadInputError
from tests.core.dossiers import (
    DAY,
    START,
    Firm,
    Members,
    codes,
    forged,
    judged,
    judged_zip,
    story,
    zipped,
)

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def firm() -> Firm:
    return story()


@pytest.fixture
def members(firm: Firm) -> Members:
    return firm.members()


def test_dossier_holds_against_every_checkpoint_that_was_published(
    firm: Firm, members: Members
) -> None:
    for n in (1, 2):
        checked = judged(members, firm.checkpoint(n), (firm.key,))
        assert (checked.verdict, checked.problems, checked.doubts) == ("holds", (), ())
        assert (checked.compared_to, checked.signed) == (n, True)


def test_dossier_is_read_back_from_its_own_bytes(firm: Firm) -> None:
    dossier = firm.dossier()
    assert Dossier.from_bytes(dossier.to_bytes()) == dossier


def test_zip_is_rebuilt_from_its_contents_and_holds(firm: Firm, members: Members) -> None:
    data = zipped(members)
    reader = ZipReader(lambda place, size: data[place : place + size], len(data))
    read = {name: b"".join(reader.chunks(name)) for name in reader.members}
    assert read == members
    assert zipped(read) == data
    assert list(members) == member_names(firm.dossier(), stamped=False)


def test_without_a_published_checkpoint_it_was_not_compared(members: Members) -> None:
    checked = judged(members)
    assert checked.verdict == "not compared"
    assert "second argument" in checked.doubts[0]


def test_published_checkpoint_that_is_newer_asks_for_a_new_dossier(
    firm: Firm, members: Members
) -> None:
    later = deepcopy(firm)
    later.seal()
    checked = judged(members, later.checkpoint())
    assert checked.verdict == "not compared"
    assert "Ask for a new dossier" in checked.doubts[0]


def test_dossier_without_a_seal_is_consistent_with_itself_and_says_no_more() -> None:
    firm = Firm()
    firm.add("customer", {"name": "Ann", "joined_day": 20_000})
    members = firm.members()
    assert CHECKPOINT not in members
    assert judged(members).verdict == "not compared"
    assert b"No entry of this dossier is sealed yet" in members[PAGE]


def test_customers_variant_holds_without_the_notes_among_staff(firm: Firm) -> None:
    members = firm.members(firm.dossier(CUSTOMER, withheld=frozenset({"staff"})))
    assert judged(members, firm.checkpoint()).verdict == "holds"
    whole = b"".join(members.values())
    assert b"upset" not in whole
    assert b"mornings" not in whole
    assert "Left out of this dossier: a note among staff" in members[PAGE].decode()


def test_owners_variant_may_hold_back_nothing(firm: Firm) -> None:
    members = firm.members(firm.dossier(withheld=frozenset({"staff"})))
    assert codes(members, firm.checkpoint()) == {"payload-hidden"}


def test_third_partys_variant_holds_with_entries_outside_the_period_left_out(firm: Firm) -> None:
    period = Period(START + 8 * DAY, START + 30 * DAY)
    dossier = firm.dossier(THIRD_PARTY, period, frozenset({"staff"}))
    entries = [
        entry._replace(parts=dict.fromkeys(entry.parts, DossierPart(absent="withheld")))
        if entry.header.seq in (2, 3, 4, 5)
        else entry
        for entry in dossier.entries
    ]
    told = dossier._replace(entries=tuple(entries), people=dossier.people[:1])
    members = firm.members(told)
    checked = judged(members, firm.checkpoint())
    assert checked.verdict == "holds"
    assert "wobbles" not in members[PAGE].decode()
    assert "Here 2 entries are left out of this dossier (#3, #4)" in members[PAGE].decode()


def _body(seq: int, old: str, new: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        part = document["entries"][seq - 1]["parts"]["shared"]
        assert old in part["text"]
        part["text"] = part["text"].replace(old, new)

    return change


def _drop_last(document: dict[str, Any]) -> None:
    document["entries"] = document["entries"][:8]


def _drop_last_and_say_so(document: dict[str, Any]) -> None:
    document["entries"] = document["entries"][:8]
    document["seal"]["seq"] = 8


def _drop_middle(document: dict[str, Any]) -> None:
    del document["entries"][5]


def _hide(document: dict[str, Any]) -> None:
    document["entries"][8]["parts"]["shared"] = {"absent": "withheld"}


def _hide_as_erased(document: dict[str, Any]) -> None:
    document["entries"][8]["parts"]["shared"] = {"absent": "erased"}


def _hide_without_a_word(document: dict[str, Any]) -> None:
    del document["entries"][1]["parts"]["staff"]


def _head_back(document: dict[str, Any]) -> None:
    document["seal"]["seq"] = 4


def _rehash(document: dict[str, Any]) -> None:
    """Change what an entry says, and everything in the dossier that depends on it."""
    prev = None
    for entry in document["entries"]:
        header = header_from(entry["header"])
        if header.seq == 2:
            part = entry["parts"]["shared"]
            part["text"] = part["text"].replace("wobbles", "is perfect")
            digest = commitment(bytes.fromhex(part["salt"]), part["text"].encode())
            header = header._replace(commits={**header.commits, "shared": digest})
        header = header if prev is None else header._replace(prev=prev)
        entry["header"], entry["hash"] = header.to_bytes().decode(), header.hash().hex()
        prev = header.hash()


ATTACKS: list[tuple[Change, set[str]]] = [
    (_body(2, "wobbles", "is perfect"), {"payload-altered"}),
    (_drop_last, {"chain-cut"}),
    (_drop_last_and_say_so, {"head-wrong", "seal-wrong"}),
    (_drop_middle, {"chain-gap", "chain-broken", "chain-cut", "payload-missing", "head-wrong"}),
    (_hide, {"payload-hidden"}),
    (_hide_as_erased, {"payload-missing"}),
    (_hide_without_a_word, {"payload-missing"}),
    (_head_back, {"head-wrong", "seal-wrong"}),
    (_rehash, {"head-wrong"}),
]


@pytest.mark.parametrize(("attack", "found"), ATTACKS)
def test_forgery_is_found_though_all_else_was_made_to_fit_again(
    firm: Firm, members: Members, attack: Change, found: set[str]
) -> None:
    result = codes(forged(members, attack), firm.checkpoint())
    assert result
    assert result <= found


@pytest.mark.parametrize(("attack", "_found"), ATTACKS)
def test_forgery_with_the_page_left_as_it_was_is_found_by_the_page_too(
    firm: Firm, members: Members, attack: Change, _found: set[str]
) -> None:
    result = {**forged(members, attack), PAGE: members[PAGE]}
    assert "page-altered" in codes(result, firm.checkpoint())


def test_page_that_says_something_else_is_found(firm: Firm, members: Members) -> None:
    lie = members[PAGE].replace(b"wobbles", b"is perfect")
    assert codes({**members, PAGE: lie}, firm.checkpoint()) == {"page-altered"}


def test_evidence_that_was_changed_is_found(firm: Firm, members: Members) -> None:
    altered = {**members, "evidence/0002.txt": b"<b>3 legs"}
    assert codes(forged(altered, lambda _: None), firm.checkpoint()) == {"evidence-altered"}


def test_old_seal_with_its_checkpoint_is_not_compared_with_the_newer_one(firm: Firm) -> None:
    old = Firm(firm.entries[:4], firm.files, firm.seals[:1], firm.heads[:1], firm.changes[:1])
    checked = judged(old.members(), firm.checkpoint())
    assert checked.verdict == "not compared"
    assert "newer (seal 2)" in checked.doubts[0]


def test_old_checkpoint_in_a_dossier_with_the_newer_seal_is_found(
    firm: Firm, members: Members
) -> None:
    old = {**members, CHECKPOINT: firm.checkpoint(1).encode()}
    assert codes(forged(old, lambda _: None), firm.checkpoint()) == {"checkpoint-wrong"}


def test_head_moved_back_to_that_of_an_older_seal_is_found(firm: Firm, members: Members) -> None:
    proof = firm.proof(1)
    assert proof is not None

    def change(document: dict[str, Any]) -> None:
        document["entries"], document["people"] = document["entries"][:4], document["people"][:1]
        path = [digest.hex() for digest in proof.path]
        document["seal"] |= {"seq": proof.seq, "index": proof.position, "path": path}

    assert codes(forged(members, change), firm.checkpoint()) == {"head-wrong", "seal-wrong"}

    def with_its_seal(document: dict[str, Any]) -> None:
        change(document)
        document["seal"]["body"] = proof.body

    assert "seal-wrong" in codes(forged(members, with_its_seal), firm.checkpoint())


@pytest.mark.parametrize(
    ("seq", "name", "part"),
    [
        (2, "shared", {"file": "evidence/0001.bin"}),
        (3, "content", {"text": "We admit everything."}),
        (2, "shared", {"text": '{"summary": "not canonical"}'}),
        (2, "other", {"text": "{}"}),
    ],
)
def test_part_in_a_form_that_the_page_would_not_show_is_found(
    seq: int, name: str, part: dict[str, str]
) -> None:
    """Whoever holds the key may commit to it, or give what was committed to in another form."""
    made = Firm()
    made.add("customer", {"name": "Ann"})
    made.add("interaction", {"channel": "phone", "summary": "Our fault."})
    made.add("evidence", {"media_type": "text/plain", "interaction": 2}, content=b"Our fault.")
    entry = made.entries[seq - 1]
    salt = b"s" * 32
    given = DossierPart(salt, part.get("text", ""), part.get("file", ""))
    held = part.get("text", '{"summary":"Our fault."}').encode()
    header = entry.header._replace(
        commits={**entry.header.commits, name: commitment(salt, held)},
        prev=made.entries[seq - 2].hash,
    )
    made.entries[seq - 1] = entry._replace(
        header=header, hash=header.hash(), parts={**entry.parts, name: given}
    )
    made.entries = made.entries[:seq]
    made.files = {"evidence/0001.bin": held} if given.file else {}
    made.seal()
    checked = judged(made.members(), made.checkpoint(), (made.key,))
    assert "payload-altered" in {problem.code for problem in checked.problems}
    assert "in a form that no ledger writes" in checked.problems[0].message


def test_time_stamp_of_another_checkpoint_is_found(firm: Firm, members: Members) -> None:
    names = member_names(firm.dossier(), stamped=True)
    stamped = {**members, STAMP: b"DER of something else"}
    assert codes({name: stamped[name] for name in names}, firm.checkpoint()) == {"stamp-wrong"}


def test_time_stamp_that_names_the_checkpoint_is_told_and_left_to_others_to_check(
    firm: Firm, members: Members
) -> None:
    names = member_names(firm.dossier(), stamped=True)
    stamped = {**members, STAMP: b"DER" + sha256(members[CHECKPOINT]).digest() + b"DER"}
    checked = judged({name: stamped[name] for name in names}, firm.checkpoint())
    assert (checked.verdict, checked.stamped) == ("holds", True)


@pytest.mark.parametrize("name", [PAGE, VERIFIER, CHECKPOINT, "evidence/0001.png"])
def test_missing_member_is_found(firm: Firm, members: Members, name: str) -> None:
    rest = {key: value for key, value in members.items() if key != name}
    assert codes(rest, firm.checkpoint()) == {"dossier-altered"}


def test_added_member_and_another_order_are_found(firm: Firm, members: Members) -> None:
    assert codes({**members, "more.txt": b""}, firm.checkpoint()) == {"dossier-altered"}
    turned = dict(reversed(members.items()))
    assert codes(turned, firm.checkpoint()) == {"dossier-altered"}


def test_every_flipped_bit_of_a_sample_over_the_zip_is_found(firm: Firm, members: Members) -> None:
    data, published = zipped(members), firm.checkpoint()
    whole = judged_zip(data, published)
    assert whole is not None
    assert whole.verdict == "holds"
    last = len(data) - 600  # the directory, byte by byte
    for place in [*range(0, last, 97), *range(last, len(data))]:
        for bit in range(8) if place >= last else (place % 8,):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            assert judged_zip(bytes(flipped), published) is None, (place, bit)


def test_every_flipped_bit_of_the_document_is_found_though_its_checksum_fits_again(
    firm: Firm, members: Members
) -> None:
    published, step = firm.checkpoint(), 41
    for place in range(0, len(members[DOSSIER]), step):
        flipped = bytearray(members[DOSSIER])
        flipped[place] ^= 1 << (place // step) % 8
        assert codes({**members, DOSSIER: bytes(flipped)}, published), place


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_no_dossier_and_no_crash(data: bytes) -> None:
    assert judged_zip(data) is None
    with pytest.raises(BadInputError):
        Dossier.from_bytes(data)


def test_document_with_values_of_other_types_is_refused(members: Members) -> None:
    whole = json.loads(members[DOSSIER])
    for key in whole:
        for value in (None, True, -1, "x", [1], {"a": 1}, [[]], [{}]):
            if value == whole[key]:
                continue
            data = forged(members, lambda document, k=key, v=value: document.update({k: v}))
            checked = judged(data)
            assert checked.problems or (key, value) in ALLOWED


ALLOWED = [("made_at", -1), ("seals", []), ("people", []), ("keys", []), ("page", -1)]


@pytest.mark.parametrize("key", ["x\nThe signatures are those of a key that you named.", "x", ""])
def test_what_is_no_key_cannot_be_named_as_one(firm: Firm, members: Members, key: str) -> None:
    def name(document: dict[str, Any]) -> None:
        document["keys"].append(key)

    assert codes(forged(members, name), firm.checkpoint()) == {"dossier-altered"}


def test_local_header_has_the_bytes_of_the_specification() -> None:
    header = local_header(Member("a.txt", 3, 0x352441C2))
    assert header.hex(" ", -2) == (
        "504b 0304 1400 0000 0000 0000 2100 c241 2435 0300 0000 0300 0000 0500 0000 612e 7478 74"
    )


def test_amounts_have_the_decimals_of_every_currency() -> None:
    for currency in iso4217.Currency:
        if currency.exponent is not None:
            whole = money_in_words(10**currency.exponent, currency.code)
            assert whole.startswith("1.0" if currency.exponent else "1 "), currency
            assert len(whole.split()[0].partition(".")[2]) == currency.exponent
