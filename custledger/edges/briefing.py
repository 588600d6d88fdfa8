"""The briefing: what staff need to know about everyone flagged, in respectful words.

Its figures are those of the statement, which do not fade from day to day, so that the text, and
its digest, change only when something was learned. It names no contact points, quotes nobody, and
leaves the score's figures out: staff need to know what happened, not a number about a person.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from custledger.core.records import Conduct, Interaction, MoneyEntry, Purpose, StaffRole
from custledger.core.score import Fit
from custledger.edges.wording import count, day_in_words, hours, local_day, short_id, words
from custledger.ledger import Ledger

__all__ = ["BriefedCustomer", "Briefing", "briefing"]

_WIDTH: Final = 88
_MOST_ENTRIES: Final = 12


@dataclass(frozen=True)
class BriefedCustomer:
    """What is known of one customer: the money, the incidents, and how to deal with them.

    ``kind`` is what the flag rests on: cost, conduct, both or combined. ``entries`` are the numbers
    of the entries in the customer's chain that it rests on.
    """

    customer_id: UUID
    name: str
    kind: str
    evidence: str
    known: tuple[str, ...]
    guidance: tuple[str, ...]
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Briefing:
    """A text for staff as of a day; ``digest`` names its content, whatever the day.

    ``digest`` is the SHA-256, in hexadecimal, of the text without its title and without the version
    of the score policy: the same content has the same digest on every day.
    """

    title: str
    text: str
    as_of: date
    policy_version: int
    customers: tuple[BriefedCustomer, ...]
    digest: str

    def __str__(self) -> str:
        return self.text


def briefing(ledger: Ledger, as_of: date | None = None) -> Briefing:
    """The briefing on everyone flagged as of a day (default today).

    >>> import custledger
    >>> with custledger.open_ledger(":memory:", actor="Olivia") as ledger:
    ...     print(briefing(ledger, date(2026, 6, 30)).title)
    Briefing for staff, 30 June 2026
    """
    day = as_of or ledger.today()
    rows = ledger.scores(as_of=day)
    told = tuple(
        _customer(ledger, ledger.score(UUID(row.customer_id), as_of=day))
        for row in rows
        if row.flag
    )
    policy = ledger.score_policies.current()
    watched = sum(row.watch for row in rows)
    content = "\n\n".join(
        [
            _opening(told, policy.margin is None, watched),
            *(_section(customer, number) for number, customer in enumerate(told, start=1)),
            _closing(_owners(ledger)),
        ]
    )
    title = f"Briefing for staff, {day_in_words(day)}"
    heading = f"{title}\n{'=' * len(title)}"
    return Briefing(
        title=title,
        text=f"{heading}\n\n{content}\n\nScore policy: version {policy.version}.\n",
        as_of=day,
        policy_version=policy.version,
        customers=told,
        digest=hashlib.sha256(content.encode()).hexdigest(),
    )


def _customer(ledger: Ledger, fit: Fit) -> BriefedCustomer:
    adverse = _adverse(ledger, fit)
    return BriefedCustomer(
        customer_id=fit.customer_id,
        name=fit.name,
        kind=fit.kind,
        evidence=fit.evidence,
        known=(*_incidents(ledger, fit, adverse), *_money(fit)),
        guidance=tuple(_guidance(fit, adverse)),
        entries=tuple(sorted({seq for reason in fit.reasons for seq in reason.entries})),
    )


_Adverse = list[Interaction | MoneyEntry]


def _adverse(ledger: Ledger, fit: Fit) -> _Adverse:
    """The incidents; what was our own fault, and no abuse, is not among them."""
    seqs = {s for reason in fit.reasons if reason.code == "conduct" for s in reason.entries}
    if not seqs:
        return []
    entries: _Adverse = [*ledger.interactions.of(fit.customer_id)]
    entries += ledger.money.of(fit.customer_id)
    return [entry for entry in entries if entry.id.seq in seqs]


def _incidents(ledger: Ledger, fit: Fit, adverse: _Adverse) -> Iterator[str]:
    if not adverse:
        return
    standing = fit.standing
    yield (
        f"Incidents on {count(standing.adverse_days, 'day')} in "
        f"{count(standing.adverse_months, 'calendar month')}, {_witnesses(fit, adverse)}."
    )
    kinds = sorted(Counter(map(_sort_of, adverse)).items(), key=lambda item: (-item[1], item[0]))
    yield "Recorded as: " + ", ".join(f"{kind} ({number})" for kind, number in kinds) + "."
    days = sorted(local_day(entry.occurred_at, ledger.zone) for entry in adverse)
    yield f"First on {day_in_words(days[0])}, last on {day_in_words(days[-1])}."


def _witnesses(fit: Fit, adverse: _Adverse) -> str:
    """Who says so; what the payments show counts as one witness."""
    shown = any(isinstance(entry, MoneyEntry) for entry in adverse)
    staff = fit.standing.witnesses - shown
    said = f"reported by {count(staff, 'member', 'members')} of staff" if staff else ""
    return " and ".join(filter(None, (said, "shown by the payments" if shown else "")))


def _sort_of(entry: Interaction | MoneyEntry) -> str:
    if isinstance(entry, MoneyEntry):
        return words(entry.kind)
    if entry.conduct is not Conduct.NONE:
        return words(entry.conduct)
    return "payment reminder" if entry.purpose is Purpose.COLLECTION else words(entry.purpose)


def _money(fit: Fit) -> Iterator[str]:
    s = fit.statement
    time = s.time_cost - s.time_cost_ours
    yield f"Staff time in all: {hours(s.handling_time)}; {time} of its cost is counted."
    losses = (
        ("refunded", s.refunds),
        ("taken back through the bank", s.chargebacks),
        ("written off", s.write_offs),
        ("overdue", s.overdue),
    )
    lost = ", ".join(f"{amount} {how}" for how, amount in losses if amount.minor)
    yield f"Revenue: {s.revenue}{'; ' + lost if lost else ''}. Net contribution: {s.net}."


_ALWAYS: Final = (
    "Record each contact as it was, the good ones too, with the customer's own words apart."
)
_IF_HARSH: Final = (
    "Stay courteous and calm. You need not bear abuse: say so once, then you may end the contact.",
    "Say what can be done and by when; prefer writing. Ask a colleague to join if you wish.",
)
_IF_COSTLY: Final = (
    "Help as you would help anyone; agree at the start how much time there is.",
    "Offer what answers the question for good: a written answer, or a paid session.",
)
_IF_RETURNING: Final = "Refunds and returns: kindly, and as our terms say. Ask before going beyond."
_IF_OWING: Final = "Payment: mention it once, kindly, and offer to sort it out; prepayment is fine."
_HARSH: Final = frozenset(Conduct) - {Conduct.NONE, Conduct.POLICY_ABUSE, Conduct.DECEPTION}


def _guidance(fit: Fit, adverse: _Adverse) -> Iterator[str]:
    """How to deal with them, for what was recorded and for nothing else."""
    contacts = [entry for entry in adverse if isinstance(entry, Interaction)]
    if any(contact.conduct in _HARSH for contact in contacts):
        yield from _IF_HARSH
    if fit.kind != "conduct":
        yield from _IF_COSTLY
    if any(_is_return(contact) for contact in contacts) or fit.statement.refunds.minor:
        yield _IF_RETURNING
    s = fit.statement
    if s.overdue.minor or s.write_offs.minor or s.chargebacks.minor:
        yield _IF_OWING
    yield _ALWAYS


def _is_return(contact: Interaction) -> bool:
    misused = contact.conduct in (Conduct.POLICY_ABUSE, Conduct.DECEPTION)
    return misused or contact.purpose is Purpose.REFUND_REQUEST


def _opening(told: tuple[BriefedCustomer, ...], no_margin: bool, watched: int) -> str:
    if told:
        people = count(len(told), "customer is", "customers are")
        said = (
            f"{people} flagged as a bad fit: even read cautiously, their entries cost more than "
            "they bring, or show incidents beyond what we tolerate. That is no verdict on anybody "
            "as a person, and decides nothing: serve them until a named person decides otherwise."
        )
    elif no_margin:
        said = (
            "Nobody is flagged, and nobody can be: the gross margin on sales is not set yet. Set "
            "it with `custledger policy set --margin 0.4` (40 %, say)."
        )
    else:
        said = (
            "Nobody is flagged: no customer's entries show enough, on enough days and from enough "
            "witnesses. Everybody is served as usual."
        )
    if watched and not told:
        said += f" On watch, for want of evidence, and accused of nothing: {watched}."
    return _paragraph(said)


def _section(customer: BriefedCustomer, number: int) -> str:
    heading = f"{number}. {customer.name} ({short_id(customer.customer_id)})"
    lines = [heading, "-" * len(heading), f"Flagged for {_KINDS[customer.kind]}."]
    lines += ["What is known:", *_items(customer.known)]
    lines += [_paragraph(f"Evidence: {customer.evidence}. Entries: {_numbers(customer.entries)}.")]
    return "\n".join([*lines, "How to deal:", *_items(customer.guidance)])


_KINDS: Final = {
    "cost": "cost: the time and losses exceed what the sales earn",
    "conduct": "conduct: incidents on several days, in several months",
    "both": "cost and conduct, each by itself",
    "combined": "cost and conduct taken together, neither by itself",
}


def _closing(owners: str) -> str:
    return _paragraph(
        "The flags come from a score, and a score informs; a named person decides, gives reasons, "
        "and can be overruled. What was our fault is not held against anybody. If you know better, "
        f"or something here is wrong, tell {owners}: an entry can be corrected."
    )


def _owners(ledger: Ledger) -> str:
    names = [s.name for s in ledger.staff.all() if s.role is StaffRole.OWNER and s.active]
    return " or ".join(names) if names else "the owner"


def _numbers(seqs: tuple[int, ...]) -> str:
    shown = ", ".join(f"#{seq}" for seq in seqs[-_MOST_ENTRIES:])
    more = len(seqs) - _MOST_ENTRIES
    return f"{shown} and {more} earlier" if more > 0 else shown


def _items(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield textwrap.fill(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH)
