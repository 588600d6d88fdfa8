"""Dossiers out of a ledger, held against what was published of it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.core.trail.anchoring import AnchorCheck
from custledger.edges.dossier import verify_dossier, write_dossier
from custledger.errors import BadInputError
from tests.attacker import attack
from tests.edges.dossier_help import Case


def test_dossier_is_compared_with_the_checkpoints_that_it_was_made_for(
    firm: Case, to: Path
) -> None:
    write_dossier(firm.ledger, firm.ann, to, proofs=0)
    checked = verify_dossier(to, firm.published[0])
    assert (checked.verdict, checked.compared_to) == ("not compared", None)
    assert "does not show where this customer's chain ended in seal 1" in checked.doubts[0]
    old = f"\ufeff{firm.published[0]}".replace("\n", "\r\n").encode()
    write_dossier(firm.ledger, firm.ann, to, proofs=0, checkpoints=[old])
    checked = verify_dossier(to, old, [firm.signer.key])
    assert (checked.verdict, checked.compared_to, checked.reaches_to) == ("holds", 1, 5)


def test_dossier_is_not_made_for_checkpoints_against_which_it_would_not_hold(
    firm: Case, tmp_path: Path, to: Path
) -> None:
    with open_ledger(tmp_path / "other.sqlite", actor="Eve") as ledger:
        ledger.trail.seal(firm.signer)
        foreign = ledger.trail.checkpoint()
    assert foreign is not None
    rewritten = firm.published[1].splitlines(keepends=True)
    rewritten[2] = firm.published[0].splitlines(keepends=True)[2]
    ahead = firm.published[1].splitlines(keepends=True)
    ahead[1] = "3\n"
    for text, said in (
        (foreign, "another ledger"),
        ("".join(rewritten), "names other seals"),
        ("".join(ahead), "over 3 seals"),
        ("nonsense", "get it again from there"),
    ):
        with pytest.raises(BadInputError, match=said):
            write_dossier(firm.ledger, firm.ann, to, checkpoints=[text])
    assert list(to.parent.iterdir()) == []


def test_dossier_after_many_seals_holds_against_each_since_the_customer_came(
    firm: Case, to: Path
) -> None:
    early = len(firm.published)
    late = firm.ledger.customers.add("Zoë")
    for number in range(12):
        firm.ledger.customers.add(f"New {number}")
        who = late if number % 3 == 0 else firm.ann
        firm.ledger.interactions.record(who, channel="chat")
        firm.seal()
    for customer in (firm.ann, late):
        write_dossier(firm.ledger, customer, to)
        for size, published in enumerate(firm.published, start=1):
            checked = verify_dossier(to, published, [firm.signer.key])
            is_covered = customer is firm.ann or size > early
            assert checked.verdict == ("holds" if is_covered else "not compared"), size


class Stamping:
    """An authority whose stamps are the digest alone."""

    kind = "timestamp"
    place = "https://stamps.example"

    def publish(self, note: str) -> bytes:
        return sha256(note.encode()).digest()

    def check(self, note_text: str, token: bytes) -> AnchorCheck:
        raise AssertionError("a dossier is made without asking the authority")


def test_dossier_has_the_time_stamp_of_its_own_note_where_the_seal_was_signed_again(
    firm: Case, location: str, to: Path
) -> None:
    firm.ledger.trail.anchor(Stamping())
    write_dossier(firm.ledger, firm.ann, to)
    assert verify_dossier(to, firm.published[-1]).stamped
    # A change of keys that was asked for twice leaves a newer note over the same seal.
    note = firm.published[-1]
    again = f"{note}— other.example {note.rpartition(' ')[2]}"
    with attack(location) as attacker:
        attacker.run("INSERT INTO custledger_checkpoint (n, number, note) VALUES (2, 2, ?)", again)
    assert write_dossier(firm.ledger, firm.ann, to, keys=[firm.signer.key]).problems == ()
    assert not verify_dossier(to, note).stamped
