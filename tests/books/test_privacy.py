"""Erasure, refusals, legal holds and the register, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.privacy.erasure import GROUNDS, REFUSALS, Ground, RefusalGround
from custledger.core.records import Customer, EntryKind, Interaction, TrailEntry
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    call = ledger.interactions.record(
        ann,
        channel="phone",
        summary="said a lot",
        customer_words="that is enough",
        staff_note="loud",
        handling_time=timedelta(minutes=5),
        source="desk",
        external_id="7",
    )
    return ledger.interactions.correct(call, summary="said even more", reason="heard the tape")


def kinds(ledger: Ledger, customer: Customer) -> list[tuple[str, int | None]]:
    return [(entry.kind.value, entry.erased_by) for entry in ledger.history(customer.id)]


def test_erased_record_is_gone_with_all_its_corrections_and_the_rest_stays(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    other = ledger.interactions.record(ann, channel="email", summary="another matter")
    outcome = ledger.privacy.erase(call, ground=Ground.UNLAWFUL, reason="not about our work")
    assert outcome.done
    assert outcome.entries == 2
    assert outcome.entry is not None
    assert ledger.interactions.of(ann) == [other]
    by = outcome.entry.seq
    assert kinds(ledger, ann) == [
        ("customer", None),
        ("interaction", by),
        ("interaction", by),
        ("interaction", None),
        ("erasure", None),
    ]
    history = ledger.history(ann)
    assert [bool(entry.facts or entry.staff_facts) for entry in history[1:3]] == [False, False]
    assert history[-1].facts == {
        "erases": [2, 3],
        "ground": "unlawful",
        "reason": "not about our work",
    }


@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_entry_of_a_line_of_corrections_names_all_of_it(
    ledger: Ledger, ann: Customer, call: Interaction, number: int
) -> None:
    ledger.interactions.void(call, reason="another customer's")
    line = ledger.history(ann)[1:]
    ledger.privacy.erase(line[number], ground="unlawful")
    assert [entry.facts for entry in ledger.history(ann)[1:4]] == [{}, {}, {}]


def test_books_say_that_a_record_was_erased(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    text = ledger.evidence.attach(ann, text="a note")
    sale = ledger.money.record_sale(ann, amount=Money.of("5", "EUR"))
    for record in (call, text, sale):
        ledger.privacy.erase(record, ground="objection")
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.interactions.get(call)
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.interactions.correct(call, summary="no", reason="no")
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.evidence.read(text)
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.money.void(sale, reason="no")


def test_erasing_twice_changes_nothing(ledger: Ledger, ann: Customer, call: Interaction) -> None:
    ledger.privacy.erase(call, ground="objection")
    before = ledger.history(ann)
    again = ledger.privacy.erase(call, ground="objection")
    assert again.done
    assert again.entry is None
    assert "erased already" in again.reasons[0]
    assert ledger.history(ann) == before


def test_payments_of_an_erased_invoice_stay_as_they_do_when_it_is_voided(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    invoice = ledger.money.record_invoice(ann, amount=Money.of("10", "EUR"), due_on=clock().date())
    payment = ledger.money.record_payment(ann, amount=Money.of("10", "EUR"), applies_to=invoice.id)
    ledger.privacy.erase(invoice, ground="unlawful")
    assert ledger.money.of(ann) == [payment]
    with pytest.raises(BadInputError, match="no current invoice"):
        ledger.money.record_payment(ann, amount=Money.of("1", "EUR"), applies_to=invoice.id)


def test_person_is_erased_with_everything_but_the_account_of_it(
    ledger: Ledger, ann: Customer, call: Interaction, tmp_path: Path
) -> None:
    ledger.customers.correct(ann, name="Ann Moller", reason="misspelt")
    (tmp_path / "tape.ogg").write_bytes(b"a tape" * 1000)
    ledger.evidence.attach(call, path=tmp_path / "tape.ogg", caption="her voice")
    void = ledger.money.record_sale(ann, amount=Money.of("5", "EUR"), source="x", external_id="1")
    ledger.money.void(void, reason="twice")
    hold = ledger.privacy.hold(ann, reason="a court asks")
    ledger.privacy.release(hold, reason="the court is done")
    refused = ledger.privacy.refuse(ann, ground="legal_obligation", reason="tax papers")
    outcome = ledger.privacy.erase_person(ann, ground="retention_ended")
    assert outcome.done
    assert outcome.files == 1
    stays = [e.kind for e in ledger.history(ann.id) if e.erased_by is None]
    assert stays == [EntryKind.ERASURE_REFUSED, EntryKind.ERASURE]
    assert outcome.entries == len(ledger.history(ann.id)) - 2
    assert ledger.history(ann.id)[refused.seq - 1].facts["reason"] == "tax papers"
    assert ledger.customers.find("Moller") == []
    assert ledger.scores() == []
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.customers.get(ann)
    with pytest.raises(NotFoundError, match="erased"):
        ledger.interactions.record(ann, channel="phone")
    assert ledger.rebuild() > 0
    assert ledger.customers.all() == []


def test_customer_without_a_name_in_the_ledger_any_more_is_erased_by_id(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.customers.void(ann, reason="a test")
    assert ledger.privacy.erase_person(ann.id, ground="no_longer_needed").entries == 2
    assert ledger.privacy.erase_person(str(ann.id), ground="no_longer_needed").entries == 0


def test_score_no_longer_counts_what_was_erased(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    assert ledger.ranking()[0].contacts == 1
    ledger.privacy.erase(call, ground="unlawful")
    assert ledger.ranking()[0].contacts == 0


def test_external_id_of_an_erased_record_makes_a_new_record(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.privacy.erase(call, ground="objection")
    new = ledger.interactions.record(ann, channel="phone", source="desk", external_id="7")
    assert new.id != call.id


def test_legal_hold_refuses_every_erasure_until_it_is_released_and_that_is_recorded(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    hold = ledger.privacy.hold(ann, reason="a court asks")
    assert ledger.privacy.holds() == ledger.privacy.holds(ann) == [hold]
    for person in (False, True):
        if person:
            outcome = ledger.privacy.erase_person(ann, ground="objection")
        else:
            outcome = ledger.privacy.erase(call, ground="objection")
        assert not outcome.done
        assert "a court asks" in outcome.reasons[0]
        assert ledger.history(ann)[-1].ref == outcome.entry
        assert ledger.history(ann)[-1].kind is EntryKind.ERASURE_REFUSED
        assert ledger.history(ann)[-1].facts["holds"] == [hold.id.seq]
    assert ledger.interactions.get(call) == call
    ledger.privacy.release(hold, reason="over")
    assert ledger.privacy.holds() == []
    assert ledger.privacy.erase_person(ann, ground="objection").done
    with pytest.raises(NotFoundError, match="was erased"):
        ledger.privacy.hold(ann.id, reason="too late")
    with pytest.raises(NotFoundError):
        ledger.privacy.release(hold, reason="twice")


def test_legal_hold_under_one_name_keeps_the_records_under_another(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    other = ledger.customers.add("A. Miller")
    ledger.matches.merge(other, into=ann, reason="she told us")
    hold = ledger.privacy.hold(other, reason="letter from her lawyer")
    outcome = ledger.privacy.erase(call, ground="objection")
    assert not outcome.done
    assert outcome.entry == ledger.history(other)[-1].ref
    assert "letter from her lawyer" in outcome.reasons[0]
    ledger.privacy.release(hold, reason="settled")
    assert ledger.privacy.erase(call, ground="objection").done


def test_account_of_erasures_and_standing_holds_are_not_erased(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    erased = ledger.privacy.erase(call, ground="objection").entry
    assert erased is not None
    refused = ledger.privacy.refuse(ann, ground="legal_claims", reason="unpaid")
    hold = ledger.privacy.hold(ann, reason="a court asks")
    for ref, why in ((erased, "stays"), (refused, "stays"), (hold.id, "Release it first")):
        with pytest.raises(BadInputError, match=why):
            ledger.privacy.erase(ref, ground="objection")
    ledger.privacy.release(hold, reason="over")
    assert ledger.privacy.erase(hold.id, ground="objection").entries == 2


def test_what_cannot_be_erased_is_refused_in_words(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    privacy = ledger.privacy
    staff = ledger.history()[1].ref
    with pytest.raises(NotFoundError, match="No customer ever"):
        privacy.erase(staff, ground="objection")
    with pytest.raises(NotFoundError, match="No customer ever"):
        privacy.erase_person(uuid4(), ground="objection")
    with pytest.raises(BadInputError, match="erase_person"):
        privacy.erase(EntryRef(ann.id, 1), ground="objection")
    with pytest.raises(BadInputError, match="erase_person"):
        privacy.erase(ann, ground="objection")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="no entry"):
        privacy.erase(EntryRef(ann.id, 99), ground="objection")
    with pytest.raises(BadInputError, match="ground"):
        privacy.erase(call, ground="because")
    with pytest.raises(BadInputError, match="needs a reason"):
        privacy.erase(call, ground="other")
    with pytest.raises(BadInputError, match="reason"):
        privacy.refuse(ann, ground="other", reason=" ")
    with pytest.raises(NotFoundError):
        privacy.erase_person("nobody", ground="objection")
    assert len(ledger.history(ann)) == 3


def test_every_ground_has_its_sentence() -> None:
    assert set(GROUNDS) == set(Ground)
    assert set(REFUSALS) == set(RefusalGround)


def test_erasures_of_a_transaction_are_kept_or_dropped_together(
    ledger: Ledger, ann: Customer, call: Interaction, tmp_path: Path
) -> None:
    (tmp_path / "tape.ogg").write_bytes(b"a tape")
    tape = ledger.evidence.attach(call, path=tmp_path / "tape.ogg")
    with pytest.raises(RuntimeError), ledger.transaction():  # noqa: PT012
        assert ledger.privacy.erase(tape, ground="objection").done
        raise RuntimeError
    assert b"".join(ledger.evidence.read(tape)) == b"a tape"
    with ledger.transaction():
        assert "custledger purge" in ledger.privacy.erase(tape, ground="objection").left[0]
        with pytest.raises(RuntimeError), ledger.transaction():  # noqa: PT012
            ledger.privacy.erase(call, ground="objection")
            raise RuntimeError
        assert not ledger.privacy.purge().done
    assert ledger.interactions.get(call) == call
    assert list((tmp_path).rglob("ledger.sqlite.evidence/*/*")) == []


def test_register_names_erasures_without_personal_data(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    outcome = ledger.privacy.erase_person(ann, ground="objection", reason="asked by letter")
    [line] = ledger.privacy.register()
    found = json.loads(line)
    history = ledger.history(ann.id)
    assert line == json.dumps(found, sort_keys=True, separators=(",", ":"))
    assert found["subject"] == str(ann.id)
    assert found["seqs"] == [1, 2, 3]
    assert outcome.entry is not None
    assert found["entry"] == outcome.entry.seq
    assert found["hash"] == history[-1].hash.hex()
    assert [entry["hash"] for entry in found["entries"]] == [e.hash.hex() for e in history[:3]]
    assert "asked by letter" not in line


def test_replay_of_what_is_gone_changes_nothing(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.privacy.erase(call, ground="objection")
    before = ledger.history(ann)
    done = ledger.privacy.replay([*ledger.privacy.register(), "", "\n"])
    assert (done.erased, done.gone, done.missing) == (0, 2, ())
    assert ledger.history(ann) == before


def test_register_that_is_none_or_anothers_is_refused_and_nothing_is_erased(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    with open_ledger(":memory:", actor="Olga") as other:
        ben = other.customers.add("Ben")
        other.privacy.erase_person(ben, ground="objection")
        [theirs] = other.privacy.register()
    for line, why in (
        ("nonsense", "no line"),
        ("{}", "no line"),
        ("[1]", "no line"),
        (theirs.replace('"v":1', '"v":2'), "Upgrade custledger"),
        (theirs.replace('"seqs":[1]', '"seqs": [1]'), "no line"),
        (theirs, "of this ledger"),
    ):
        with pytest.raises(BadInputError, match=why):
            ledger.privacy.replay([line])
    assert ledger.interactions.get(call) == call


def test_replay_reports_what_it_could_not_find_and_leaves_another_entry_of_that_number(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.privacy.erase(call, ground="objection")
    [line] = ledger.privacy.register()
    found = json.loads(line)
    stranger = uuid4()
    other = ledger.interactions.record(ann, channel="chat")
    # As after a restore that lost the erased entry.
    found["entries"][0]["seq"] = found["seqs"][0] = other.id.seq
    found["entry"] = 99  # and the erasure itself
    altered = json.dumps(found, sort_keys=True, separators=(",", ":"))
    elsewhere = line.replace(str(ann.id), str(stranger))
    done = ledger.privacy.replay([altered, elsewhere])
    assert done.erased == 0
    assert done.missing == (other.id, EntryRef(stranger, 2), EntryRef(stranger, 3))
    assert ledger.interactions.get(other) == other


def test_register_that_was_altered_erases_nothing_that_may_not_be_erased(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    """Not past a hold, not the account of an erasure, not the ledger itself, nothing to come."""
    ledger.privacy.erase(call, ground="objection")
    [line] = ledger.privacy.register()
    ben = ledger.customers.add("Ben")
    hold = ledger.privacy.hold(ben, reason="a court asks")
    before = [ledger.history(), ledger.history(ann), ledger.history(ben)]
    held = naming(line, ben.id, ledger.history(ben)[:1])
    done = ledger.privacy.replay([held])
    assert (done.erased, done.kept) == (0, (EntryRef(ben.id, 1),))
    later = naming(line, ben.id, ledger.history(ben), recorded_at=2**52)
    account = naming(line, ann.id, ledger.history(ann)[3:])
    itself = naming(line, ledger.history()[0].ref.subject, ledger.history()[:1])
    more = json.loads(line)
    more["entries"] += json.loads(account)["entries"]
    more["seqs"] += json.loads(account)["seqs"]
    for altered, why in (
        (later, "not come yet"),
        (account, "account stays"),
        (itself, "no customer"),
        (json.dumps(more, sort_keys=True, separators=(",", ":")), "altered"),
    ):
        with pytest.raises(BadInputError, match=why):
            ledger.privacy.replay([altered])
    assert [ledger.history(), ledger.history(ann), ledger.history(ben)] == before
    assert ledger.privacy.holds() == [hold]
    assert ledger.verify().findings == ()


def naming(
    line: str, subject: UUID, entries: Sequence[TrailEntry], recorded_at: int | None = None
) -> str:
    """A line of the register edited by hand, so that it names other entries."""
    found = json.loads(line) | {"subject": str(subject), "entry": 99}
    found["entries"] = [
        {"commits": {}, "hash": entry.hash.hex(), "seq": entry.ref.seq} for entry in entries
    ]
    found["seqs"] = [entry.ref.seq for entry in entries]
    found["recorded_at"] = recorded_at or found["recorded_at"]
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def test_legal_hold_that_is_newer_than_an_erasure_stands_against_its_replay(
    ledger: Ledger, ann: Customer, call: Interaction, clock: Clock
) -> None:
    """Even where the line names the hold: an erasure cannot have named what came later."""
    ledger.privacy.erase(call, ground="objection")
    [line] = ledger.privacy.register()
    clock.advance(timedelta(hours=1))
    ledger.privacy.hold(ann, reason="a court asks")
    named = [entry for entry in ledger.history(ann) if entry.kind is not EntryKind.ERASURE]
    done = ledger.privacy.replay([naming(line, ann.id, named)])
    assert (done.erased, done.gone) == (0, 2)
    assert [ref.seq for ref in done.kept] == [1, 5]


def test_one_record_is_erased_and_replayed_without_reading_the_whole_chain(
    ledger: Ledger, ann: Customer, call: Interaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain of a walk-in customer may have a hundred thousand entries."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("custledger.books.privacy.chain_of", refuse)
    monkeypatch.setattr("custledger.storage.erasing.register.chain_of", refuse, raising=False)
    assert ledger.privacy.erase(call, ground="unlawful").entries == 2
    assert ledger.privacy.replay(ledger.privacy.register()).gone == 2
