"""The page of a dossier: what happened, in order, with its evidence; a function of the bytes.

Whoever checks a dossier renders the page anew and compares, so it cannot say anything else than the
entries do. It has no scripts and loads nothing; pictures are within it. Whenever what it writes
changes, ``PAGE_VERSION`` goes up by one. A dossier's ``verify.py`` holds this module.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

from custledger.core.dossier.content import (
    CUSTOMER,
    ERASED,
    THIRD_PARTY,
    WITHHELD,
    Dossier,
    HeadProof,
)
from custledger.core.dossier.story import Item, counts, moment_of, story
from custledger.core.dossier.style import STYLE
from custledger.core.dossier.words import printable, told
from custledger.core.trail.seals import SealBody
from custledger.core.words import count, moment_in_words, words
from custledger.errors import BadInputError

__all__ = ["PAGE_VERSION", "ReadFile", "customer_name", "render"]

PAGE_VERSION: Final = 1

ReadFile = Callable[[str], Iterable[bytes]]
"""Gives the bytes of a file of evidence, in chunks."""

_MOST_INLINE: Final = 8 << 20
_MOST_INLINE_IN_ALL: Final = 64 << 20
_MOST_TEXT: Final = 20_000
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF8", "gif", "image/gif"),
    (b"RIFF", "webp", "image/webp"),
)
_TEXTS: Final = frozenset(("txt", "csv", "eml"))
_FOR: Final = {
    "owner": "For the owner of the firm: everything that was recorded.",
    CUSTOMER: (
        "For the customer: everything that was recorded about you. Notes among staff are left out, "
        "and staff are named by their role; where something is left out, the page says so."
    ),
    THIRD_PARTY: (
        "For a third party: what belongs to the chosen period. Notes among staff and what lies "
        "outside the period are left out; where something is left out, the page says so."
    ),
}


def render(dossier: Dossier, checkpoint: str, read: ReadFile) -> Iterator[str]:
    """The page as HTML, piece by piece; ``checkpoint`` is the signed note, if there is one."""
    yield from _Page(dossier, checkpoint, read).parts()


def customer_name(dossier: Dossier) -> str:
    """The customer's latest name that the dossier shows, or the beginning of the id."""
    name = ""
    for item in story(dossier):
        if item.header.kind == "customer" and isinstance(item.body.get("name"), str):
            name = item.body["name"] or name
    return printable(name) or f"customer {dossier.subject[:8]}"


