"""How a complaint is opened: by which plan, regimes and calendar, and through which contact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from custledger.core.checks import check_member, check_text, words_of
from custledger.core.clock import day_of, from_microseconds, to_microseconds
from custledger.core.complaints.events import Opened, RegimeVersion, body_of
from custledger.core.complaints.plan import ComplaintPlan
from custledger.core.complaints.plans_built_in import PLAN, PUBLIC_PLAN
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.complaints.regimes import Regime
from custledger.core.complaints.regimes_built_in import BUILT_IN, HOUSE
from custledger.core.records import Channel, EntryKind, EntryRef, Interaction, Purpose
from custledger.core.words import words
from custledger.errors import BadInputError
from custledger.storage.complaints.complaints import overdue_complaint
from custledger.storage.complaints.contact_fault import contact_at
from custledger.storage.complaints.policies import (
    ComplaintPolicies,
    complaint_policies,
    newest_plan,
    regime_on,
)
from custledger.storage.complaints.writing import Happened, Said, read_complaint, said_of
from custledger.storage.context import Context
from custledger.storage.drafting import Drafting
from custledger.storage.events import append_event
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, StaffLike, StaffMembers, customer_key

__all__ = ["OpeningFacts", "open_complaint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningFacts:
    """What is said of a complaint when it is opened; see ``ComplaintBook.open``."""

    channel: Channel | str | None
    customer_words: str
    staff_account: str
    occurred_at: datetime | None
    plan: ComplaintPlan | str | None
    regimes: Iterable[Regime | str]
    exposure: Any
    interaction: Interaction | EntryRef | None
    staff: StaffLike | None
    staff_note: str
    handling_time: timedelta | None
    product: str
    cause: str


def open_complaint(
    journal: Journal, context: Context, customer: CustomerLike, facts: OpeningFacts
) -> ComplaintRecord:
    """Record a complaint, and the contact by which it came unless that is there already."""
    connection = journal.connection
    key = customer_key(connection, context, customer)
    lock_chains(connection, journal.ledger, [key])
    happened: Happened = {
        "occurred_at": facts.occurred_at,
        "staff": facts.staff,
        "staff_note": facts.staff_note,
    }
    said = said_of(journal, context, happened)
    if to_microseconds(said.at) > journal.recorded_at:
        raise BadInputError("occurred_at lies in the future: a complaint is opened once it came.")
    policies = complaint_policies(connection, context)
    subject = context.identities.uuid(connection, key)
    named = _named(journal, context, subject, facts.interaction)
    event = _opening(context, policies, facts, named, said)
    if event.interaction is None:
        event = replace(event, interaction=_contact(journal, context, key, facts, event))
    body = {**body_of(event), **said.body}
    stored = append_event(
        journal,
        key,
        EntryKind.COMPLAINT,
        body,
        occurred_at=said.occurred_at,
        staff_body=said.staff_body,
    )
    found = read_complaint(connection, context, stored.id, policies)
    more = _warnings(found, policies, from_microseconds(journal.recorded_at))
    return replace(found, warnings=(*found.warnings, *more))


class _Named(NamedTuple):
    """The contact that the caller named."""

    seq: int
    channel: str


def _opening(
    context: Context,
    policies: ComplaintPolicies,
    facts: OpeningFacts,
    named: _Named | None,
    said: Said,
) -> Opened:
    public = facts.exposure is not None
    plan = _plan(policies, facts.plan, public=public)
    day = day_of(to_microseconds(said.at), context.zone)
    channel = facts.channel or (named and named.channel) or (Channel.SOCIAL if public else None)
    if channel is None:
        raise BadInputError(f"A complaint needs its channel: {words_of(Channel)}.")
    return Opened(
        at=said.at,
        by=said.by,
        channel=check_member(Channel, channel),
        plan_name=plan.name,
        plan_version=plan.version,
        customer_words=facts.customer_words,
        staff_account=facts.staff_account,
        regimes=tuple(
            RegimeVersion(found.id, found.version)
            for name in [HOUSE.id, *_ids(facts.regimes)]
            for found in [regime_on(policies.regimes, name, day)]
        ),
        calendar_version=policies.calendar_on(day).version,
        interaction=None if named is None else named.seq,
        exposure=facts.exposure,
        product=facts.product,
        cause=facts.cause,
    )


def _plan(
    policies: ComplaintPolicies, plan: ComplaintPlan | str | None, *, public: bool
) -> ComplaintPlan:
    if isinstance(plan, ComplaintPlan):
        found = policies.plans.get((plan.name, plan.version))
        if found != plan:
            raise BadInputError(
                f"Version {plan.version} of the plan {plan.name!r} is not in the ledger as it is "
                "here. Add it first: complaint_plans.set."
            )
        return found
    name = plan if plan is not None else (PUBLIC_PLAN if public else PLAN).name
    return newest_plan(policies.plans, name)


def _ids(regimes: object) -> Iterator[str]:
    if isinstance(regimes, str) or not isinstance(regimes, Iterable):
        raise BadInputError(f"regimes is a list of ids, such as ['uk_fca'], not {regimes!r}.")
    for one in regimes:
        yield one.id if isinstance(one, Regime) else check_text(one, "each of regimes")


def _named(
    journal: Journal, context: Context, subject: UUID, interaction: Interaction | EntryRef | None
) -> _Named | None:
    if interaction is None:
        return None
    ref = interaction.id if isinstance(interaction, Interaction) else interaction
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"interaction is a contact's record or its id, not {interaction!r}.")
    if ref.subject != subject:
        raise BadInputError(
            f"The contact {ref} is another customer's. Name one of this customer, or none."
        )
    return _Named(ref.seq, contact_at(journal, context, ref).stored.body["channel"])


def _contact(
    journal: Journal, context: Context, key: int, facts: OpeningFacts, event: Opened
) -> int:
    """Record the contact; what was said stands in the complaint alone."""
    said = {
        "channel": event.channel,
        "purpose": Purpose.COMPLAINT,
        "occurred_at": facts.occurred_at,
        "handling_time": facts.handling_time,
        "product": facts.product,
        "cause": facts.cause,
    }
    member = None
    if facts.staff is not None:
        member = StaffMembers(journal.connection, context).member(facts.staff)
    wording = Drafting(journal, context).interaction(said, member)
    [written] = journal.append([wording.draft(key)])
    return written.seq


def _warnings(
    complaint: ComplaintRecord, policies: ComplaintPolicies, now: datetime
) -> Iterator[str]:
    late = overdue_complaint(complaint, policies, now)
    for one in late.overdue if late else ():
        what = words(one.deadline.milestone)
        yield f"The {what} is overdue already ({one.deadline.regime.name}). See to it first."
    for regime in complaint.regimes:
        is_ours = regime == BUILT_IN.get(regime.id) and regime.id != HOUSE.id
        if is_ours and regime.read_on is None:
            yield (
                f"The time limits of {regime.id} come with the package and were not compared with "
                f"the text of the law: read it before you rely on them. {regime.source}"
            )
