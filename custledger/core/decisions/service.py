"""The one door: may the customer do this, and what does the decision say about it?

Orders, tickets and bookings ask here, whatever path they came by. The strictest decision in force
wins. What is paid already goes through (frappe/erpnext#52960, #37888), and nobody loses the right
to ask for money back, to complain, to appeal or to see one's data. Who shares an address with
somebody else is not taken for them: a household or an info@ box is not one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple, Self
from uuid import UUID

from custledger.core.checks import check_flag, check_member
from custledger.core.clock import date_of_day, day_of, to_microseconds, zone
from custledger.core.decisions.events import DecisionKind
from custledger.core.decisions.scope import CONTACTS, EVERYTHING, RIGHTS, Action, Limit, Scope
from custledger.core.decisions.state import DecisionState
from custledger.core.records import Channel, EntryRef
from custledger.core.words import words

__all__ = ["Answer", "Attempt", "Sharer", "Verdict", "check_service", "with_sharers"]


class Verdict(StrEnum):
    """What the door answers, from the mildest to the strictest."""

    ALLOW = "allow"
    WARN = "warn"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody asks to do; ``prepaid``: it is paid before it is handed over.

    ``already_paid``: the goods or services were paid for before the decision.
    """

    action: Action
    channel: Channel | None = None
    prepaid: bool = False
    already_paid: bool = False

    @classmethod
    def of(
        cls, action: object, channel: object = None, *, prepaid: bool, already_paid: bool
    ) -> Self:
        """The attempt that words name; BadInputError for words that are none."""
        return cls(
            check_member(Action, action),
            None if channel is None else check_member(Channel, channel),
            check_flag(prepaid, "prepaid"),
            check_flag(already_paid, "already_paid"),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """Allow, warn or deny, with the decision that says so and what to tell whom.

    ``reasons`` explain, one sentence a decision in force, the one that counted first.
    ``shares_with`` are other customers with the same contact point, whose decisions made the answer
    a warning.
    """

    verdict: Verdict
    scope: Scope = EVERYTHING
    staff_text: str = ""
    customer_text: str = ""
    decision: EntryRef | None = None
    reasons: tuple[str, ...] = ()
    shares_with: tuple[UUID, ...] = ()


class Sharer(NamedTuple):
    """Another customer with the same contact point, and what is decided about them."""

    customer_id: UUID
    name: str
    decisions: tuple[DecisionState, ...]


class _Finding(NamedTuple):
    verdict: Verdict
    why: str
    decision: DecisionState


_STRICTNESS: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}
_KINDS: Final = {kind: rank for rank, kind in enumerate(DecisionKind)}
_CHANNELS: Final = {
    Action.CALL: Channel.PHONE,
    Action.CHAT: Channel.CHAT,
    Action.MAIL: Channel.EMAIL,
    Action.VISIT: Channel.VISIT,
    Action.POST: Channel.SOCIAL,
}
_MOST_NAMED: Final = 5
_SALES: Final = frozenset((Action.ORDER, Action.BOOKING, Action.CREDIT))


def check_service(
    decisions: Iterable[DecisionState], attempt: Attempt, moment: datetime, zone_name: str = "UTC"
) -> Answer:
    """The answer of the decisions that are in force at the moment, by the clock of the zone.

    No decision in force allows everything; more decisions never make the answer milder.
    """
    day = date_of_day(day_of(to_microseconds(moment), zone_name))
    local = moment.astimezone(zone(zone_name))
    found = [_finding(d, attempt, local) for d in decisions if d.in_force(day)]
    if not found:
        return Answer(Verdict.ALLOW, reasons=("No decision is in force.",))
    found.sort(key=_order)
    strictest = found[0]
    reasons = tuple(f.why for f in found)
    if strictest.verdict is Verdict.ALLOW:
        return Answer(Verdict.ALLOW, reasons=reasons)
    made = strictest.decision.made
    return Answer(
        strictest.verdict, made.scope, made.staff_text, made.customer_text, made.ref, reasons
    )


def with_sharers(
    answer: Answer,
    sharers: Iterable[Sharer],
    attempt: Attempt,
    moment: datetime,
    zone_name: str = "UTC",
    *,
    known: bool = True,
) -> Answer:
    """The answer, with a warning where somebody with the same contact point would not be allowed.

    It is never a refusal: staff find out who it is. Warnings about others, and what goes through
    for everybody, say nothing about a customer who is ``known`` and shares their address; of who is
    named by an address alone, it may well be the one who was warned. A few are named; the others
    are then not asked for.
    """
    if attempt.action in RIGHTS or _is_paid(attempt):
        return answer
    asked: list[Sharer] = []

    def others(people: Iterable[Sharer], *, warned: bool) -> list[tuple[Sharer, Answer]]:
        told = ((s, _of_sharer(s, attempt, moment, zone_name, warned=warned)) for s in people)
        return [*islice(((s, o) for s, o in told if o.decision is not None), _MOST_NAMED)]

    found = others(_kept(sharers, asked), warned=False)
    if not found and not known:
        found = others(asked, warned=True)
    if not found:
        return answer
    names = ", ".join(sharer.name for sharer, _ in found)
    text = (
        f"Check who it is: the contact point is also that of {names}. If it is somebody else, of "
        "the same household or firm, say, serve them as you would anybody."
    )
    reasons = tuple(f"Shares a contact point with {s.name}. {o.reasons[0]}" for s, o in found)
    shares_with = tuple(sharer.customer_id for sharer, _ in found)
    if answer.verdict is Verdict.ALLOW:
        decision = found[0][1].decision
        return Answer(Verdict.WARN, EVERYTHING, text, "", decision, reasons, shares_with)
    return replace(
        answer,
        staff_text=f"{answer.staff_text} {text}",
        reasons=(*answer.reasons, *reasons),
        shares_with=shares_with,
    )


