"""Events of decisions as plain JSON values, as trail entries keep them, and read back.

A day counts from 1970-01-01; an entry is the number in the customer's chain, and has the customer's
id where it is in the chain of another one, who is the same person; what is at its default is left
out. The reference and the day of an event are those of its entry, and a member of staff is an id:
who reads an event brings them along. What is for staff alone is a body of its own, which customers
and outsiders do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from custledger.core.canonical import JsonValue
from custledger.core.clock import date_of_day, day_number
from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    Cited,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    Event,
    Missing,
    NoticeGiven,
    Override,
    Reviewed,
    ScoreFlag,
)
from custledger.core.decisions.scope import Scope
from custledger.core.records import EntryRef, Staff

__all__ = ["WITHHELD", "EventContext", "event_body", "event_from", "event_staff_body"]

WITHHELD: Final = "For staff alone; not to be read here."
"""Stands for what is in the staff's body, where that is withheld from who reads."""

Body = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EventContext:
    """What an entry says of an event besides its body: reference, day, and who wrote it.

    ``policies`` are the policies of decisions by version; a version that is missing is an error.
    """

    ref: EntryRef
    day: date
    by: Staff
    policies: Mapping[int, DecisionPolicy]


def event_body(event: Event) -> Body:
    """What the customer may read of an event, with a word for its sort under ``event``."""
    if isinstance(event, DecisionMade):
        return _kept(_decision_body(event))
    body: Body = {"of": event.decision.seq}
    if isinstance(event, NoticeGiven):
        body |= {
            "event": "notice",
            "how": event.how,
            "reasons": event.reasons,
            "until_day": day_number(event.review_on),
            "appeal_route": event.appeal_route,
        }
    elif isinstance(event, Appealed):
        received = day_number(event.received_on)
        body |= {"event": "appeal", "words": event.words, "received_day": received}
    elif isinstance(event, AppealDecided):
        body |= {
            "event": "appeal_decided",
            "overturned": event.overturned,
            "reasons": event.reasons,
            "registered": [*map(str, sorted(event.registered))],
            "outsider": event.outsider,
            "override": _override_body(event.override),
        }
    else:
        until_day = _day_body(event.review_on)
        body |= {"event": "review", "reasons": event.reasons, "until_day": until_day}
    return _kept(body)


def event_staff_body(event: Event) -> Body:
    """What is for staff alone: what they are to do, and why an owner made an exception."""
    body: Body = {}
    if isinstance(event, DecisionMade):
        body["staff_text"] = event.staff_text
    if isinstance(event, DecisionMade | AppealDecided) and event.override is not None:
        body["override_reasons"] = event.override.reasons
    return _kept(body)


def event_from(
    body: Mapping[str, Any], context: EventContext, staff_body: Mapping[str, Any] | None = None
) -> Event:
    """The event that ``event_body`` and ``event_staff_body`` wrote.

    Without the second, which some may not read, ``WITHHELD`` stands in its place.
    """
    if staff_body is None:
        text = "" if body.get("kind") == DecisionKind.REINSTATEMENT else WITHHELD
        staff_body = {"staff_text": text, "override_reasons": WITHHELD}
    return _READERS[body["event"]]({**staff_body, **body}, context)


def _decision_body(made: DecisionMade) -> Body:
    return {
        "event": "decision",
        "kind": made.kind.value,
        "reasons": made.reasons,
        "incidents": [_cited_body(c, made.ref.subject) for c in made.incidents],
        "safety": [_cited_body(c, made.ref.subject) for c in made.safety],
        "flag": _flag_body(made.flag),
        "scope": made.scope.to_body(),
        "customer_text": made.customer_text,
        "effective_day": _day_body(made.effective_from),
        "until_day": _day_body(made.review_on),
        "rule": made.rule,
        "bypass": made.bypass,
        "override": _override_body(made.override),
        "ends": [ref.seq for ref in made.ends],
        "policy": made.policy.version,
    }


