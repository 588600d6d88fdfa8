"""The entries of a customer's chain in the words of an access report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from custledger.core.dossier.words import Told, told
from custledger.core.records import EntryKind, EntryRef, ImportBatch, TrailEntry
from custledger.core.words import words
from custledger.edges.subject_access.report import AccessEntry
from custledger.edges.subject_access.telling import Teller

__all__ = ["EntryTeller"]

_OF_EVENTS: Final = frozenset(("event", "of", "mark"))
"""What the title of an event says, and what is for programs."""
_OF_DECISIONS: Final = frozenset(
    ("ends", "flag", "incidents", "kind", "policy", "registered", "safety", "scope")
)
"""What is told in words where the decisions are."""


class EntryTeller:
    """Tells entries; ``disputed`` are those about which a contest is open."""

    def __init__(
        self, teller: Teller, batches: Mapping[UUID, ImportBatch], disputed: Collection[EntryRef]
    ) -> None:
        self._teller, self._batches, self._disputed = teller, batches, disputed

    def entries(self, chain: Sequence[TrailEntry]) -> Iterator[AccessEntry]:
        """The entries of a chain, in its order."""
        voids = {e.ref.seq for e in chain if e.kind is EntryKind.VOID}
        firsts: dict[int, int] = {}
        for entry in chain:
            seq = entry.ref.seq
            firsts[seq] = firsts.get(entry.supersedes or 0, seq)
            newest = entry.superseded_by is None and entry.kind is not EntryKind.VOID
            about = EntryRef(entry.ref.subject, firsts[seq])
            yield self._entry(entry, voids, disputed=newest and about in self._disputed)

    def _entry(self, entry: TrailEntry, voids: set[int], *, disputed: bool) -> AccessEntry:
        data = self._teller.facts(entry.facts)
        said = self._said(entry, data)
        state, by = self._state(entry, voids)
        notes, withheld = self._teller.notes(entry)
        batch = self._batches.get(entry.batch_id) if entry.batch_id else None
        return AccessEntry(
            ref=self._teller.ref(entry.ref),
            kind=entry.kind.value,
            title=said.title,
            happened_at=entry.occurred_at or entry.recorded_at,
            recorded_at=entry.recorded_at,
            recorded_by=self._teller.who(entry.actor_id),
            state=state,
            by=by,
            facts=said.facts,
            account=said.summary,
            customer_words=said.customer_words,
            notes=notes,
            withheld=withheld,
            disputed=disputed,
            imported_from="" if batch is None else f"{batch.source}, {batch.file_name}",
            data=data,
        )

    def _said(self, entry: TrailEntry, data: Mapping[str, Any]) -> Told:
        """What an entry says; of an event, to which entry it belongs."""
        hidden = _OF_EVENTS | (_OF_DECISIONS if entry.kind is EntryKind.DECISION else set())
        shown = {name: value for name, value in data.items() if name not in hidden}
        title = told(entry.kind.value, data, entry.supersedes, self._teller.moment).title
        said = told(entry.kind.value, shown, entry.supersedes, self._teller.moment)
        if entry.kind is EntryKind.VOID and entry.supersedes is not None:
            taken_back = EntryRef(entry.ref.subject, entry.supersedes)
            title = f"Entry {self._teller.ref(taken_back)} taken back"
        subject = entry.ref.subject
        rows = ((label, self._teller.refs(subject, value)) for label, value in said.facts)
        said = said._replace(facts=tuple(rows))
        if entry.facts.get("staff") not in (None, str(entry.actor_id)):
            handled = ("Handled by", str(data["staff"]))
            said = said._replace(facts=(*said.facts, handled))
        event, of = data.get("event"), data.get("of")
        if isinstance(event, str) and title == words(entry.kind.value).capitalize():
            title = f"{title}: {words(str(data.get('kind', event)))}"
        if isinstance(of, int):
            belongs = ("Belongs to", self._teller.ref(EntryRef(entry.ref.subject, of)))
            return said._replace(title=title, facts=(belongs, *said.facts))
        return said._replace(title=title)

    def _state(self, entry: TrailEntry, voids: set[int]) -> tuple[str, str]:
        def ref(seq: int) -> str:
            return self._teller.ref(EntryRef(entry.ref.subject, seq))

        if entry.erased_by is not None and not entry.facts:
            return "erased", ref(entry.erased_by)
        later = entry.superseded_by
        if later is None:
            return "current", ""
        return ("taken back" if later in voids else "corrected"), ref(later)