class _Page:
    """One page: the dossier, and how much of its pictures is within the page so far."""

    def __init__(self, dossier: Dossier, checkpoint: str, read: ReadFile) -> None:
        self._dossier = dossier
        self._checkpoint = checkpoint
        self._read = read
        self._inline = 0
        self._people = dict(dossier.people)
        self._seal = None if dossier.seal is None else _seal_of(dossier.seal)
        moves = ((move.seq, _seal_of(move)) for move in dossier.moves)
        self._sealed = [(seq, seal.sealed_at) for seq, seal in moves if seal is not None]

    def parts(self) -> Iterator[str]:
        yield from self._head()
        yield "<h2>What happened</h2>\n"
        for absent, items in groupby(story(self._dossier), key=_left_out):
            if absent:
                yield _gap(list(items))
            else:
                for item in items:
                    yield from self._entry(item)
        yield from self._who()
        yield from self._proof()
        yield "</body>\n</html>\n"

    def _head(self) -> Iterator[str]:
        d = self._dossier
        title = f"Dossier: {customer_name(d)}"
        yield (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{_html(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        )
        yield f'<h1>{_html(title)}</h1>\n<p class="lead">{_html(_FOR[d.audience])}</p>\n'
        yield f'<p class="lead">Made on {_html(self._moment(d.made_at))}.{self._period()}</p>\n'
        yield self._numbers()
        yield (
            "<p>These are the firm's entries as they were recorded, in the words of its staff. "
            "An entry never changes: a correction is a new entry, and the old one stays "
            "readable.</p>\n"
        )
        yield _HOW_TO_CHECK if self._seal else _UNSEALED

    def _period(self) -> str:
        start, end = self._dossier.period
        if start is None and end is None:
            return ""
        since = "" if start is None else f" from {self._moment(start)}"
        until = "" if end is None else f" until before {self._moment(end)}"
        return _html(f" Chosen period:{since}{until}.")

    def _numbers(self) -> str:
        d, absent = self._dossier, counts(self._dossier)
        after = len(d.entries) - (d.seal.seq if d.seal else 0)
        found = [(len(d.entries), "entries, numbered without a gap")]
        found += [(len(d.files()), "files of evidence")]
        found += [(after, "entries not sealed yet")] if after else []
        found += [(absent[WITHHELD], "parts left out of this dossier")] if absent[WITHHELD] else []
        found += [(absent[ERASED], "parts erased for good")] if absent[ERASED] else []
        listed = "".join(f"<li><b>{number:,}</b> {what}</li>" for number, what in found)
        return f'<ul class="numbers">{listed}</ul>\n'

    def _entry(self, item: Item) -> Iterator[str]:
        header = item.header
        said = told(header.kind, _news(item), header.supersedes, self._moment)
        past = " past" if item.superseded_by else ""
        yield (
            f'<article class="entry{past}" id="e{header.seq}">\n<p class="when">'
            f"<span>{_html(self._moment(moment_of(header)))}</span>"
            f"<span>#{header.seq}</span></p>\n<h3>{_html(said.title)}</h3>\n"
        )
        yield from _changes(item)
        if said.summary:
            yield f'<p class="account" dir="auto">{_html(said.summary)}</p>\n'
        if said.customer_words:
            yield (
                f'<blockquote><p dir="auto">{_html(said.customer_words)}</p>'
                "<footer>In the customer's words</footer></blockquote>\n"
            )
        yield _facts([*said.facts, *self._handled_by(item)])
        if item.staff_note:
            yield (
                f'<div class="staff"><p class="said" dir="auto">{_html(item.staff_note)}</p>'
                '<p class="meta">Note among staff</p></div>\n'
            )
        yield from _absences(item)
        yield from self._files(item)
        for evidence in item.evidence:
            yield from self._evidence(evidence)
        yield f'<p class="meta">{_html(self._recorded(item))}</p>\n</article>\n'

    def _evidence(self, item: Item) -> Iterator[str]:
        """A piece of evidence, below the entry that it belongs to."""
        header = item.header
        said = told(header.kind, item.body, header.supersedes, self._moment)
        past = ' class="past"' if item.superseded_by else ""
        yield f'<figure id="e{header.seq}"{past}>\n<figcaption>{_html(said.title)}'
        yield f" (#{header.seq}). {_html(self._recorded(item))}</figcaption>\n"
        yield from _changes(item)
        yield from _absences(item)
        yield from self._files(item)
        yield "</figure>\n"

    def _files(self, item: Item) -> Iterator[str]:
        for name in sorted(item.entry.parts):
            file = item.entry.parts[name].file
            if file:
                yield self._shown(file)
                yield f'<p class="meta"><a href="{_html(file)}">{_html(file)}</a></p>\n'

    def _shown(self, file: str) -> str:
        """A picture or a text within the page; nothing for what only a program can open."""
        ending = file.rpartition(".")[2]
        if ending in _TEXTS:
            data = _beginning(self._read(file), 4 * _MOST_TEXT + 4)
            text = data.decode("utf-8", errors="replace")
            more = "\n[...] The rest is in the file." if len(text) > _MOST_TEXT else ""
            return f'<pre dir="auto">{_html(text[:_MOST_TEXT] + more)}</pre>\n'
        for magic, its_ending, media_type in _PICTURES:
            if ending == its_ending:
                data = _beginning(self._read(file), _MOST_INLINE + 1)
                fits = self._inline + len(data) <= _MOST_INLINE_IN_ALL
                if data.startswith(magic) and len(data) <= _MOST_INLINE and fits:
                    self._inline += len(data)
                    coded = b64encode(data).decode()
                    return f'<img alt="{_html(file)}" src="data:{media_type};base64,{coded}">\n'
        return ""

    def _handled_by(self, item: Item) -> list[tuple[str, str]]:
        who = item.body.get("staff")
        if not isinstance(who, str) or who == item.header.actor:
            return []
        return [("Handled by", self._name(who))]

    def _recorded(self, item: Item) -> str:
        header = item.header
        said = f"Recorded by {self._name(header.actor)}, {self._moment(header.recorded_at)}"
        said += ", by an import" if header.import_batch else ""
        sealed = next((at for seq, at in self._sealed if header.seq <= seq), None)
        said += "; not sealed yet" if sealed is None else f"; sealed {self._moment(sealed)}"
        return f"{said}. Hash {item.entry.hash.hex()[:16]}..."

    def _name(self, who: str) -> str:
        person = self._people.get(who)
        if person is None:
            return f"staff {who[:8]}"
        return person.name or f"staff ({words(person.role)})"

    def _moment(self, moment: int) -> str:
        return moment_in_words(moment, self._dossier.clock.offset(moment))

    def _who(self) -> Iterator[str]:
        if self._people:
            rows = [
                (person.name or "name left out", f"{words(person.role)}, {who[:8]}")
                for who, person in self._dossier.people
            ]
            yield "<h2>Who recorded it</h2>\n" + _facts(rows)
            yield '<p class="meta">As the firm states it; the proof does not cover names.</p>\n'

    def _proof(self) -> Iterator[str]:
        d = self._dossier
        rows = [("Ledger", d.ledger), ("Customer", d.subject)]
        if d.entries:
            rows.append((f"Hash of entry #{len(d.entries)}", d.entries[-1].hash.hex()))
        if self._seal is not None and d.seal is not None:
            sealed = moment_in_words(self._seal.sealed_at)
            rows += [
                ("Seal", f"number {self._seal.n}, {sealed}, over {_customers(self._seal)}"),
                ("Last entry sealed", f"#{d.seal.seq}"),
            ]
        rows += [("Key, as the firm states", key) for key in d.keys]
        yield "<h2>What the proof rests on</h2>\n" + _facts(rows)
        if self._checkpoint:
            yield f"<p>The checkpoint:</p>\n<pre>{_html(self._checkpoint)}</pre>\n"
        yield _LIMITS


_HOW_TO_CHECK: Final = (
    "<p>Do not take this page's word for it. With Python 3.9 or newer, and a checkpoint that the "
    "firm published before and that you have from elsewhere:</p>\n"
    "<pre>python verify.py dossier.zip checkpoint.txt</pre>\n"
    "<p>It finds whether anything was changed, left out or added since then, in the entries, in "
    "the evidence or on this page.</p>\n"
)
_UNSEALED: Final = (
    '<p class="notice">No entry of this dossier is sealed yet: it can only be checked against '
    "itself, with <code>python verify.py dossier.zip</code>.</p>\n"
)
_LIMITS: Final = (
    '<footer class="end"><p>What a check shows: that these entries were recorded in this order, '
    "that none was changed, taken out or put in since it was sealed, and that the evidence is what "
    "was attached then. What it does not: that an entry was true when it was recorded, when things "
    "happened before they were recorded, and the names of people.</p></footer>\n"
)


def _seal_of(proof: HeadProof) -> SealBody | None:
    try:
        return SealBody.from_bytes(proof.body.encode())
    except BadInputError:
        return None


def _left_out(item: Item) -> bool:
    """Whether there is nothing to show of an entry but that it is there."""
    parts = item.entry.parts.values()
    return all(part.absent == WITHHELD for part in parts) and not item.evidence


def _news(item: Item) -> Mapping[str, Any]:
    """The facts; when it became known is left out where it was recorded at once."""
    body = item.body
    if body.get("known_at") == item.header.recorded_at:
        return {name: value for name, value in body.items() if name != "known_at"}
    return body


def _gap(items: Sequence[Item]) -> str:
    seqs = sorted(item.header.seq for item in items)
    listed = ", ".join(f"#{seq}" for seq in seqs[:20]) + (", ..." if len(seqs) > 20 else "")
    said = count(len(seqs), "entry", "entries")
    verb = "is" if len(seqs) == 1 else "are"
    return f'<p class="gap">Here {said} {verb} left out of this dossier ({listed}).</p>\n'


def _changes(item: Item) -> Iterator[str]:
    header, later = item.header, item.superseded_by
    if header.supersedes is not None and header.kind != "void":
        yield f'<p class="notice">Corrects <a href="#e{header.supersedes}">'
        yield f"#{header.supersedes}</a>.</p>\n"
    if later is not None:
        how = "Taken back" if item.void else "Corrected"
        yield f'<p class="notice">{how} by <a href="#e{later}">#{later}</a>; it no longer '
        yield "counts.</p>\n"


def _absences(item: Item) -> Iterator[str]:
    for why, said in ((WITHHELD, "Left out of this dossier"), (ERASED, "Erased for good")):
        names = ", ".join(_PARTS.get(name, name) for name in item.absent(why))
        by = ", ".join(f"#{seq}" for seq in item.erased_by) if why == ERASED else ""
        see = f" (see {by})" if by else ""
        if names:
            yield f'<p class="notice">{said}: {_html(names)}{see}.</p>\n'


_PARTS: Final = {"shared": "what was recorded", "staff": "a note among staff", "content": "a file"}


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<dt>{_html(label)}</dt><dd dir="auto">{_html(text)}</dd>\n' for label, text in rows
    )
    return f"<dl>\n{listed}</dl>\n" if listed else ""


def _customers(seal: SealBody) -> str:
    return count(seal.heads.count, "chain")


def _beginning(chunks: Iterable[bytes], size: int) -> bytes:
    """The first bytes of a file, without reading the rest."""
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) >= size:
            break
    return bytes(found[:size])


def _html(text: str) -> str:
    return escape(printable(text))
