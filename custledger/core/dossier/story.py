"""What a dossier's entries have to do with each other: corrections, voids, erasures, evidence.

A dossier's ``verify.py`` holds this module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from custledger.core.canonical import parse_canonical
from custledger.core.dossier.content import ERASED, WITHHELD, Dossier, DossierEntry, Period
from custledger.core.trail.chain import Header
from custledger.errors import BadInputError

__all__ = ["Item", "about_of", "body_of", "chosen", "counts", "moment_of", "story"]


class Item(NamedTuple):
    """An entry in the story, with what later entries did to it and the evidence for it.

    ``superseded_by`` is the number of the entry that corrects it, or takes it back (``void``).
    """

    entry: DossierEntry
    body: Mapping[str, Any]
    staff_note: str = ""
    superseded_by: int | None = None
    void: bool = False
    erased_by: tuple[int, ...] = ()
    evidence: tuple[Item, ...] = ()

    @property
    def header(self) -> Header:
        """The entry's header."""
        return self.entry.header

    def absent(self, why: str) -> list[str]:
        """The parts that are withheld, or erased."""
        return sorted(name for name, part in self.entry.parts.items() if part.absent == why)


def moment_of(header: Header) -> int:
    """When it happened; when it was recorded, where that is all that is known."""
    return header.recorded_at if header.occurred_at is None else header.occurred_at


def body_of(entry: DossierEntry, part: str = "shared") -> dict[str, Any]:
    """The facts in a part; none where it is not here, or is no canonical JSON."""
    found = entry.parts.get(part)
    try:
        return parse_canonical(found.text.encode()) if found and found.text else {}
    except BadInputError:
        return {}


def about_of(body: Mapping[str, Any]) -> int | None:
    """The number of the entry that a piece of evidence belongs to, or of the mail it came with."""
    seq = body.get("interaction", body.get("from_mail"))
    return seq if type(seq) is int else None


def chosen(
    headers: Sequence[Header], period: Period, about: Mapping[int, int | None]
) -> frozenset[int]:
    """The numbers of the entries of a period, and of what belongs to them.

    An entry comes with all its corrections and what takes it back, with the evidence for it and
    with what erased it, whenever that was: half of a story would mislead. Who the customer is
    comes always. ``about`` maps pieces of evidence to the entries they belong to.
    """
    first = _firsts(headers)
    kept = {
        first[header.seq]
        for header in headers
        if period.has(moment_of(header)) or header.kind == "customer"
    }
    for header in headers:
        named = [*header.erases, *filter(None, [about.get(header.seq)])]
        if any(first.get(seq) in kept for seq in named):
            kept.add(first[header.seq])
    return frozenset(header.seq for header in headers if first[header.seq] in kept)


def story(dossier: Dossier) -> list[Item]:
    """The entries in the order in which things happened, each with the evidence for it."""
    items = {item.header.seq: item for item in _items(dossier.entries)}
    below: dict[int, list[Item]] = {}
    for seq in sorted(items):
        shown_at = _shown_at(items, about_of(items[seq].body) or 0)
        if items[seq].header.kind == "evidence" and shown_at is not None:
            below.setdefault(shown_at, []).append(items[seq])
    nested = {item.header.seq for found in below.values() for item in found}
    top = [
        item._replace(evidence=tuple(below.get(seq, ())))
        for seq, item in items.items()
        if seq not in nested
    ]
    return sorted(top, key=lambda item: (moment_of(item.header), item.header.seq))


def _items(entries: Sequence[DossierEntry]) -> Iterable[Item]:
    later = {
        entry.header.supersedes: entry.header
        for entry in entries
        if entry.header.supersedes is not None
    }
    erasures = [entry.header for entry in entries if entry.header.erases]
    for entry in entries:
        after = later.get(entry.header.seq)
        note = body_of(entry, "staff").get("staff_note", "")
        yield Item(
            entry=entry,
            body=body_of(entry),
            staff_note=note if isinstance(note, str) else "",
            superseded_by=None if after is None else after.seq,
            void=after is not None and after.kind == "void",
            erased_by=tuple(e.seq for e in erasures if entry.header.seq in e.erases)
            if any(part.absent == ERASED for part in entry.parts.values())
            else (),
        )


def _shown_at(items: Mapping[int, Item], seq: int) -> int | None:
    """The newest state of the entry that evidence belongs to: there it is shown."""
    if seq not in items or items[seq].header.kind == "evidence":
        return None
    later = items[seq].superseded_by or 0
    while later > seq and not items[seq].void:
        seq, later = later, items[later].superseded_by or 0
    return seq


def _firsts(headers: Sequence[Header]) -> dict[int, int]:
    """Of each entry, the first of its line of corrections."""
    first: dict[int, int] = {}
    for header in headers:
        first[header.seq] = first.get(header.supersedes or 0, header.seq)
    return first


def counts(dossier: Dossier) -> dict[str, int]:
    """How many parts are withheld, and how many erased."""
    parts = [part for entry in dossier.entries for part in entry.parts.values()]
    return {why: sum(part.absent == why for part in parts) for why in (WITHHELD, ERASED)}
