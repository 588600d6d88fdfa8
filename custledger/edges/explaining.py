"""One customer's score in words and money: points that add up, and the entries they come from."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from custledger.core.money import Money
from custledger.core.records import EntryRef, Interaction, MoneyEntry
from custledger.core.score.fit import Fit, Reason
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.reasons import apportion
from custledger.core.score.statement import round_minor
from custledger.edges.tables import Column, printing, safe, table_of_rows
from custledger.edges.without import disputed, score_without
from custledger.edges.wording import (
    count,
    day_in_words,
    described,
    evidence_in_words,
    hours,
    local_day,
    short_id,
)
from custledger.ledger import Ledger
from custledger.storage.lookup import CustomerLike

__all__ = ["CitedEntry", "Explanation", "explain", "print_explanation"]

_WIDTH: Final = 100
_MOST_ENTRIES: Final = 15
_MOST_NUMBERS: Final = 8


@dataclass(frozen=True)
class CitedEntry:
    """An entry that a reason cites: its number in the customer's chain, its day, what it says.

    ``merged_id`` is the customer in whose chain it stands, where that is one who was merged.
    """

    seq: int
    on: date
    what: str
    summary: str
    customer_words: str = ""
    merged_id: UUID | None = None


@dataclass(frozen=True)
class Explanation:
    """A fit with the entries that its reasons cite; as text, ``str(explanation)``.

    ``disputed`` says what the customer disputes, and what the score would be without it;
    ``other_names`` are those of customers who were merged into this one.
    """

    fit: Fit
    entries: tuple[CitedEntry, ...]
    policy: ScorePolicy
    disputed: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()

    def __str__(self) -> str:
        out = io.StringIO()
        with printing(out, plain=True) as console:
            console.width = _WIDTH
            print_explanation(self, console)
        return out.getvalue()


def explain(ledger: Ledger, customer: CustomerLike, as_of: date | None = None) -> Explanation:
    """Why a customer's score is what it is, as of a day (default today)."""
    fit = ledger.score(customer, as_of=as_of)
    cited = {EntryRef(fit.customer_id, n) for reason in fit.reasons for n in reason.entries}
    cited |= {ref for reason in fit.reasons for ref in reason.merged_entries}
    records: list[Interaction | MoneyEntry] = []
    for who in {fit.customer_id, *(ref.subject for ref in cited)}:
        records += [*ledger.interactions.of(who), *ledger.money.of(who)]
    entries = [
        CitedEntry(
            seq=record.id.seq,
            on=local_day(record.occurred_at, ledger.zone),
            what=described(record),
            summary=record.summary,
            customer_words=record.customer_words if isinstance(record, Interaction) else "",
            merged_id=_merged(record.id, fit),
        )
        for record in records
        if record.id in cited
    ]
    policy = ledger.score_policies.get(fit.policy_version)
    shown = tuple(sorted(entries, key=lambda e: (e.on, str(e.merged_id), e.seq)))
    names = tuple(_other_names(ledger, fit))
    return Explanation(fit, shown, policy, tuple(_disputed(ledger, fit)), names)


def _other_names(ledger: Ledger, fit: Fit) -> Iterator[str]:
    for who in ledger.matches.group(fit.customer_id)[1:]:
        yield f"{ledger.customers.get(who).name} ({short_id(who)})"


def _disputed(ledger: Ledger, fit: Fit) -> Iterator[str]:
    """It counts on, so that nothing goes in silence; the score without it stands beside."""
    contests = disputed(ledger, fit.customer_id)
    for contest in contests:
        due = day_in_words(contest.due_on)
        mark = _mark(contest.entry.seq, _merged(contest.entry, fit))
        yield f'{mark}: "{contest.words}" Decide by {due}.'
    if contests:
        without = score_without(ledger, fit.customer_id, [c.entry for c in contests], fit.as_of)
        yield f"Without it the score would be {without.score:.1f}."


def _merged(entry: EntryRef, fit: Fit) -> UUID | None:
    """Whose entry it is, unless it is the customer's own."""
    return None if entry.subject == fit.customer_id else entry.subject