def _decision_from(body: Mapping[str, Any], context: EventContext) -> DecisionMade:
    subject = context.ref.subject
    flag = body.get("flag")
    return DecisionMade(
        ref=context.ref,
        day=context.day,
        by=context.by,
        kind=DecisionKind(body["kind"]),
        reasons=body.get("reasons", ""),
        incidents=_cited(body.get("incidents", ()), subject),
        safety=_cited(body.get("safety", ()), subject),
        flag=None if flag is None else ScoreFlag(date_of_day(flag[0]), flag[1]),
        scope=Scope.from_body(body.get("scope", {})),
        staff_text=body.get("staff_text", ""),
        customer_text=body.get("customer_text", ""),
        effective_from=_day(body, "effective_day"),
        review_on=_day(body, "until_day"),
        rule=body.get("rule", ""),
        bypass=body.get("bypass", ""),
        override=_override_from(body),
        ends=tuple(EntryRef(subject, seq) for seq in body.get("ends", ())),
        policy=context.policies[body.get("policy", 0)],
    )


def _notice_from(body: Mapping[str, Any], context: EventContext) -> NoticeGiven:
    return NoticeGiven(
        _of(body, context),
        context.day,
        context.by,
        how=body.get("how", ""),
        reasons=body.get("reasons", ""),
        review_on=date_of_day(body["until_day"]),
        appeal_route=body.get("appeal_route", ""),
        ref=context.ref,
    )


def _appeal_from(body: Mapping[str, Any], context: EventContext) -> Appealed:
    return Appealed(
        _of(body, context),
        context.day,
        context.by,
        words=body.get("words", ""),
        received_on=date_of_day(body["received_day"]),
    )


def _appeal_decided_from(body: Mapping[str, Any], context: EventContext) -> AppealDecided:
    return AppealDecided(
        _of(body, context),
        context.day,
        context.by,
        overturned=body["overturned"],
        reasons=body.get("reasons", ""),
        registered=frozenset(map(UUID, body.get("registered", ()))),
        outsider=body.get("outsider", ""),
        override=_override_from(body),
    )


def _review_from(body: Mapping[str, Any], context: EventContext) -> Reviewed:
    return Reviewed(
        _of(body, context),
        context.day,
        context.by,
        reasons=body.get("reasons", ""),
        review_on=_day(body, "until_day"),
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], EventContext], Event]]] = {
    "decision": _decision_from,
    "notice": _notice_from,
    "appeal": _appeal_from,
    "appeal_decided": _appeal_decided_from,
    "review": _review_from,
}


def _kept(body: Body) -> Body:
    """Without what is empty; a number 0 and a False are kept, being said."""
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}


def _flag_body(flag: ScoreFlag | None) -> JsonValue:
    return None if flag is None else [day_number(flag.as_of), flag.policy_version]


def _day_body(day: date | None) -> int | None:
    return None if day is None else day_number(day)


def _override_body(override: Override | None) -> JsonValue:
    if override is None:
        return None
    return [lack.value for lack in sorted(override.covers)]


def _override_from(body: Mapping[str, Any]) -> Override | None:
    if "override" not in body:
        return None
    covers = frozenset(map(Missing, body["override"]))
    return Override(body.get("override_reasons", ""), covers)


def _cited(rows: Any, subject: UUID) -> tuple[Cited, ...]:
    return tuple(
        Cited(EntryRef(UUID(of[0]) if of else subject, seq), date_of_day(day))
        for seq, day, *of in rows
    )


def _cited_body(cited: Cited, subject: UUID) -> JsonValue:
    place: list[JsonValue] = [cited.ref.seq, day_number(cited.day)]
    return place if cited.ref.subject == subject else [*place, str(cited.ref.subject)]


def _of(body: Mapping[str, Any], context: EventContext) -> EntryRef:
    return EntryRef(context.ref.subject, body["of"])


def _day(body: Mapping[str, Any], name: str) -> date | None:
    return date_of_day(body[name]) if name in body else None
