"""Honest histories verify, whatever was done in whatever order; tampering with them is found.

A state machine writes, corrects, voids, erases, holds, imports, seals, hands over to new keys,
rebuilds, and goes on from backups; at any moment somebody edits, deletes, swaps or forges rows
below the seals, is found, and puts them back, so that the history goes on.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer, Interaction
from custledger.core.trail.findings import VerifyReport
from custledger.edges.backup import back_up, restore
from custledger.edges.keys import KeyFile, generate_key
from custledger.pytest_plugin import Clock
from custledger.storage import guards
from tests.attacker import Attacker, attack, found_in
from tests.postgres import Server
from tests.storage.attacks.tampering import forge_chain, tamper

MINUTE = timedelta(minutes=1)
picks = st.integers(0, 10**6)
texts = st.sampled_from(["", "asked for money", "ça suffit", "x" * 300, 'a "quoted" word', "𝄞"])
amounts = st.integers(1, 10**9)
NewPlace = Callable[[], contextlib.AbstractContextManager[str]]


class History(RuleBasedStateMachine):
    """One ledger, from its beginning to its end."""

    steps: ClassVar[int] = 0
    attacks: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.location = self._stack.enter_context(self.new_place())
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock()
        self.signers = [self._new_key()]
        self.published: list[str] = []
        self.register: list[str] = []
        self.backups: list[Path] = []
        self.ledger = self._opened()

    @staticmethod
    def new_place() -> contextlib.AbstractContextManager[str]:
        """Where the ledger is made."""
        return new_file()

    @property
    def on_sqlite(self) -> bool:
        return "://" not in self.location

    def _opened(self) -> Ledger:
        return open_ledger(self.location, actor="Olga", now=self.clock)

    def _new_key(self) -> KeyFile:
        path = self.folder / f"{len(list(self.folder.glob('*.key')))}.key"
        generate_key(path, "bakery.example")
        return KeyFile(path)

    def _later(self) -> None:
        History.steps += 1
        self.clock.advance(7 * MINUTE)

    def _customer(self, which: int) -> Customer | None:
        found = self.ledger.customers.all()
        return found[which % len(found)] if found else None

    def _interaction(self, which: int) -> Interaction | None:
        customer = self._customer(which)
        found = self.ledger.interactions.of(customer) if customer else []
        return found[which % len(found)] if found else None

    @initialize(sealed=st.booleans())
    def begin(self, sealed: bool) -> None:
        self.ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))
        self.ledger.customers.add("Ann", email="ann@example.org")
        if sealed:
            self.seal()

    @rule(which=picks)
    def add_customer(self, which: int) -> None:
        self._later()
        self.ledger.customers.add(f"Customer {which}", staff_note="new" if which % 2 else "")

    @rule(which=picks, summary=texts, behind=st.booleans())
    def record_interaction(self, which: int, summary: str, behind: bool) -> None:
        self._later()
        now = self.clock()
        if behind:  # as clocks of two machines may differ
            self.clock.set(now - 4 * MINUTE)
        if customer := self._customer(which):
            note = "was upset" if which % 3 == 0 else ""
            self.ledger.interactions.record(
                customer, channel="phone", summary=summary, staff_note=note
            )
        self.clock.set(now)

    @rule(which=picks, amount=amounts)
    def record_money(self, which: int, amount: int) -> None:
        self._later()
        if customer := self._customer(which):
            self.ledger.money.record_sale(customer, amount=Money(amount, "EUR"))

    @rule(which=picks, words=texts)
    def attach(self, which: int, words: str) -> None:
        self._later()
        if customer := self._customer(which):
            path = self.folder / "mail.txt"
            path.write_text(words * (which % 50), encoding="utf-8")
            if which % 2:
                self.ledger.evidence.attach(customer, path=path)
            else:
                self.ledger.evidence.attach(customer, text=words or "nothing")

    @rule(which=picks, words=texts)
    def correct(self, which: int, words: str) -> None:
        self._later()
        if (found := self._interaction(which)) and words and words != found.summary:
            self.ledger.interactions.correct(found, summary=words, reason="was wrong")

    @rule(which=picks)
    def correct_customer(self, which: int) -> None:
        self._later()
        if customer := self._customer(which):
            self.ledger.customers.correct(customer, name=f"Renamed {which}", reason="was wrong")

    @rule(which=picks)
    def void(self, which: int) -> None:
        self._later()
        if found := self._interaction(which):
            self.ledger.interactions.void(found, reason="not ours")

    @rule(which=picks)
    def say_something_of_the_ledger(self, which: int) -> None:
        self._later()
        self.ledger.exchange_rates.set("USD", f"0.{1 + which % 9}")

    @rule(which=picks)
    def erase_entry(self, which: int) -> None:
        self._later()
        if found := self._interaction(which):
            self.ledger.privacy.erase(found, ground="unlawful", reason="gossip")
            self.register = self.ledger.privacy.register()

    @rule(which=picks)
    def erase_person(self, which: int) -> None:
        self._later()
        if customer := self._customer(which):
            self.ledger.privacy.erase_person(customer, ground="no_longer_needed")
            self.register = self.ledger.privacy.register()

    @rule(which=picks)
    def hold(self, which: int) -> None:
        self._later()
        if customer := self._customer(which):
            self.ledger.privacy.hold(customer, reason="a claim")

    @rule(which=picks)
    def release(self, which: int) -> None:
        self._later()
        if holds := self.ledger.privacy.holds():
            self.ledger.privacy.release(holds[which % len(holds)], reason="settled")

    @rule(which=picks)
    def refuse(self, which: int) -> None:
        self._later()
        if customer := self._customer(which):
            self.ledger.privacy.refuse(customer, ground="legal_claims", reason="a claim")

    @rule(which=picks, count=st.integers(1, 4))
    def import_batch(self, which: int, count: int) -> None:
        self._later()
        batch = self.ledger.imports.start(
            source="till", file_name="till.csv", fingerprint=f"{which:064}"
        )
        with self.ledger.imports.writing(batch):
            for number in range(count):
                name, key = f"Imported {number}", f"{batch.number}.{number}"
                new = self.ledger.customers.add(name, source="till", external_id=key)
                self.ledger.money.record_sale(new, amount=Money(1 + number, "EUR"))
        self.ledger.imports.finish(batch, counts={"money": count})

    @rule(which=picks)
    def undo_import(self, which: int) -> None:
        self._later()
        finished = [b for b in self.ledger.imports.all() if b.status == "finished"]
        if finished:
            self.ledger.imports.undo(finished[which % len(finished)].number, reason="wrong file")

    @rule()
    def seal(self) -> None:
        self._later()
        if self.ledger.trail.seal(self.signers[-1]):
            self._publish()
        self._check()

    @rule()
    def hand_over_to_another_key(self) -> None:
        self._later()
        new = self._new_key()
        self.ledger.trail.rotate(self.signers[-1], new)
        self.signers.append(new)
        self._publish()

    def _publish(self) -> None:
        note = self.ledger.trail.checkpoint()
        assert note is not None
        self.published.append(note)

    @rule()
    def rebuild(self) -> None:
        self._later()
        self.ledger.rebuild()

    @rule()
    def back_up(self) -> None:
        self._later()
        if self.on_sqlite and len(self.backups) < 2:
            path = self.folder / f"backup-{self.steps}.sqlite"
            back_up(self.location, path)
            self.backups.append(path)

    @precondition(lambda self: self.backups and self.published)
    @rule()
    def go_on_from_a_backup(self) -> None:
        self._later()
        self.ledger.close()
        self.location = str(self.folder / f"restored-{self.steps}.sqlite")
        restore(self.backups.pop(), self.location, actor="Olga")
        self.ledger = self._opened()
        keys = [signer.key for signer in self.signers]
        if found_in(self.ledger, keys=keys, checkpoints=self.published[-1:]):
            signer = self.signers[-1]
            self.ledger.trail.resume(self.published[-1], reason="the disk broke", signer=signer)
        self.ledger.privacy.replay(self.register)
        if self.ledger.trail.seal(self.signers[-1]):
            self._publish()
        self._check()

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def tamper(self, data: st.DataObject) -> None:
        self._attack(lambda attacker: tamper(attacker, data))

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def forge(self, data: st.DataObject) -> None:
        self._attack(lambda attacker: forge_chain(attacker, data, self._files(attacker)))

    def _attack(self, how: Callable[[Attacker], Any]) -> None:
        """Attack what is sealed, see that it is found, and put it back."""
        History.steps += 1
        with attack(self.location) as attacker:
            done = how(attacker)
            if done is not None:
                keys = [signer.key for signer in self.signers]
                found = found_in(self.ledger, keys=keys)
                done.undo()
                assert found, done
                History.attacks += 1
        with self.ledger.context.write() as journal:
            guards.apply(journal.connection)

    def _files(self, attacker: Attacker) -> dict[str, bytes]:
        names = attacker.run("SELECT blob FROM custledger_payload WHERE blob IS NOT NULL")
        stream, read = self.ledger.context.blobs.stream, self.ledger.context.read
        return {name: b"".join(stream(read, name)) for (name,) in names}

    @rule()
    def verify(self) -> None:
        History.steps += 1
        self._check()

    def _check(self) -> VerifyReport:
        keys = [signer.key for signer in self.signers]
        report = self.ledger.verify(keys=keys, checkpoints=self.published)
        assert report.findings == ()
        assert report.sealed + report.unsealed == report.entries
        assert report.seals == len(self.ledger.trail.seals())
        if mine := self.ledger.trail.checkpoint():
            later = self.ledger.verify(keys=keys, since=mine)
            assert later.findings == ()
            assert later.unsealed == report.unsealed
        else:
            assert report.unsealed == report.entries
        return report

    def teardown(self) -> None:
        try:
            self._check()
        finally:
            self.ledger.close()
            self._stack.close()


@contextlib.contextmanager
def new_file() -> Iterator[str]:
    folder = tempfile.mkdtemp()
    try:
        yield str(Path(folder) / "ledger.sqlite")
    finally:
        shutil.rmtree(folder)


def run(place: NewPlace, histories: int, steps: int) -> None:
    class Here(History):
        @staticmethod
        def new_place() -> contextlib.AbstractContextManager[str]:
            return place()

    History.steps = History.attacks = 0
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=set(Phase) - {Phase.shrink, Phase.explain},  # each takes longer than the test
        ),
    )
    print(f"{History.steps} steps, {History.attacks} attacks")  # shown by pytest -s


def test_honest_histories_verify_and_tampering_with_them_is_found() -> None:
    run(new_file, histories=5, steps=30)


@pytest.mark.slow
def test_thousands_of_steps_on_sqlite_raise_no_false_alarm_and_hide_nothing() -> None:
    run(new_file, histories=60, steps=50)
    assert History.steps > 1_000


@pytest.mark.slow
def test_thousands_of_steps_on_postgresql_raise_no_false_alarm_and_hide_nothing(
    postgres_server: Server,
) -> None:
    run(postgres_server.database, histories=30, steps=50)
    assert History.steps > 500
