"""One person, several names: which customers may be one, on what evidence, and how strong it is.

Nothing here merges: it says what a named person may look at. What several people can share (a
household's phone, a firm's info@ mailbox, a postal address) makes nobody the same person; it is
told apart, as something shared.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple
from uuid import UUID

from custledger.core.records import ContactKind
from custledger.core.words import count

__all__ = [
    "Candidates",
    "Likeness",
    "Match",
    "Party",
    "Point",
    "SharedPoint",
    "Strength",
    "candidates_among",
    "is_role_mailbox",
    "likeness",
]


class Strength(StrEnum):
    """How much speaks for two customers being one; even ``strong`` proves nothing."""

    STRONG = "strong"
    FAIR = "fair"
    WEAK = "weak"


class Likeness(StrEnum):
    """How two names compare."""

    SAME = "same"
    ALIKE = "alike"
    DIFFERENT = "different"


class Point(NamedTuple):
    """A contact point in its normalised form."""

    kind: ContactKind
    normalised: str


class Party(NamedTuple):
    """What is compared of a customer; of several who are one already, that of all together."""

    id: UUID
    name: str
    points: frozenset[Point] = frozenset()
    externals: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """Two customers who may be one; ``first`` is in the ledger for longer.

    ``evidence`` says in sentences what they have in common.
    """

    first: UUID
    second: UUID
    names: tuple[str, str]
    strength: Strength
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedPoint:
    """A contact point of customers who are not taken to be one for it; ``why`` says why not."""

    kind: ContactKind
    normalised: str
    customers: tuple[UUID, ...]
    names: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who may be one person, the strongest evidence first, and what is only shared."""

    matches: tuple[Match, ...] = ()
    shared: tuple[SharedPoint, ...] = ()


_ROLE_NAMES: Final = """
    accounting accounts admin anfrage assistant billing booking bookings bonjour buchhaltung buero
    contact contabilidad direction einkauf empfang enquiries events facturation finance hallo
    hello help hola info informacion inquiries invoice invoices kontakt mail office order orders
    post postmaster purchasing reception rechnung rechnungen reservations sales secretariat
    sekretariat service shop support team verkauf verwaltung webmaster welcome zentrale
"""
_ROLES: Final = frozenset(_ROLE_NAMES.split())
"""Mailboxes of a function and not of a person (RFC 2142 names some), in the languages at hand."""
_PERSONAL: Final = frozenset((ContactKind.EMAIL, ContactKind.PHONE, ContactKind.SOCIAL))
"""What usually belongs to one person; a postal address belongs to a house."""
_MOST_HOLDERS: Final = 2
"""A contact point of more customers than this is nobody's own."""
_MOST_NAMESAKES: Final = 3
"""With nothing but a name in common, more than so many are different people."""
_ONLY_NAME: Final = "The same name."
"""Left out where there is more, which says it too."""
_ORDER: Final = tuple(Strength)
_WORDS: Final = {
    ContactKind.EMAIL: "e-mail address",
    ContactKind.PHONE: "phone number",
    ContactKind.SOCIAL: "social name",
    ContactKind.ADDRESS: "postal address",
    ContactKind.OTHER: "contact point",
}


def is_role_mailbox(address: str) -> bool:
    """Whether an e-mail address is that of a function, such as info@ or office@.

    >>> is_role_mailbox("info@example.org"), is_role_mailbox("ann@example.org")
    (True, False)
    """
    return address.partition("@")[0].partition("+")[0].casefold() in _ROLES


def likeness(one: str, other: str) -> Likeness:
    """How two names compare: regardless of case, accents, punctuation and the order of words.

    Alike are names of which one leaves words out, or has initials for them.

    >>> likeness("Ann Miller", "MILLER, Ann").value, likeness("Ann Miller", "A. Miller").value
    ('same', 'alike')
    >>> likeness("Ann Miller", "Ben Miller").value
    'different'
    """
    a, b = sorted((_words(one), _words(other)), key=len)
    if not a:
        return Likeness.DIFFERENT
    if sorted(a) == sorted(b):
        return Likeness.SAME
    return Likeness.ALIKE if len(a) > 1 and _within(a, b) else Likeness.DIFFERENT


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in letters).split()


def _within(fewer: Sequence[str], more: Sequence[str]) -> bool:
    """Whether each word is among the others, at most all but one of them as an initial."""
    left, whole = list(more), 0
    for word in sorted(fewer, key=len, reverse=True):
        found = next((w for w in left if w == word), None)
        whole += found is not None
        if found is None:
            found = next((w for w in left if 1 in (len(w), len(word)) and w[0] == word[0]), None)
        if found is None:
            return False
        left.remove(found)
    return whole > 0


