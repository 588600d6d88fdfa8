"""Which money entries go or stay together, so that erasing old ones never changes what is owed.

What applies to an invoice or sale belongs to it. Payments and write-offs that name no invoice
settle the oldest ones (``custledger.core.receivables.debts``): these are put together with the
invoices around them, up to the next day on which nothing was owed. What is left with something
owed, or with a credit, stays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from custledger.core.money import Money
from custledger.core.privacy.retention import Block, Kept, Stay, Unit
from custledger.core.receivables.debts import DebtEntry, receivables_of
from custledger.core.records import EntryRef, MoneyKind

__all__ = ["HeldMoney", "changes_what_is_owed", "money_units"]

_SETTLING = (MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)


class HeldMoney(NamedTuple):
    """A money entry with the numbers of all its corrections; the first is its own.

    ``counts`` is False for one that was taken back. ``day`` is the newest one that any of its
    corrections says, ``oldest`` the oldest.
    """

    customer: UUID
    seqs: tuple[int, ...]
    kind: MoneyKind
    amount: Money
    day: date
    oldest: date
    due_on: date | None = None
    applies_to: int | None = None
    counts: bool = True

    @property
    def balance(self) -> int:
        """What it adds to what is owed, in minor units; a settlement takes away."""
        if not self.counts:
            return 0
        if self.kind is MoneyKind.INVOICE:
            return self.amount.minor
        return -self.amount.minor if self.kind in _SETTLING else 0


def money_units(entries: Iterable[HeldMoney]) -> list[Unit]:
    """The entries of one chain as what goes or stays together."""
    even: list[list[HeldMoney]] = []
    uneven: list[list[HeldMoney]] = []
    for group in _linked(list(entries)):
        (uneven if any(_balance(group).values()) else even).append(group)
    return [_unit(group) for group in (*even, *_chunks(uneven))]


def changes_what_is_owed(entries: Sequence[HeldMoney], gone: Iterable[int], as_of: date) -> bool:
    """Whether the open invoices, or a credit, would differ without the entries of these numbers."""
    without = set(gone)
    kept = [e for e in entries if e.seqs[0] not in without]
    return _owed(entries, as_of) != _owed(kept, as_of)


def _owed(entries: Iterable[HeldMoney], as_of: date) -> tuple[object, ...]:
    debts = [
        DebtEntry(
            EntryRef(e.customer, e.seqs[0]),
            e.kind,
            e.amount,
            e.day,
            e.due_on,
            None if e.applies_to is None else EntryRef(e.customer, e.applies_to),
        )
        for e in entries
        if e.counts
    ]
    found = receivables_of(debts, as_of)
    return tuple((i.ref, i.owed) for i in found.open if i.owed.minor), found.credit


def _linked(entries: Sequence[HeldMoney]) -> list[list[HeldMoney]]:
    """Each entry with what applies to it, in the order of their days."""
    by_seq = {seq: e for e in entries for seq in e.seqs}
    groups: dict[int, list[HeldMoney]] = defaultdict(list)
    for entry in entries:
        root = entry
        seen = {root.seqs[0]}
        while (to := by_seq.get(root.applies_to or 0)) is not None and to.seqs[0] not in seen:
            root = to
            seen.add(root.seqs[0])
        groups[min(seen) if root.applies_to in seen else root.seqs[0]].append(entry)
    return sorted(groups.values(), key=_place)


def _chunks(groups: Sequence[list[HeldMoney]]) -> list[list[HeldMoney]]:
    """Groups put together until nothing is owed; the last one may be left with something."""
    chunks: list[list[HeldMoney]] = []
    current: list[HeldMoney] = []
    running: Counter[str] = Counter()
    for group in groups:
        current += group
        for currency, minor in _balance(group).items():
            running[currency] += minor
        if not any(running.values()):
            chunks.append(current)
            current = []
    return [*chunks, current] if current else chunks


def _balance(group: Iterable[HeldMoney]) -> Counter[str]:
    found: Counter[str] = Counter()
    for entry in group:
        found[entry.amount.currency] += entry.balance
    return found


def _place(group: Sequence[HeldMoney]) -> tuple[date, int]:
    return min((e.day, e.seqs[0]) for e in group)


def _unit(group: Sequence[HeldMoney]) -> Unit:
    seqs = tuple(sorted(seq for e in group for seq in e.seqs))
    day, oldest = max(e.day for e in group), min(e.oldest for e in group)
    return Unit(group[0].customer, Kept.MONEY, seqs, day, oldest, _block(group))


def _block(group: Sequence[HeldMoney]) -> Block | None:
    owed = {currency: minor for currency, minor in _balance(group).items() if minor}
    if not owed:
        return None
    unpaid = [Money(minor, currency) for currency, minor in sorted(owed.items()) if minor > 0]
    if unpaid:
        return Block(Stay.UNPAID, f"{' and '.join(map(str, unpaid))} of it is not paid.")
    credit = [Money(-minor, currency) for currency, minor in sorted(owed.items())]
    return Block(Stay.CREDIT, f"The customer has {' and '.join(map(str, credit))} to the good.")
