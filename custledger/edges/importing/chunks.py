"""A chunk of read records written in one transaction: what is new enters, the rest is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

from sqlmodel import SQLModel

from custledger.core.records import EntryKind, ImportBatch, MoneyKind
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.existing import (
    VOIDED,
    Known,
    Prepared,
    differing_facts,
    known_under,
    voided_under,
)
from custledger.edges.importing.people import Customers, StaffNames
from custledger.edges.importing.records import Reading
from custledger.edges.importing.report import Difference, Tally
from custledger.edges.importing.values import RowRefusedError
from custledger.errors import BadInputError
from custledger.ledger import Ledger
from custledger.storage.drafting import Drafting
from custledger.storage.journal import Journal
from custledger.storage.tables import CustomerRow, InteractionRow, MoneyRow
from custledger.storage.targets import Target, target_ref, targets_under

__all__ = ["ChunkWriter"]

Place = tuple[type[SQLModel], str]
"""The table and the external id that together name an entry of a source."""


class ChunkWriter:
    """Writes the chunks of one import, one transaction each, as parts of one batch.

    The batch is opened with the first new entry: a file that brings nothing new leaves no trace.
    """

    def __init__(self, ledger: Ledger, reading: Reading, tally: Tally) -> None:
        self._ledger, self._context = ledger, ledger.context
        self._reading, self._tally = reading, tally
        self._source = reading.mapping.source
        self._customers = Customers(self._context, reading.mapping.customer.source)
        self._staff = StaffNames(ledger)
        self.batch: ImportBatch | None = None

    def write(self, chunk: Sequence[ReadRecord]) -> None:
        """Write a chunk: all of it or nothing."""
        with self._context.write() as journal:
            if self._reading.mapping.records:
                self._write_records(chunk, journal)
            else:
                self._write_customers(chunk, journal)

    def _write_customers(self, chunk: Sequence[ReadRecord], journal: Journal) -> None:
        source = self._reading.mapping.customer.source
        ids = [record.customer for record in chunk]
        known = known_under(journal.connection, CustomerRow, source, ids)
        drafting = Drafting(journal, self._context)
        self._customers.look_up(journal.connection, ids)
        new: dict[str, Prepared] = {}
        for record in chunk:
            try:
                found = Prepared(record, drafting.customer(record.facts))
            except BadInputError as error:
                self._tally.reject(record.line, str(error), record.row)
                continue
            if self._customers.voided(record.customer):
                self._stay_voided(record)
            elif not self._compare(found, known.get(record.customer), new.get(record.customer)):
                new[record.customer] = found
                self._customers.wait(record)
        if new:
            with self._in_batch() as batched:
                batched.append(self._customers.add(batched, new))
            self._tally.customers_added += len(new)

    def _write_records(self, chunk: Sequence[ReadRecord], journal: Journal) -> None:
        for record in chunk:
            if record.implied:
                self._customers.wait(record)
        records = [record for record in chunk if not record.implied]
        self._customers.look_up(journal.connection, (record.customer for record in records))
        # What applies to an invoice comes after it, even if both are in this chunk.
        self._write_wave([r for r in records if "applies_to" not in r.facts], journal)
        self._write_wave([r for r in records if "applies_to" in r.facts], journal)

    def _write_wave(self, records: Sequence[ReadRecord], journal: Journal) -> None:
        if not records:
            return
        known, voided = self._known(records, journal)
        wanted = list({r.facts["applies_to"] for r in records if "applies_to" in r.facts})
        targets = targets_under(journal.connection, self._context.identities, self._source, wanted)
        self._add_staff(records, known.keys() | voided, journal)
        drafting = Drafting(journal, self._context)
        new: dict[Place, Prepared] = {}
        for record in records:
            place = _place(record)
            if place in voided and place not in known:
                self._tally.add_sum(record)
                self._stay_voided(record)
                continue
            try:
                found = self._prepared(record, targets, drafting)
            except (BadInputError, RowRefusedError) as refusal:
                self._tally.reject(record.line, str(refusal), record.row)
                continue
            self._tally.add_sum(record)
            if not self._compare(found, known.get(place), new.get(place)):
                new[place] = found
        if new:
            self._add_records(list(new.values()))

    def _add_records(self, new: list[Prepared]) -> None:
        with self._in_batch() as journal:
            drafts = self._customers.add(journal, (found.record.customer for found in new))
            self._tally.customers_added += len(drafts)
            drafts += [
                found.wording.draft(self._customers.key(found.record.customer) or 0)
                for found in new
            ]
            journal.append(drafts)
        self._tally.added.update(found.record.kind for found in new)

    @contextmanager
    def _in_batch(self) -> Iterator[Journal]:
        """A journal of the same transaction whose entries belong to the batch."""
        self.open_batch()
        assert self.batch is not None
        with self._ledger.imports.writing(self.batch), self._context.write() as journal:
            yield journal

    def open_batch(self) -> None:
        """Start the batch, or take up the unfinished one of the same file and mapping."""
        if self.batch is None:
            self.batch = self._ledger.imports.start(
                source=self._source,
                file_name=self._reading.table.name,
                fingerprint=self._reading.fingerprint,
            )

    def _compare(self, found: Prepared, known: Known | None, earlier: Prepared | None) -> bool:
        """Whether the entry is there already, in the ledger or earlier in this file."""
        record = found.record
        if known is None and earlier is not None:
            same = 0 if earlier.record.customer == record.customer else -1
            kind, body, occurred_at, note = earlier.wording
            before = Known(same, kind.value, occurred_at, body, note or {})
            differing = differing_facts(before, found, 0)
        elif known is not None:
            differing = differing_facts(known, found, self._customers.key(record.customer) or 0)
        else:
            return False
        if differing:
            external_id = record.facts["external_id"]
            self._tally.differ(Difference(record.line, record.kind, external_id, differing))
        else:
            self._tally.unchanged += 1
        return True

    def _stay_voided(self, record: ReadRecord) -> None:
        """Leave out what was voided by hand, and say so: only undoing an import lets it back in."""
        external_id = record.facts["external_id"]
        self._tally.differ(Difference(record.line, record.kind, external_id, (VOIDED,)))

    def _known(
        self, records: Sequence[ReadRecord], journal: Journal
    ) -> tuple[dict[Place, Known], set[Place]]:
        """What is in the ledger under the ids of these records, and what was voided by hand."""
        known: dict[Place, Known] = {}
        voided: set[Place] = set()
        for model in (InteractionRow, MoneyRow):
            ids = [place[1] for place in map(_place, records) if place[0] is model]
            if ids:
                found = known_under(journal.connection, model, self._source, ids)
                known.update(((model, external_id), entry) for external_id, entry in found.items())
                gone = voided_under(journal.connection, model, self._source, ids)
                voided.update((model, external_id) for external_id in gone)
        return known, voided

    def _add_staff(
        self,
        records: Sequence[ReadRecord],
        there: Set[Place],
        journal: Journal,
    ) -> None:
        self._staff.look_up(journal.connection)
        names = [
            record.facts["staff"]
            for record in records
            if "staff" in record.facts
            and self._staff.get(record.facts["staff"]) is None
            and _place(record) not in there
        ]
        if names:
            with self._in_batch() as batched:
                self._tally.staff_added += self._staff.add(batched.connection, names)

    def _prepared(
        self, record: ReadRecord, targets: dict[str, Target], drafting: Drafting
    ) -> Prepared:
        """The record and its wording; BadInputError or RowRefusedError if the ledger refuses it."""
        self._customers.check(record.customer)
        facts = record.facts
        if record.kind is EntryKind.INTERACTION:
            member = self._staff.get(facts["staff"]) if "staff" in facts else None
            return Prepared(record, drafting.interaction(facts, member))
        target = facts.get("applies_to")
        if target is not None:
            key = self._customers.key(record.customer)
            facts = facts | {"applies_to": target_ref(repr(target), targets.get(target), key)}
        return Prepared(record, drafting.money(MoneyKind(record.kind.value), facts))


def _place(record: ReadRecord) -> Place:
    table = InteractionRow if record.kind is EntryKind.INTERACTION else MoneyRow
    return table, record.facts["external_id"]
