"""How to deal with a customer, in respectful words: for what was recorded and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from custledger.core.decisions.events import DecisionKind
from custledger.core.decisions.scope import Hours, Limit, Scope
from custledger.core.decisions.state import DecisionState
from custledger.core.records import Conduct, Interaction, MoneyEntry, Purpose
from custledger.core.score.fit import Fit
from custledger.core.words import words

__all__ = ["dealing_with", "scope_in_words", "sort_of"]

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
_IF_LIMITED: Final = (
    "Whatever is decided: what is paid already is delivered, and everybody may ask for a refund, "
    "complain, appeal, or ask to see their data. Take it down and pass it on.",
    "Say what is decided once, kindly, and do not argue about it; who disagrees may appeal.",
)
_IF_WARNED: Final = (
    "Serve them as usual, and leave the warning in the past: mention it only if it happens again."
)
_HARSH: Final = frozenset(Conduct) - {Conduct.NONE, Conduct.POLICY_ABUSE, Conduct.DECEPTION}
_WEEKDAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def sort_of(entry: Interaction | MoneyEntry) -> str:
    """What an adverse entry was recorded as, in words."""
    if isinstance(entry, MoneyEntry):
        return words(entry.kind)
    if entry.conduct is not Conduct.NONE:
        return words(entry.conduct)
    return "payment reminder" if entry.purpose is Purpose.COLLECTION else words(entry.purpose)


def dealing_with(
    fit: Fit | None,
    adverse: Sequence[Interaction | MoneyEntry],
    decisions: Sequence[DecisionState],
) -> Iterator[str]:
    """The advice for staff, a sentence or two each; none where there is nothing to tell."""
    kinds = {state.made.kind for state in decisions}
    if kinds - {DecisionKind.WARNING}:
        yield from _IF_LIMITED
    elif kinds:
        yield _IF_WARNED
    if fit is not None:
        yield from _for_flag(fit, adverse)
    if fit is not None or kinds:
        yield _ALWAYS


def _for_flag(fit: Fit, adverse: Sequence[Interaction | MoneyEntry]) -> Iterator[str]:
    contacts = [entry for entry in adverse if isinstance(entry, Interaction)]
    if any(contact.conduct in _HARSH for contact in contacts):
        yield from _IF_HARSH
    if fit.kind != "conduct":
        yield from _IF_COSTLY
    s = fit.statement
    if any(map(_is_return, contacts)) or s.refunds.minor:
        yield _IF_RETURNING
    if s.overdue.minor or s.write_offs.minor or s.chargebacks.minor:
        yield _IF_OWING


def _is_return(contact: Interaction) -> bool:
    misused = contact.conduct in (Conduct.POLICY_ABUSE, Conduct.DECEPTION)
    return misused or contact.purpose is Purpose.REFUND_REQUEST


def scope_in_words(kind: DecisionKind, scope: Scope) -> Iterator[str]:
    """What a decision of that kind and scope means at the counter, a sentence each.

    >>> list(scope_in_words(DecisionKind.RESTRICTION, Scope(limits=frozenset({Limit.CREDIT}))))
    ['Nothing on account: they pay when they order.']
    """
    if kind is DecisionKind.WARNING:
        yield "They were warned; the warning itself restricts nothing."
    elif kind is DecisionKind.BLOCK:
        yield "Blocked on social media. Every other way to reach us is open."
    elif kind is DecisionKind.DO_NOT_SERVE:
        yield from _not_served(scope)
    elif kind is DecisionKind.RESTRICTION:
        for limit in sorted(scope.limits, key=[*Limit].index):
            yield _limit_in_words(limit, scope)


def _not_served(scope: Scope) -> Iterator[str]:
    if scope.actions:
        yield f"Not taken on any more: {_listed(scope.actions)}. All else goes on."
    else:
        yield "We no longer work with them: nothing new is taken on."


def _limit_in_words(limit: Limit, scope: Scope) -> str:
    if limit is Limit.CHANNEL:
        return f"Closed to them: {_listed(scope.channels)}. Every other way to reach us is open."
    if limit is Limit.CREDIT:
        return "Nothing on account: they pay when they order."
    if limit is Limit.PREPAYMENT_ONLY:
        return "Only what is paid in advance goes through."
    if limit is Limit.SINGLE_CONTACT:
        return f"Only {scope.contact} speaks with them: pass every contact on."
    return f"They reach us {_hours_in_words(scope.hours)}; at other times, say so kindly."


def _hours_in_words(hours: Sequence[Hours]) -> str:
    return ", ".join(f"{_WEEKDAYS[h.weekday]} {h.start:%H:%M}-{h.until:%H:%M}" for h in hours)


def _listed(members: frozenset[str]) -> str:
    return ", ".join(words(member) for member in sorted(members))