def _mark(seq: int, merged_id: UUID | None) -> str:
    """An entry as commands take it: by its number, after whose it is where that has to be said."""
    return f"#{seq}" if merged_id is None else f"{short_id(merged_id)}#{seq}"


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print an explanation: the figure, its reasons, the money, the entries, what is missing."""
    fit = explanation.fit
    name = f"{safe(fit.name)} ({short_id(fit.customer_id)})"
    console.print(Text(f"{name}, as of {day_in_words(fit.as_of)}", style="bold"))
    if explanation.other_names:
        console.print(Text(safe(f"One person with {', '.join(explanation.other_names)}.")))
    console.print(Text(_headline(fit)))
    _section(console, "Why: these points add up to the score")
    console.print(Padding(table_of_rows(_reason_rows(fit), _REASONS), (0, 0, 0, 2)))
    _section(console, "Money, nothing faded: these lines add up to the net contribution")
    _lines(console, _statement(explanation))
    _entries(console, explanation.entries)
    _list(console, "Disputed by the customer, and not decided yet", explanation.disputed)
    _list(console, "What is missing before it could count in full", fit.missing)
    _list(console, "Any one of these would bring it back under the line", _changes(fit))
    _list(console, "To know about these figures", fit.messages)
    console.print()
    console.print(Text(_CLOSING.format(version=fit.policy_version)))


_CLOSING: Final = (
    "Score policy: version {version}. A score informs; a named person decides, gives reasons, and "
    "can be overruled. Something is wrong? Correct the entry: the score follows."
)


def _headline(fit: Fit) -> str:
    said = f"Score {fit.score:.1f} of 100, between {fit.score_low:.1f} and {fit.score_high:.1f}: "
    if fit.flag:
        habit = " A habit: several incidents, days and months." if fit.habitual else ""
        said += f"flagged, for {_KINDS[fit.kind]}.{habit}"
    elif fit.uncorroborated:
        said += "watch. It is uncorroborated, and accuses nobody."
    elif fit.watch:
        said += "watch. It is above 50, but not surely, and accuses nobody."
    else:
        said += f"{fit.band}. The customer is not flagged, and treated like any other."
    said += f" Evidence: {evidence_in_words(fit.evidence)}."
    return f"{said} Only a lower bound above 50 can flag."


_KINDS: Final = {
    "cost": "cost",
    "conduct": "conduct",
    "both": "cost and conduct, each by itself",
    "combined": "cost and conduct together",
}


@dataclass(frozen=True)
class _Row:
    points: float
    what: str
    cites: str = ""


_REASONS: Final = (
    Column("Points", lambda row: f"{row.points:+.1f}" if row.points else "0.0", justify="right"),
    Column("Reason", lambda row: row.what, wrap=True),
    Column("Entries", lambda row: row.cites, wrap=True),
)


def _reason_rows(fit: Fit) -> list[_Row]:
    rows = [_Row(reason.points, reason.text, _numbers(reason)) for reason in fit.reasons]
    if fit.held_back:
        rows.append(_Row(-fit.held_back, "Held back: the evidence is not enough yet."))
    shown = apportion((row.points for row in rows), fit.score, 1)
    rounded = [replace(row, points=points) for row, points in zip(rows, shown, strict=True)]
    return [row for row in rounded if row.points] + [_Row(fit.score, "The score.")]


def _numbers(reason: Reason) -> str:
    marks = [_mark(ref.seq, ref.subject) for ref in reason.merged_entries]
    marks += [_mark(seq, None) for seq in reason.entries]
    shown = " ".join(marks[-_MOST_NUMBERS:])
    more = len(marks) - _MOST_NUMBERS
    return f"{shown} and {more} earlier" if more > 0 else shown


def _statement(explanation: Explanation) -> Iterator[tuple[str, Money, str]]:
    """Lines that add up to the net contribution, to the cent."""
    s, policy = explanation.fit.statement, explanation.policy
    margin = _share(s.revenue, policy.effective_margin)
    at_risk = _share(s.overdue, policy.provision)
    given = s.chargebacks + s.write_offs + s.concessions + at_risk + s.time_cost
    # Goods that come back cost the margin only, so refunds are what the other lines leave; without
    # refunds, what is left is a cent of rounding, and belongs to the margin.
    refunds = margin - given - s.net if s.refunds.minor else Money(0, s.net.currency)
    margin = s.net + given + refunds
    share = "no margin is set" if policy.margin is None else f"margin of {policy.margin:.0%}"
    lines = (
        ("Earned", margin, f"on sales of {s.revenue}, {share}"),
        ("Staff time", -s.time_cost, _time_note(explanation.fit)),
        ("Refunds", -refunds, _refund_note(s.refunds, refunds)),
        ("Chargebacks", -s.chargebacks, ""),
        ("Write-offs", -s.write_offs, ""),
        ("Concessions", -s.concessions, "not in the score"),
        ("Overdue", -at_risk, f"{policy.provision:.0%} of {s.overdue}: it may still be paid"),
    )
    yield from (line for line in lines if line[1].minor or line[0] == "Earned")
    yield "Net contribution", s.net, ""
    if s.effective_hourly is not None:
        yield "An hour brings", s.effective_hourly, "sales less losses, by staff hours"


def _refund_note(paid_back: Money, cost: Money) -> str:
    if paid_back == cost:
        return ""
    return f"{paid_back} paid back; what was returned costs its margin only"


def _share(amount: Money, share: float) -> Money:
    return Money(round_minor(amount.minor * share), amount.currency)


def _time_note(fit: Fit) -> str:
    s = fit.statement
    ours = f"; {s.time_cost_ours} charged to nobody" if s.time_cost_ours.minor else ""
    return f"{hours(s.handling_time)}{ours}"


def _lines(console: Console, rows: Iterable[tuple[str, Money, str]]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    for name, money, note in rows:
        table.add_row(name, str(money), note)
    console.print(Padding(table, (0, 0, 0, 2)))


_ENTRIES: Final = (
    Column("Entry", lambda entry: _mark(entry.seq, entry.merged_id), justify="right"),
    Column("Day", lambda entry: entry.on.isoformat()),
    Column("What", lambda entry: entry.what, wrap=True),
    Column("Account", lambda entry: _account(entry), wrap=True),
)


def _entries(console: Console, entries: tuple[CitedEntry, ...]) -> None:
    if not entries:
        return
    left_out = len(entries) - _MOST_ENTRIES
    more = f" ({left_out} earlier ones are left out here)" if left_out > 0 else ""
    _section(console, f"The entries behind it: {count(len(entries), 'entry', 'entries')}{more}")
    table = table_of_rows(entries[-_MOST_ENTRIES:], _ENTRIES)
    console.print(Padding(table, (0, 0, 0, 2)))


def _account(entry: CitedEntry) -> str:
    said = f' Customer: "{entry.customer_words}"' if entry.customer_words else ""
    return f"{entry.summary}{said}".strip()


def _changes(fit: Fit) -> tuple[str, ...]:
    return tuple(change.text for change in fit.changes)


def _list(console: Console, title: str, texts: tuple[str, ...]) -> None:
    if texts:
        _section(console, title)
        for text in texts:
            console.print(Padding(Text(f"- {safe(text)}"), (0, 0, 0, 2), expand=False))


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))
