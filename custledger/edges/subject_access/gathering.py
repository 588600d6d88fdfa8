"""All that is held about a customer, read from the ledger and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from custledger.core.checks import check_text
from custledger.core.clock import date_of_day
from custledger.core.decisions.state import DecisionState
from custledger.core.privacy.retention import KINDS, Kept
from custledger.core.privacy.subject_access import Contest, ContestState
from custledger.core.records import EntryKind, EntryRef, StaffRole
from custledger.core.words import count, day_in_words, words
from custledger.edges.subject_access.deciding import access_decision
from custledger.edges.subject_access.entries import EntryTeller
from custledger.edges.subject_access.report import (
    AccessBriefing,
    AccessChange,
    AccessComplaint,
    AccessContest,
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
        disputed = {c.entry for c in self._contests if c.state is ContestState.OPEN}
        told = EntryTeller(self._teller, self._batches, disputed)
        entries = [e for chain in self._chains.values() for e in told.entries(chain)]
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
            decisions=tuple(access_decision(d, self._teller, self._day) for d in self._decisions()),
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
