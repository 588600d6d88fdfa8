"""A small ledger with an entry of every kind and a row in every table, for tests of the trail."""

from __future__ import annotations

import hashlib
import io
from datetime import date, timedelta
from pathlib import Path

from custledger import Ledger, Money, open_ledger
from custledger.core.records import EntryKind, PolicyTopic
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.keys import KeyFile, generate_key
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key
from custledger.storage.policies import add_policy

__all__ = ["open_story", "picture", "signer_of", "tell"]


def open_story(location: str, folder: Path, *, evidence: Path | None = None) -> Ledger:
    """A new ledger at the location in which the story has been told."""
    clock = Clock()
    ledger = open_ledger(
        location, actor="Olga", now=clock, zone="Europe/Paris", region="FR", evidence=evidence
    )
    tell(ledger, clock, folder)
    return ledger


def tell(ledger: Ledger, clock: Clock, folder: Path) -> None:
    """Record the story: two years of it would show nothing more."""
    settle(ledger)
    clock.advance(timedelta(days=1))
    serve_ann(ledger, clock, folder)
    clock.advance(timedelta(days=1))
    change_mind(ledger)
    import_two_files(ledger)
    clock.advance(timedelta(days=1))
    keep_and_erase(ledger)
    deal_fairly(ledger)
    if not ledger.context.database.joins_host:  # a host's transaction cannot be sealed
        seal_twice(ledger, clock, folder)


def settle(ledger: Ledger) -> None:
    ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))
    ledger.staff.add("Web shop", role="program")
    ledger.staff.set_rate(Money(2800, "EUR"))
    ledger.exchange_rates.set("USD", "0.92")
    ledger.exchange_rates.set("GBP", "1.15", effective_on=date(2026, 1, 1))
    ledger.score_policies.set(margin=0.4)
    ledger.customers.add(
        "Ann Müller",
        email=["ann@example.org", "a.muller@example.org"],
        phone="01 23 45 67 89",
        source="shop",
        external_id="17",
        staff_note="prefers mail",
    )
    ledger.customers.add("Ben Becker", status="prospect")


def serve_ann(ledger: Ledger, clock: Clock, folder: Path) -> None:
    call = ledger.interactions.record(
        "Ann Müller",
        channel="phone",
        purpose="complaint",
        conduct="verbal_abuse",
        fault="customer",
        handling_time=timedelta(minutes=12),
        staff="Sam",
        summary="asked for money back",
        customer_words="ça suffit",
        staff_note="was upset",
        case="C1",
        product="lamp",
        cause="broken",
        tags=["hardship"],
        source="desk",
        external_id="1",
        occurred_at=clock() - timedelta(days=2),
        known_at=clock() - timedelta(hours=3),
    )
    ledger.interactions.record(
        "Ann Müller", channel="email", direction="out", source="desk", external_id="2"
    )
    invoice = ledger.money.record_invoice(
        "Ann Müller",
        amount=Money.of("100", "EUR"),
        due_on=date(2026, 2, 1),
        source="till",
        external_id="7",
    )
    for record in (ledger.money.record_payment, ledger.money.record_write_off):
        record("Ann Müller", amount=Money.of("50", "EUR"), applies_to=invoice.id)
    ledger.money.record_sale("Ben Becker", amount=Money.of("20", "USD"))
    ledger.money.record_refund("Ben Becker", amount=Money.of("5", "GBP"), goods_returned=True)
    ledger.money.record_chargeback("Ben Becker", amount=Money.of("15", "USD"), fault="customer")
    ledger.money.record_concession("Ben Becker", amount=Money.of("1", "EUR"), staff_note="fine")
    (folder / "mail.txt").write_bytes(b"a mail\n" * 20)
    ledger.evidence.attach(call, path=folder / "mail.txt", caption="what she wrote")
    ledger.evidence.attach(call, text="a note")
    ledger.evidence.attach("Ben Becker", file=io.BytesIO(b""), media_type="audio/ogg")


def change_mind(ledger: Ledger) -> None:
    call, mail = ledger.interactions.of("Ann Müller")
    ledger.interactions.correct(call, fault="ours", reason="the lamp was broken")
    ledger.interactions.correct(call, conduct="none", reason="heard the tape")
    ledger.interactions.void(mail, reason="sent to somebody else")
    ledger.customers.correct("Ben Becker", name="Ben Bäcker", status="active", reason="a typo")
    ledger.staff.deactivate("Sam")


def import_two_files(ledger: Ledger) -> None:
    for number in (1, 2):
        batch = ledger.imports.start(
            source="till", file_name=f"{number}.csv", fingerprint=str(number) * 64
        )
        with ledger.imports.writing(batch):
            cleo = ledger.customers.add(f"Cleo {number}", source="till", external_id=f"c{number}")
            ledger.money.record_sale(cleo, amount=Money.of("9.99", "EUR"))
        ledger.imports.finish(batch, counts={"money": 1})
    ledger.imports.undo(2, reason="the wrong file")


def keep_and_erase(ledger: Ledger) -> None:
    over = ledger.privacy.hold("Ben Bäcker", reason="a claim in court")
    ledger.privacy.release(over, reason="settled")
    ledger.privacy.hold("Ben Bäcker", reason="the tax office asks")
    ledger.privacy.refuse("Ben Bäcker", ground="legal_claims", reason="see the hold")
    gossip = ledger.interactions.record("Ann Müller", channel="chat", summary="of her neighbour")
    photo = ledger.evidence.attach("Ann Müller", file=io.BytesIO(b"GIF89a"), caption="of a child")
    with ledger.transaction():
        ledger.privacy.erase(gossip, ground="unlawful", reason="not about our work")
        ledger.privacy.erase(photo, ground="child")


def deal_fairly(ledger: Ledger) -> None:
    """A policy and an event, so that their tables have rows."""
    context = ledger.context
    with context.write() as journal:
        add_policy(
            journal, context, PolicyTopic.HOUSE_RULE, 1, {"text": "no shouting"}, name="calm"
        )
        ben = customer_key(journal.connection, context, "Ben Bäcker")
        body = {"event": "referred", "other": str(ledger.customers.get("Ann Müller").id)}
        append_event(journal, ben, EntryKind.REFERRAL, body)


def seal_twice(ledger: Ledger, clock: Clock, folder: Path) -> None:
    signer = signer_of(folder)
    (folder / "checkpoints").mkdir(exist_ok=True)
    for note in ("before the second seal", "after it, and not sealed"):
        ledger.trail.seal(signer)
        ledger.trail.anchor(DirectoryAnchor(folder / "checkpoints"))
        clock.advance(timedelta(hours=1))
        ledger.interactions.record("Ann Müller", channel="phone", summary=note)


def signer_of(folder: Path) -> KeyFile:
    """The key that signs the story's checkpoints; ``folder`` is where it was told."""
    path = folder / "story.key"
    if not path.exists():
        generate_key(path, "story.example")
    return KeyFile(path)


def picture(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its bytes."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not is_empty_log(file)
    }


def is_empty_log(file: Path) -> bool:
    # SQLite leaves these beside a damaged file that it was only asked to look into.
    return file.name.endswith("-shm") or (file.name.endswith("-wal") and file.stat().st_size == 0)
