"""All that is held about a customer, read from the ledger and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from custledger.core.checks import check_text
from custledger.core.clock import date_of_day
from custledger.core.decisions.state import DecisionState
from custledger.core.dossier.words import Told, told
from custledger.core.privacy.retention import KINDS, Kept
from custledger.core.privacy.subject_access import Contest, ContestState
from custledger.core.records import EntryKind, EntryRef, StaffRole, TrailEntry
from custledger.core.words import count, day_in_words, words
from custledger.edges.subject_access.report import (
    AccessBriefing,
    AccessChange,
    AccessComplaint,
    AccessContest,
    AccessDecision,
    AccessEntry,
    AccessPeriod,
    AccessPerson,
    AccessReason,
    AccessReport,
    AccessReportRequest,
    AccessScore,
    AccessSource,
)
from custledger.edges.subject_access.telling import Teller
from custledger.edges.subject_access.words import RIGHTS, headline, how_it_is_made
from custledger.edges.without import score_without
from custledger.edges.wording import local_day
from custledger.errors import NotFoundError
from custledger.ledger import Ledger
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of

__all__ = ["access_report"]

_OF_EVENTS: Final = frozenset(("event", "of", "mark"))
"""What the title of an event says, and what is for programs."""
_OF_DECISIONS: Final = frozenset(
    ("ends", "flag", "incidents", "kind", "policy", "registered", "safety", "scope")
)
"""What is told in words where the decisions are."""


def access_report(
    ledger: Ledger,
    customer: CustomerLike,
    *,
    staff_texts: bool = False,
    staff_names: bool = False,
    foreword: str = "",
) -> AccessReport:
    """Everything that is held about a customer, merged names included, as of today.

    Notes among staff are left out and counted, unless ``staff_texts``: they are the customer's
    data too (Court of Justice, C-434/16, Nowak), and left out only where telling them would harm
    others (Art. 15(4) GDPR). Staff are told by role unless ``staff_names`` (C-579/21, Pankki S).
    ``foreword`` is the firm's own: who it is, for what purposes, who gets the data. Erased and
    voided customers are named by id.
    """
    return _Gathering(ledger, customer, staff_texts, staff_names).report(
        check_text(foreword, "foreword")
    )


class _Gathering:
    """One report being made."""

    def __init__(
        self, ledger: Ledger, customer: CustomerLike, staff_texts: bool, staff_names: bool
    ) -> None:
        self._ledger, self._context = ledger, ledger.context
        with self._context.read() as connection:
            key = subject_key(connection, self._context, customer)
            key = customer_key(connection, self._context, customer) if key is None else key
            group = group_of(connection, key)
            uuids = self._context.identities.uuids(connection, group)
        self._ids = [uuids[k] for k in group]
        self._day = ledger.today()
        self._staff = ledger.staff.all()
        self._teller = Teller(
            self._ids,
            self._staff,
            ledger.zone,
            staff_texts=staff_texts,
            staff_names=staff_names,
        )
        self._batches = {batch.id: batch for batch in ledger.imports.all()}
        self._chains = {uuid: ledger.history(uuid) for uuid in self._ids}
        self._contests = ledger.contests.of(self._ids[0])
        self._files = 0

    def report(self, foreword: str) -> AccessReport:
        """All of it; entries in the order in which things happened."""
        ledger = self._ledger
        entries = [e for chain in self._chains.values() for e in self._entries(chain)]
        schedule = ledger.retention.schedule()
        return AccessReport(
            made_on=self._day,
            zone=ledger.zone,
            ledger=self._context.ledger,
            customer_id=self._ids[0],
            foreword=foreword,
            people=tuple(self._person(uuid) for uuid in self._ids),
            entries=tuple(sorted(entries, key=lambda e: e.happened_at)),
            score=self._score(),
            decisions=tuple(map(self._decision, self._decisions())),
            briefing=self._briefing(),
            complaints=tuple(self._complaints()),
            contests=tuple(map(self._contest, self._contests)),
            requests=tuple(self._requests()),
            sources=tuple(self._sources()),
            recipients=tuple(self._recipients()),
            periods=tuple(
                AccessPeriod(rule.kind.value, KINDS[rule.kind], str(rule), rule.ground)
                for rule in schedule.rules
            ),
            without_end=tuple(
                KINDS[kind] for kind in schedule.without_end if kind is not Kept.PROSPECT
            ),
            rights=RIGHTS,
            withheld=sum(entry.withheld for entry in entries),
            names_left_out=not self._teller.staff_names,
            elsewhere=tuple(self._elsewhere()),
        )

    def _person(self, uuid: UUID) -> AccessPerson:
        chain = self._chains[uuid]
        line = [e for e in chain if e.kind is EntryKind.CUSTOMER]
        if not line[-1].facts:
            return AccessPerson(uuid, "", "erased")
        body = line[-1].facts
        state = "current" if line[-1].superseded_by is None else "taken back"
        return AccessPerson(
            id=uuid,
            name=str(body["name"]),
            state=state,
            joined_on=date_of_day(int(str(body["joined_day"]))),
            status=words(str(body.get("status", "active"))),
            contact_points=tuple(p["value"] for p in body.get("contact_points", ())),  # type: ignore[attr-defined]
        )

    def _entries(self, chain: Sequence[TrailEntry]) -> Iterator[AccessEntry]:
        voids = {e.ref.seq for e in chain if e.kind is EntryKind.VOID}
        open_on = {c.entry for c in self._contests if c.state is ContestState.OPEN}
        firsts: dict[int, int] = {}
        for entry in chain:
            seq = entry.ref.seq
            firsts[seq] = firsts.get(entry.supersedes or 0, seq)
            newest = entry.superseded_by is None and entry.kind is not EntryKind.VOID
            about = EntryRef(entry.ref.subject, firsts[seq])
            yield self._entry(entry, voids, disputed=newest and about in open_on)

    def _entry(self, entry: TrailEntry, voids: set[int], *, disputed: bool) -> AccessEntry:
        data = self._teller.facts(entry.facts)
        said = self._said(entry, data)
        state, by = self._state(entry, voids)
        notes, withheld = self._teller.notes(entry)
        batch = self._batches.get(entry.batch_id) if entry.batch_id else None
        return AccessEntry(
            ref=self._teller.ref(entry.ref),
            kind=entry.kind.value,
            title=said.title,
            happened_at=entry.occurred_at or entry.recorded_at,
            recorded_at=entry.recorded_at,
            recorded_by=self._teller.who(entry.actor_id),
            state=state,
            by=by,
            facts=said.facts,
            account=said.summary,
            customer_words=said.customer_words,
            notes=notes,
            withheld=withheld,
            disputed=disputed,
            imported_from="" if batch is None else f"{batch.source}, {batch.file_name}",
            data=data,
        )

    def _said(self, entry: TrailEntry, data: Mapping[str, Any]) -> Told:
        """What an entry says; of an event, to which entry it belongs."""
        hidden = _OF_EVENTS | (_OF_DECISIONS if entry.kind is EntryKind.DECISION else set())
        shown = {name: value for name, value in data.items() if name not in hidden}
        title = told(entry.kind.value, data, entry.supersedes, self._teller.moment).title
        said = told(entry.kind.value, shown, entry.supersedes, self._teller.moment)
        if entry.kind is EntryKind.VOID and entry.supersedes is not None:
            taken_back = EntryRef(entry.ref.subject, entry.supersedes)
            title = f"Entry {self._teller.ref(taken_back)} taken back"
        subject = entry.ref.subject
        rows = ((label, self._teller.refs(subject, value)) for label, value in said.facts)
        said = said._replace(facts=tuple(rows))
        if entry.facts.get("staff") not in (None, str(entry.actor_id)):
            handled = ("Handled by", str(data["staff"]))
            said = said._replace(facts=(*said.facts, handled))
        event, of = data.get("event"), data.get("of")
        if isinstance(event, str) and title == words(entry.kind.value).capitalize():
            title = f"{title}: {words(str(data.get('kind', event)))}"
        if isinstance(of, int):
            belongs = ("Belongs to", self._teller.ref(EntryRef(entry.ref.subject, of)))
            return said._replace(title=title, facts=(belongs, *said.facts))
        return said._replace(title=title)

    def _state(self, entry: TrailEntry, voids: set[int]) -> tuple[str, str]:
        def ref(seq: int) -> str:
            return self._teller.ref(EntryRef(entry.ref.subject, seq))

        if entry.erased_by is not None and not entry.facts:
            return "erased", ref(entry.erased_by)
        later = entry.superseded_by
        if later is None:
            return "current", ""
        return ("taken back" if later in voids else "corrected"), ref(later)

    def _score(self) -> AccessScore | None:
        ledger = self._ledger
        try:
            fit = ledger.score(self._ids[0])
        except NotFoundError:
            return None
        policy = ledger.score_policies.get(fit.policy_version)
        open_ones = [c.entry for c in self._contests if c.state is ContestState.OPEN]
        without = score_without(ledger, self._ids[0], open_ones) if open_ones else None
        reasons = [
            AccessReason(
                r.points,
                r.text,
                (
                    *(self._teller.ref(EntryRef(self._ids[0], seq)) for seq in r.entries),
                    *map(self._teller.ref, r.merged_entries),
                ),
            )
            for r in fit.reasons
        ]
        if fit.held_back:
            text = "Held back, because too little is known."
            reasons.append(AccessReason(-fit.held_back, text, ()))
        return AccessScore(
            as_of=fit.as_of,
            score=fit.score,
            score_low=fit.score_low,
            score_high=fit.score_high,
            flagged=fit.flag,
            headline=headline(fit),
            reasons=tuple(reasons),
            missing=fit.missing,
            changes=tuple(AccessChange(change.code, change.text) for change in fit.changes),
            policy_version=policy.version,
            how=how_it_is_made(policy),
            parameters=policy.to_parameters(),
            undisputed=None if without is None else without.score,
        )

    def _decisions(self) -> Sequence[DecisionState]:
        try:
            return self._ledger.decisions.of(self._ids[0], as_of=self._day).decisions
        except NotFoundError:
            return ()

    def _decision(self, decision: DecisionState) -> AccessDecision:
        made, notice = decision.made, decision.notice
        flag = made.flag
        return AccessDecision(
            ref=self._teller.ref(made.ref),
            kind=words(made.kind),
            made_on=made.day,
            made_by=self._teller.who(made.by.id),
            state=words(decision.phase(self._day)),
            told=made.customer_text,
            reasons=made.reasons,
            review_on=decision.review_on,
            rests_on=tuple(self._teller.ref(c.ref) for c in (*made.incidents, *made.safety)),
            score=""
            if flag is None
            else f"Among other things on the score's flag of {day_in_words(flag.as_of)} "
            f"(score policy, version {flag.policy_version}).",
            notice=""
            if notice is None
            else f"You were told on {day_in_words(notice.day)}, by {notice.how}.",
            appeal_route="" if notice is None else notice.appeal_route,
            appeal=self._appeal(decision),
            reviews=tuple(self._reviews(decision)),
            marks=decision.marks if self._may_tell_marks(decision) else (),
        )

    def _may_tell_marks(self, decision: DecisionState) -> bool:
        """Whether they name nobody but those who may be named."""
        decided = decision.appeal_decided
        return self._teller.staff_names or decided is None or not decided.outsider

    def _appeal(self, decision: DecisionState) -> str:
        appeal, decided = decision.appeal, decision.appeal_decided
        if appeal is None:
            return ""
        said = f"You appealed on {day_in_words(appeal.received_on)}."
        if decided is None:
            return f"{said} It is not decided yet."
        outsider = decided.outsider if self._teller.staff_names else "a person outside the firm"
        who = outsider if decided.outsider else self._teller.who(decided.by.id)
        came = "The decision was overturned" if decided.overturned else "The decision stayed"
        return f"{said} {came}, by {who}, on {day_in_words(decided.day)}: {decided.reasons}"

    def _reviews(self, decision: DecisionState) -> Iterator[str]:
        for review in decision.reviews:
            came = (
                "ended it"
                if review.review_on is None
                else f"extended it until {day_in_words(review.review_on)}"
            )
            who = self._teller.who(review.by.id)
            yield f"On {day_in_words(review.day)}, {who} {came}: {review.reasons}"

    def _briefing(self) -> AccessBriefing | None:
        """What staff are told; how to deal with the customer is advice for staff."""
        try:
            found = self._ledger.briefings.of(self._ids[0], self._day)
        except NotFoundError:
            return None
        if found.as_usual:
            return AccessBriefing(())
        said = (d.means + ((d.to_say,) if d.to_say else ()) for d in found.decided)
        told = (*found.known, *(text for texts in said for text in texts))
        advice = (*found.dealing, *(d.to_do for d in found.decided if d.to_do))
        if self._teller.staff_texts:
            return AccessBriefing(told, advice)
        return AccessBriefing(told, (), bool(advice))

    def _complaints(self) -> Iterator[AccessComplaint]:
        try:
            found = self._ledger.complaints.of(self._ids[0])
        except NotFoundError:
            return
        zone_name = self._ledger.zone
        for complaint in found:
            opened, resolution = complaint.opened, complaint.state.round.resolution
            yield AccessComplaint(
                ref=self._teller.ref(complaint.id),
                received_on=local_day(opened.at, zone_name),
                state=words(complaint.state.phase),
                customer_words=opened.customer_words,
                account=opened.staff_account,
                outcome="" if resolution is None else words(resolution.outcome),
                reasons="" if resolution is None else resolution.reasons,
                remedy="" if resolution is None else resolution.remedy,
                resolved_on=None if resolution is None else local_day(resolution.at, zone_name),
            )

    def _contest(self, contest: Contest) -> AccessContest:
        return AccessContest(
            ref=self._teller.ref(contest.id),
            entry=self._teller.ref(contest.entry),
            received_on=contest.received_on,
            words=contest.words,
            state=contest.state.value,
            due_on=contest.due_on,
            reasons=contest.reasons,
            closed_on=contest.closed_on,
            decided_by="" if contest.closed_by is None else self._teller.who(contest.closed_by),
        )

    def _requests(self) -> Iterator[AccessReportRequest]:
        for request in self._ledger.access.of(self._ids[0]):
            yield AccessReportRequest(
                ref=self._teller.ref(request.id),
                received_on=request.received_on,
                how=request.how,
                state=request.state.value,
                due_on=request.due_on,
                closed_on=request.closed_on,
                extended_because=request.reasons,
                refusal=request.refusal,
            )

    def _sources(self) -> Iterator[AccessSource]:
        found = [entry for chain in self._chains.values() for entry in chain]
        batches = Counter(e.batch_id for e in found if e.batch_id is not None)
        for batch_id, entries in batches.items():
            batch = self._batches[batch_id]
            day = local_day(batch.started_at, self._ledger.zone)
            yield AccessSource(batch.source, batch.file_name, day, entries)
        named = Counter(
            str(e.facts["external"][0])  # type: ignore[index]
            for e in found
            if e.batch_id is None and e.facts.get("external") and e.kind is not EntryKind.VOID
        )
        for source, entries in sorted(named.items()):
            yield AccessSource(source, "", None, entries)

    def _elsewhere(self) -> Iterator[str]:
        """What the entries of others, and the firm's own, tell of the customer."""
        brought = sum(r.referred_by in self._ids for r in self._ledger.referrals.all())
        if brought:
            others = count(brought, "other customer")
            yield f"You brought {others} to us: their own data, and so not told here."
        for lesson in self._ledger.lessons.all():
            about = [e for e in (lesson.incident, *lesson.entries) if e.subject in self._ids]
            if about:
                day = day_in_words(local_day(lesson.recorded_at, self._ledger.zone))
                said = " ".join(text for text in (lesson.summary, lesson.change) if text)
                refs = ", ".join(map(self._teller.ref, about))
                yield f"What the firm learned from {refs}, written on {day}: {said}"

    def _recipients(self) -> Iterator[str]:
        roles = Counter(m.role for m in self._staff if m.active)
        people = roles[StaffRole.OWNER] + roles[StaffRole.AGENT]
        yield f"Within the firm: {people} registered people, who may read this ledger."
        if roles[StaffRole.PROGRAM]:
            yield f"{roles[StaffRole.PROGRAM]} registered programs of the firm write to it."
        yield "This ledger sends nothing to other firms, and keeps no list of whom the firm told."