def candidates_among(parties: Iterable[Party]) -> Candidates:
    """Who among these may be one; the earlier of two comes first in the order given.

    Of a contact point with many holders, each is compared with the first of the same name only.
    """
    order = {party.id: (place, party) for place, party in enumerate(parties)}
    known = [party for _, party in order.values()]
    holders = _holders(known)
    pairs: dict[tuple[UUID, UUID], list[tuple[Strength, str]]] = defaultdict(list)
    shared = []
    for point, held in holders.items():
        for one, other, strength, said in _by_point(point, held):
            pairs[one.id, other.id].append((strength, said))
        if told := _shared(point, held):
            shared.append(told)
    for one, other, said in (*_by_external(known), *_by_name(known)):
        pairs[one.id, other.id].append((Strength.WEAK, said))
    found = [_match(order[a][1], order[b][1], signs) for (a, b), signs in pairs.items()]
    found.sort(key=lambda m: (_ORDER.index(m.strength), m.names, order[m.first][0]))
    shared.sort(key=lambda s: (s.names, s.kind, s.normalised))
    return Candidates(tuple(found), tuple(shared))


def _holders(parties: Iterable[Party]) -> dict[Point, list[Party]]:
    holders: dict[Point, list[Party]] = defaultdict(list)
    for party in parties:
        for point in sorted(party.points):
            if point.normalised:
                holders[point].append(party)
    return {point: held for point, held in holders.items() if len(held) > 1}


def _by_point(point: Point, held: Sequence[Party]) -> Iterator[tuple[Party, Party, Strength, str]]:
    own = point.kind in _PERSONAL and not _why_shared(point, held)
    what = f"{_WORDS[point.kind]} ({point.normalised})"
    for one, other in _pairs_of_like_names(held):
        like = likeness(one.name, other.name)
        names = "the same name" if like is Likeness.SAME else "names that are alike"
        if own:
            strength = Strength.STRONG if like is Likeness.SAME else Strength.FAIR
            yield one, other, strength, f"The same {what}, which nobody else has, and {names}."
        else:
            strength = Strength.FAIR if like is Likeness.SAME else Strength.WEAK
            yield one, other, strength, f"The same {what}, which can be shared, and {names}."


def _pairs_of_like_names(held: Sequence[Party]) -> Iterator[tuple[Party, Party]]:
    if len(held) <= _MOST_HOLDERS + 1:
        pairs: Iterable[tuple[Party, Party]] = combinations(held, 2)
    else:  # not everybody with everybody: an info@ mailbox may have thousands of holders
        pairs = [(same[0], other) for same in _namesakes(held) for other in same[1:]]
    return (p for p in pairs if likeness(p[0].name, p[1].name) is not Likeness.DIFFERENT)


def _namesakes(parties: Iterable[Party]) -> Iterator[list[Party]]:
    by_name: dict[tuple[str, ...], list[Party]] = defaultdict(list)
    for party in parties:
        by_name[tuple(sorted(_words(party.name)))].append(party)
    return (found for words, found in by_name.items() if words and len(found) > 1)


def _why_shared(point: Point, held: Sequence[Party]) -> str:
    """Why a contact point is nobody's own, in words; empty where it may be somebody's."""
    if point.kind is ContactKind.EMAIL and is_role_mailbox(point.normalised):
        return "the mailbox of a function, not of a person"
    if point.kind not in _PERSONAL:
        return "a place where several may live or work"
    return f"held by {count(len(held), 'customer')}" if len(held) > _MOST_HOLDERS else ""


def _shared(point: Point, held: Sequence[Party]) -> SharedPoint | None:
    """What is told of a point whose holders have different names: perhaps a household."""
    first, *others = held
    if all(likeness(first.name, other.name) is not Likeness.DIFFERENT for other in others):
        return None
    why = _why_shared(point, held) or "different names, perhaps of a household"
    return SharedPoint(
        point.kind, point.normalised, tuple(p.id for p in held), tuple(p.name for p in held), why
    )


def _by_external(parties: Iterable[Party]) -> Iterator[tuple[Party, Party, str]]:
    """The same id in two sources: shops number their customers alike, so the names must fit too."""
    holders: dict[str, list[tuple[str, Party]]] = defaultdict(list)
    for party in parties:
        for source, external_id in sorted(party.externals):
            holders[external_id].append((source, party))
    for external_id, held in holders.items():
        for (source, one), (another, other) in combinations(held[: _MOST_NAMESAKES + 1], 2):
            fits = likeness(one.name, other.name) is not Likeness.DIFFERENT
            if source != another and one.id != other.id and fits:
                said = f"The id {external_id} in {source} and in {another}, and the names fit."
                yield one, other, said


def _by_name(parties: Iterable[Party]) -> Iterator[tuple[Party, Party, str]]:
    for same in _namesakes(parties):
        if len(same) <= _MOST_NAMESAKES:
            for one, other in combinations(same, 2):
                yield one, other, _ONLY_NAME


def _match(first: Party, second: Party, signs: Sequence[tuple[Strength, str]]) -> Match:
    best = min((strength for strength, _ in signs), key=_ORDER.index)
    said = [text for _, text in sorted(signs, key=lambda s: (_ORDER.index(s[0]), s[1]))]
    kept = [text for text in said if text != _ONLY_NAME] or said
    return Match(first.id, second.id, (first.name, second.name), best, tuple(dict.fromkeys(kept)))
