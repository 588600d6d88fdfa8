"""A briefing as a page: headings, paragraphs and lists, whatever it is then shown on.

Every form of it (text, HTML, mail) says the same words, which are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from custledger.core.briefings.content import AS_USUAL, CustomerBriefing, Decided, TeamBriefing
from custledger.core.dossier.words import one_line
from custledger.core.records import EntryRef
from custledger.core.words import count, day_in_words, short_id, words

__all__ = ["Briefing", "Items", "Page", "Part", "page_of", "subject_of"]

Briefing = CustomerBriefing | TeamBriefing
_MOST_ENTRIES: Final = 12
_FLAGGED: Final = {
    "cost": "Flagged for cost: the time and losses exceed what the sales earn.",
    "conduct": "Flagged for conduct: incidents on several days, in several months.",
    "both": "Flagged for cost and conduct, each by itself.",
    "combined": "Flagged for cost and conduct taken together, neither by itself.",
}


class Items(NamedTuple):
    """A list with a label; each item is a line and what belongs under it."""

    label: str
    items: tuple[tuple[str, ...], ...]


class Part(NamedTuple):
    """What stands under one heading; the first part of a page has none."""

    heading: str
    blocks: tuple[str | Items, ...]


class Page(NamedTuple):
    """A whole briefing; ``footer`` says which version it is and how to acknowledge it."""

    title: str
    parts: tuple[Part, ...]
    footer: tuple[str, ...]


def subject_of(briefing: Briefing) -> str:
    """What a briefing is about, without its day."""
    if isinstance(briefing, TeamBriefing):
        return "Briefing for staff"
    return f"Briefing on {one_line(briefing.name)} ({short_id(briefing.customer_id)})"


def page_of(briefing: Briefing) -> Page:
    """The briefing's page."""
    title = f"{subject_of(briefing)}, {day_in_words(briefing.as_of)}"
    if isinstance(briefing, TeamBriefing):
        parts = tuple(_of_team(briefing))
    else:
        parts = (Part("", tuple(_of_customer(briefing, alone=True))), _closing(briefing))
    return Page(title, parts, tuple(_footer(briefing)))


def _footer(briefing: Briefing) -> Iterator[str]:
    told = briefing.version != AS_USUAL
    named = [f"Version {briefing.version}."] if told else []
    if isinstance(briefing, TeamBriefing):
        named.append(f"Score policy: version {briefing.policy_version}.")
    if named:
        yield " ".join(named)
    if told:
        yield f"When you have read it: custledger briefing acknowledge {briefing.version}"


def _of_team(briefing: TeamBriefing) -> Iterator[Part]:
    yield Part("", tuple(_opening(briefing)))
    for number, customer in enumerate(briefing.customers, start=1):
        heading = f"{number}. {one_line(customer.name)} ({short_id(customer.customer_id)})"
        yield Part(heading, tuple(_of_customer(customer, alone=False)))
    yield _closing(briefing)


def _opening(briefing: TeamBriefing) -> Iterator[str]:
    flagged = sum(bool(customer.why) for customer in briefing.customers)
    decided = sum(bool(customer.decided) for customer in briefing.customers)
    if decided:
        people = count(decided, "customer")
        yield f"For {people}, something is decided: it holds until it lapses or is lifted."
    if flagged:
        people = count(flagged, "customer is", "customers are")
        yield (
            f"{people} flagged as a bad fit: even read cautiously, their entries cost more than "
            "they bring, or show incidents beyond what we tolerate."
            f"{_NO_VERDICT_YET if not decided else _NO_VERDICT}"
        )
    elif not briefing.can_flag:
        yield (
            "Nobody is flagged, and nobody can be: the gross margin on sales is not set yet. Set "
            "it with `custledger policy set --margin 0.4` (40 %, say)."
        )
    else:
        rest = "else " if decided else ""
        watched = (
            f" On watch, for want of evidence, and accused of nothing: {briefing.watched}."
            if briefing.watched
            else ""
        )
        yield (
            "Nobody is flagged: no customer's entries show enough, on enough days and from enough "
            f"witnesses. Everybody {rest}is served as usual.{watched}"
        )


def _of_customer(customer: CustomerBriefing, *, alone: bool) -> Iterator[str | Items]:
    if customer.as_usual:
        yield "Nothing is decided and nothing is flagged: serve them as usual."
        return
    if customer.decided:
        decided = tuple(_decided(one, customer) for one in customer.decided)
        yield Items("Decided:", decided)
    if customer.why:
        yield _FLAGGED[customer.why] + (_NO_VERDICT if alone else "")
        yield Items("What is known:", _lines(customer.known))
        yield f"Evidence: {customer.evidence}. Entries: {_numbers(customer)}."
    yield Items("How to deal:", _lines(customer.dealing))
    yield _who_to_call(customer)


_NO_VERDICT_YET: Final = (
    " That is no verdict on anybody as a person, and decides nothing: serve them until a named "
    "person decides otherwise."
)
_NO_VERDICT: Final = (
    " That is no verdict on anybody as a person, and decides nothing by itself: serve them unless "
    "a named person decided otherwise."
)


def _decided(decided: Decided, customer: CustomerBriefing) -> tuple[str, ...]:
    kind, number = words(decided.kind).capitalize(), _number(decided.ref, customer)
    until = day_in_words(decided.until)
    first = f"{kind} ({number}) by {decided.by}, until {until} unless it is extended."
    found = [first, " ".join(decided.means)]
    if decided.to_do:
        found.append(f"For staff: {decided.to_do}")
    if decided.to_say:
        found.append(f"To say to them: \u201c{decided.to_say}\u201d")
    if decided.marks:
        found.append(f"To know: {'; '.join(decided.marks)}.")
    return tuple(found)


def _who_to_call(customer: CustomerBriefing) -> str:
    call = f"Who to call, if in doubt or if it gets hard: {_names(customer.owners)}."
    return f"Who speaks with them: {customer.contact}. {call}" if customer.contact else call


def _closing(briefing: Briefing) -> Part:
    if isinstance(briefing, CustomerBriefing) and not briefing.why:
        said = "If you know better, or something here is wrong, tell "
    else:
        said = (
            "The flags come from a score, and a score informs; a named person decides, gives "
            "reasons, and can be overruled. What was our fault is not held against anybody. If you "
            "know better, or something here is wrong, tell "
        )
    return Part("", (f"{said}{_names(briefing.owners)}: an entry can be corrected.",))


def _names(names: Sequence[str]) -> str:
    return " or ".join(names) if names else "the owner"


def _numbers(customer: CustomerBriefing) -> str:
    names = [_number(ref, customer) for ref in customer.entries]
    shown = ", ".join(names[-_MOST_ENTRIES:])
    more = len(names) - _MOST_ENTRIES
    return f"{shown} and {more} earlier" if more > 0 else shown


def _number(ref: EntryRef, customer: CustomerBriefing) -> str:
    """The number of an entry; with the id where it stands under another name of the customer."""
    whose = "" if ref.subject == customer.customer_id else short_id(ref.subject)
    return f"{whose}#{ref.seq}"


def _lines(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((text,) for text in texts)