def _kept(sharers: Iterable[Sharer], asked: list[Sharer]) -> Iterator[Sharer]:
    """Those who are asked for, which are noted: reading one costs time."""
    for sharer in sharers:
        asked.append(sharer)
        yield sharer


def _of_sharer(
    sharer: Sharer, attempt: Attempt, moment: datetime, zone_name: str, *, warned: bool
) -> Answer:
    decisions = [d for d in sharer.decisions if warned or d.made.kind is not DecisionKind.WARNING]
    return check_service(decisions, attempt, moment, zone_name)


def _is_paid(attempt: Attempt) -> bool:
    return attempt.already_paid or attempt.action is Action.DELIVERY


def _order(finding: _Finding) -> tuple[int, int, int]:
    """The strictest first, then the stricter kind, then the later decision."""
    made = finding.decision.made
    return -_STRICTNESS[finding.verdict], -_KINDS[made.kind], -made.ref.seq


def _finding(decision: DecisionState, attempt: Attempt, local: datetime) -> _Finding:
    verdict, why = _verdict(decision, attempt, local)
    made = decision.made
    return _Finding(verdict, f"{words(made.kind).capitalize()} ({made.ref.seq}): {why}", decision)


def _verdict(decision: DecisionState, attempt: Attempt, local: datetime) -> tuple[Verdict, str]:
    if attempt.action in RIGHTS:
        return Verdict.WARN, "asking for it is everybody's right; see how to speak with them."
    if _is_paid(attempt):
        return Verdict.WARN, "what is paid already goes through."
    kind, scope = decision.made.kind, decision.made.scope
    if kind is DecisionKind.DO_NOT_SERVE:
        return _of_do_not_serve(scope, attempt)
    if kind is DecisionKind.BLOCK:
        return _of_channels(scope, attempt)
    if kind is DecisionKind.RESTRICTION:
        limits = sorted(scope.limits)
        found = [_of_limit(limit, scope, attempt, local) for limit in limits]
        return max(found, key=lambda item: _STRICTNESS[item[0]])
    return Verdict.WARN, "the customer was warned; see what staff are to do."


def _of_do_not_serve(scope: Scope, attempt: Attempt) -> tuple[Verdict, str]:
    if scope.actions and attempt.action not in scope.actions:
        return Verdict.WARN, f"it does not cover this ({words(attempt.action)})."
    return Verdict.DENY, "the firm no longer works with this customer."


def _of_limit(limit: Limit, scope: Scope, attempt: Attempt, local: datetime) -> tuple[Verdict, str]:
    if limit is Limit.CHANNEL:
        return _of_channels(scope, attempt)
    if limit in (Limit.CREDIT, Limit.PREPAYMENT_ONLY):
        return _of_payment(limit, attempt)
    if attempt.action not in CONTACTS:
        return Verdict.ALLOW, "it limits how to reach the staff, not this."
    if limit is Limit.SINGLE_CONTACT:
        return Verdict.WARN, f"only {scope.contact} speaks with this customer; pass it on."
    return _of_hours(scope, local)


def _of_channels(scope: Scope, attempt: Attempt) -> tuple[Verdict, str]:
    channel = attempt.channel or _CHANNELS.get(attempt.action)
    if channel is None and attempt.action in CONTACTS:
        return Verdict.WARN, "some channels are closed, and this one was not named."
    if channel in scope.channels:
        return Verdict.DENY, f"the channel {words(channel)} is closed."
    return Verdict.ALLOW, "this channel is open."


def _of_payment(limit: Limit, attempt: Attempt) -> tuple[Verdict, str]:
    if attempt.action not in _SALES:
        return Verdict.ALLOW, "it limits how to pay, not this."
    if attempt.action is Action.CREDIT:
        return Verdict.DENY, "nothing is served on account."
    if attempt.prepaid:
        return Verdict.ALLOW, "it is paid in advance, and goes through."
    if limit is Limit.PREPAYMENT_ONLY:
        return Verdict.DENY, "only what is paid in advance goes through."
    return Verdict.WARN, "it must be paid at once, not on account."


def _of_hours(scope: Scope, local: datetime) -> tuple[Verdict, str]:
    clock = local.time()
    for hours in scope.hours:
        if hours.weekday == local.weekday() and hours.start <= clock < hours.until:
            return Verdict.ALLOW, "this is within the hours agreed."
    return Verdict.DENY, "staff are reached in other hours only."
