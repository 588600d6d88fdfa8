"""A dossier's seals, and the checkpoints from outside that it is held against."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custledger.core.canonical import canonical_bytes
from custledger.core.dossier.check import CHECKPOINT, check
from custledger.core.dossier.content import DossierEntry
from custledger.core.trail.notes import Note, Signature, VerifierKey
from custledger.core.trail.seals import SealBody
from custledger.errors import BadInputError
from tests.core.dossiers import Firm, Members, codes, forged, judged, story


@pytest.fixture(scope="module")
def firm() -> Firm:
    return story()


@pytest.fixture
def members(firm: Firm) -> Members:
    return firm.members()


def test_entries_that_were_sealed_and_published_cannot_be_written_anew_by_who_holds_the_key(
    firm: Firm,
) -> None:
    """A newer seal over rewritten entries continues the published ones, and does not hold."""
    rewritten = deepcopy(firm)
    forger = Firm()
    for entry in firm.entries:
        forger.add(entry.header.kind, {"summary": "The customer shouted."})
    rewritten.entries, rewritten.files = forger.entries, {}
    rewritten.seal()
    published = firm.checkpoint(1)
    assert codes(rewritten.members(), published) == {"head-wrong"}
    without = rewritten.dossier()._replace(moves=rewritten.moves()[2:], heads=())
    checked = judged(rewritten.members(without), published)
    assert checked.verdict == "not compared"
    assert "older than all entries" in checked.doubts[0]


def _later(firm: Firm, entries: int) -> Firm:
    """The firm that took some of its first entries over into another story, under old seals."""
    other = deepcopy(firm)
    other.entries, other.files = other.entries[:entries], {}
    return other


@pytest.fixture
def told() -> Firm:
    """Two entries sealed, then two more: what was published covers all four."""
    made = Firm()
    made.add("customer", {"name": "Ann"})
    made.add("interaction", {"channel": "phone", "summary": "asks for a quote"})
    made.seal()
    made.add("interaction", {"channel": "phone", "summary": "the firm insults Ann"})
    made.add("interaction", {"channel": "phone", "summary": "Ann complains"})
    made.seal()
    return made


@pytest.mark.parametrize("anew", [False, True])
def test_published_entries_cannot_be_dropped_or_written_anew_by_leaving_a_move_out(
    told: Firm, anew: bool
) -> None:
    published, forger = told.checkpoint(2), _later(told, 2)
    if anew:
        forger.add("interaction", {"channel": "phone", "summary": "Ann insults the firm"})
    forger.others = 6
    forger.seal()
    moves = forger.moves()
    told_moves = (moves[0], moves[2]) if anew else (moves[0],)
    honest, older = forger.older_heads()[0], forger.proof(1)
    assert older is not None
    stale = older._replace(body=forger.seals[1].to_bytes().decode())
    for heads, verdict in (
        (forger.older_heads(), "broken"),
        ((honest,), "not compared"),
        ((), "not compared"),
        ((honest, stale), "broken"),
    ):
        dossier = forger.dossier()._replace(moves=told_moves, heads=heads)
        checked = judged(forger.members(dossier), published, (forger.key,))
        assert checked.verdict == verdict
        assert checked.compared_to is None


def test_end_of_the_chain_in_a_published_seal_that_is_not_shown_is_a_doubt(told: Firm) -> None:
    told.add("interaction", {"channel": "chat"})
    told.seal()
    dossier = told.dossier()._replace(heads=told.older_heads()[:1])
    members = told.members(dossier)
    assert judged(members, told.checkpoint(1)).verdict == "holds"
    assert judged(members, told.checkpoint(3)).verdict == "holds"
    checked = judged(members, told.checkpoint(2))
    assert (checked.verdict, checked.compared_to) == ("not compared", None)
    assert "does not show where this customer's chain ended in seal 2" in checked.doubts[0]
    assert "custledger dossier --checkpoint" in checked.doubts[0]


def test_move_that_was_left_out_is_found_by_the_ends_that_are_shown(told: Firm) -> None:
    told.add("interaction", {"channel": "chat"})
    told.seal()
    moves = told.moves()
    dossier = told.dossier()._replace(moves=(moves[0], moves[2]))
    assert codes(told.members(dossier), told.checkpoint(3)) == {"seal-wrong"}


def test_published_checkpoint_from_before_the_customer_came_says_nothing_of_it() -> None:
    made = Firm()
    made.add("customer", {"name": "Ann"})
    made.seal()
    made.add("interaction", {"channel": "chat"})
    made.seal()
    dossier = made.dossier()._replace(moves=made.moves()[1:], heads=())
    checked = judged(made.members(dossier), made.checkpoint(1))
    assert (checked.verdict, checked.compared_to) == ("not compared", None)
    assert "older than all entries of this customer, and says nothing of them" in checked.doubts[0]


def test_published_checkpoint_covers_what_was_sealed_by_then(firm: Firm, members: Members) -> None:
    assert judged(members, firm.checkpoint(1)).reaches_to == 4
    assert judged(members, firm.checkpoint(2)).reaches_to == 9


def test_damaged_signature_is_found(firm: Firm, members: Members) -> None:
    note = Note.from_text(members[CHECKPOINT].decode())
    [line] = note.signatures
    flipped = bytes([line.signature[0] ^ 1]) + line.signature[1:]
    text = note._replace(signatures=(line._replace(signature=flipped),)).to_text()
    damaged = {**members, CHECKPOINT: text.encode()}
    assert codes(forged(damaged, lambda _: None), firm.checkpoint()) == {"signature-wrong"}


def test_signature_of_another_key_than_the_one_named_is_a_doubt_that_says_whose_it_is(
    firm: Firm, members: Members
) -> None:
    other = VerifierKey("bakery.example", bytes(range(32)))
    checked = judged(members, firm.checkpoint(), (other,))
    assert (checked.verdict, checked.signed) == ("not compared", False)
    assert f"signed by {firm.key.to_text()}." in checked.doubts[0]


@pytest.mark.parametrize(
    "stored",
    [
        lambda text: f"\ufeff{text}",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip(),
        lambda text: f"{text}\n",
    ],
)
def test_published_checkpoint_may_have_been_stored_by_an_editor(
    firm: Firm, members: Members, stored: Callable[[str], str]
) -> None:
    text = stored(firm.checkpoint())
    assert judged(members, text, (firm.key,)).verdict == "holds"
    assert check(list(members), lambda n: [members[n]], text.encode()).verdict == "holds"


def test_dossier_after_a_change_of_keys_is_a_doubt_for_who_names_one_key_only(told: Firm) -> None:
    secret = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    new = VerifierKey("bakery.example", secret.public_key().public_bytes_raw())

    def signed_by_new(text: str) -> Signature:
        return Signature(new.name, new.id, secret.sign(text.encode()))

    old_note, newest = Note.from_text(told.checkpoint(1)), Note.from_text(told.checkpoint(2))
    handover = old_note._replace(
        signatures=(*old_note.signatures, signed_by_new(old_note.text))
    ).to_text()
    note = newest._replace(signatures=(signed_by_new(newest.text),)).to_text()
    dossier = told.dossier()._replace(
        keys=(told.key.to_text(), new.to_text()), handovers=(handover,)
    )
    members = {**told.members(dossier), CHECKPOINT: note.encode()}
    members = forged(members, lambda _: None)

    both = judged(members, told.checkpoint(1), (told.key, new))
    assert (both.verdict, both.signed) == ("holds", True)
    only_old = judged(members, told.checkpoint(1), (told.key,))
    assert (only_old.verdict, only_old.signed) == ("not compared", False)
    assert new.to_text() in only_old.doubts[0]
    assert "signed the first 1 seals, which cover the entries up to #2" in only_old.doubts[0]
    only_new = judged(members, told.checkpoint(1), (new,))
    assert (only_new.verdict, only_new.signed) == ("not compared", False)
    assert "name the one that signed it too" in only_new.doubts[0]

    def of_other_seals(document: dict[str, Any]) -> None:
        document["handovers"] = [_one_seal(told.entries).checkpoint()]

    assert codes(forged(members, of_other_seals), told.checkpoint(1)) == {"checkpoint-wrong"}


def test_line_of_a_named_key_that_does_not_fit_is_no_doubt_but_a_finding(
    firm: Firm, members: Members
) -> None:
    head, dash, line = firm.checkpoint().rpartition(" ")
    line = line[:40] + ("B" if line[40] != "B" else "C") + line[41:]
    found = judged(members, f"{head}{dash}{line}", (firm.key,))
    assert {problem.code for problem in found.problems} == {"signature-wrong"}
    assert not found.signed


def _one_seal(entries: list[DossierEntry]) -> Firm:
    made = Firm(entries[:1])
    made.seal()
    return made


def test_checkpoint_of_rewritten_seals_is_found(firm: Firm, members: Members) -> None:
    rewritten = Firm(firm.entries[:3])
    rewritten.seal()
    assert codes(members, rewritten.checkpoint()) == {"checkpoint-wrong"}


SEAL_CHANGES: list[dict[str, Any]] = [
    {"n": "1"},
    {"n": True},
    {"n": 0},
    {"sealed_at": "x"},
    {"sealed_at": None},
    {"sealed_at": -1},
    {"incarnation": "2"},
    {"incarnation": 0},
    {"entries": "x"},
    {"prev": "00"},
    {"prev": "00" * 32},
    {"heads": {"count": "2", "root": "00" * 32}},
    {"changes": {"count": 2, "root": "00"}},
    {"heads": []},
    {"cites": {"size": "x", "root": "00" * 32}},
    {"cites": [1]},
    {"ledger": 5},
]


@pytest.mark.parametrize("change", SEAL_CHANGES)
def test_seal_with_values_of_other_types_is_found_and_no_crash(
    firm: Firm, members: Members, change: dict[str, Any]
) -> None:
    body = canonical_bytes({**json.loads(firm.seals[0].to_bytes()), **change})
    with pytest.raises(BadInputError, match="no seal"):
        SealBody.from_bytes(body)

    def forge(document: dict[str, Any]) -> None:
        for proof in (document["seal"], document["moves"][0], document["heads"][0]):
            proof["body"] = body.decode()

    assert "seal-wrong" in codes(forged(members, forge), firm.checkpoint())


def test_second_seal_without_the_one_before_it_is_none(firm: Firm) -> None:
    body = {**json.loads(firm.seals[1].to_bytes()), "prev": ""}
    with pytest.raises(BadInputError, match="no seal"):
        SealBody.from_bytes(canonical_bytes(body))
