"""The complaint book: what came in, what was done by when, how it ended, and who came back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Unpack, cast

from custledger.core.calendar.wall_clock import end_of_day
from custledger.core.checks import check_day, check_moment
from custledger.core.clock import date_of_day, to_microseconds
from custledger.core.complaints.clock import missed_steps, next_steps
from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Escalated,
    Exposure,
    Extended,
    Outcome,
    Paused,
    Recovered,
    Reopened,
    Resolved,
    Responded,
    Resumed,
    SatisfactionGiven,
    StepDone,
    StepSkipped,
)
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.records import (
    ComplaintChange,
    ComplaintDeadline,
    ComplaintRecord,
    NextStep,
    OverdueComplaint,
    Recovery,
)
from custledger.core.complaints.regimes import Regime
from custledger.core.complaints.state import Phase
from custledger.core.due import DueItem
from custledger.core.records import Channel, EntryKind, EntryRef, Interaction
from custledger.storage.bulk import table_of
from custledger.storage.complaints.complaints import (
    complaint_deadlines,
    complaints_from,
    complaints_of_cases,
    open_cases,
    steps_left,
)
from custledger.storage.complaints.opening import OpeningFacts, open_complaint
from custledger.storage.complaints.policies import complaint_policies
from custledger.storage.complaints.reports import overdue_complaints, passed_lines, recoveries
from custledger.storage.complaints.rules import escalation, extension, pause, resolution
from custledger.storage.complaints.writing import (
    Also,
    ComplaintLike,
    Happened,
    Make,
    read_complaint,
    record_event,
    void_entry,
)
from custledger.storage.context import Context
from custledger.storage.events import events_of, events_where
from custledger.storage.lookup import CustomerLike, StaffLike, customer_key
from custledger.storage.merges import group_of
from custledger.storage.tables import EventRow

__all__ = ["ComplaintBook", "ComplaintLike", "Happened"]

_complaint = table_of(EventRow).c.kind == EntryKind.COMPLAINT


class ComplaintBook:
    """Complaints, each dealt with by a plan and by clocks; see ``docs/howto/complaints.md``.

    What may not come now is refused in the answer (``done`` is False, ``refusals`` say why), and
    nothing is written. A broken call is a BadInputError, an unknown name a NotFoundError.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(
        self,
        customer: CustomerLike,
        *,
        channel: Channel | str | None = None,
        customer_words: str = "",
        staff_account: str = "",
        occurred_at: datetime | None = None,
        plan: ComplaintPlan | str | None = None,
        regimes: Iterable[Regime | str] = (),
        exposure: Exposure | tuple[Any, ...] | Mapping[str, Any] | None = None,
        interaction: Interaction | EntryRef | None = None,
        staff: StaffLike | None = None,
        staff_note: str = "",
        handling_time: timedelta | None = None,
        product: str = "",
        cause: str = "",
    ) -> ComplaintRecord:
        """Record that a complaint was received; it always stands under the firm's own promise.

        ``interaction`` is the contact by which it came, of the same customer; without one, a
        contact whose purpose is to complain is recorded with it, so that the score sees it. What
        was said stands in the complaint alone. ``regimes`` are ids of the laws it falls under;
        ``exposure`` (platform, handle, reach) is said of a public complaint, which has the public
        plan unless ``plan`` names another one.
        """
        facts = OpeningFacts(
            channel=channel,
            customer_words=customer_words,
            staff_account=staff_account,
            occurred_at=occurred_at,
            plan=plan,
            regimes=regimes,
            exposure=exposure,
            interaction=interaction,
            staff=staff,
            staff_note=staff_note,
            handling_time=handling_time,
            product=product,
            cause=cause,
        )
        with self._context.write() as journal:
            return open_complaint(journal, self._context, customer, facts)

    def acknowledge(
        self, complaint: ComplaintLike, *, note: str = "", **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that the customer was told that it arrived, and who sees to it."""
        return self._record(complaint, _maker(Acknowledged, note=note), happened)

    def respond(
        self, complaint: ComplaintLike, *, summary: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record an answer on the matter; the first one counts, and acknowledges too."""
        return self._record(complaint, _maker(Responded, summary=summary), happened)

    def step_done(
        self, complaint: ComplaintLike, step: str, *, note: str = "", **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that a step of the plan, by its id, was done."""
        return self._record(complaint, _maker(StepDone, step=step, note=note), happened)

    def step_skipped(
        self, complaint: ComplaintLike, step: str, *, reason: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that a step of the plan was left out, and why."""
        return self._record(complaint, _maker(StepSkipped, step=step, reason=reason), happened)

    def pause(
        self, complaint: ComplaintLike, *, reason: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that we wait for the customer, and told them for what.

        The clocks of working time stand still meanwhile; days, weeks and months of a law go on.
        """
        return self._record(complaint, _maker(Paused, reason=reason), happened, pause)

    def resume(
        self, complaint: ComplaintLike, *, note: str = "", **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that the customer answered, or that we go on without."""
        return self._record(complaint, _maker(Resumed, note=note), happened)

    def escalate(
        self,
        complaint: ComplaintLike,
        *,
        reason: str,
        to: StaffLike | None = None,
        **happened: Unpack[Happened],
    ) -> ComplaintChange:
        """Take it to the owner, where the buck stops: ``to`` one of several, by default the first.

        Refused if that person is no owner, or has left.
        """
        also = escalation(self._context, to)
        return self._record(complaint, _maker(Escalated, reason=reason), happened, also)

    def extend(
        self, complaint: ComplaintLike, *, reason: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that the customer was told why it takes longer, where a regime allows that."""
        return self._record(complaint, _maker(Extended, reason=reason), happened, extension)

    def resolve(
        self,
        complaint: ComplaintLike,
        *,
        outcome: Outcome | str,
        reasons: str,
        remedy: str = "",
        **happened: Unpack[Happened],
    ) -> ComplaintChange:
        """Record the final answer: outcome, reasons and, where it is upheld, the remedy.

        Upheld sets the fault of the contact by which it came to ours by a correction, partly upheld
        to shared, so that the score changes at once; ``faults`` names what was corrected. One that
        was upheld before, and is not now, gives the contact back the fault it had.
        """
        make = _maker(Resolved, outcome=outcome, reasons=reasons, remedy=remedy)
        return self._record(complaint, make, happened, resolution(self._context))

    def satisfaction(
        self,
        complaint: ComplaintLike,
        *,
        satisfied: bool,
        customer_words: str = "",
        **happened: Unpack[Happened],
    ) -> ComplaintChange:
        """Record whether the customer is satisfied with how it ended; the last answer counts."""
        make = _maker(SatisfactionGiven, satisfied=satisfied, customer_words=customer_words)
        return self._record(complaint, make, happened)

    def reopen(
        self, complaint: ComplaintLike, *, reason: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that it goes on. The contact's fault stays as judged until it is resolved anew."""
        return self._record(complaint, _maker(Reopened, reason=reason), happened)

    def recovered(
        self, complaint: ComplaintLike, *, shown_by: str, **happened: Unpack[Happened]
    ) -> ComplaintChange:
        """Record that the customer came back, and what shows it; ``recoveries`` finds purchases."""
        return self._record(complaint, _maker(Recovered, shown_by=shown_by), happened)

    def void(self, entry: ComplaintLike, *, reason: str) -> ComplaintChange:
        """Take back an event that was entered by mistake, or with its opening a whole complaint.

        ``entry`` is the event (an EntryRef, or one of ``entries``) or the complaint. Refused where
        a later event rests on it. A contact that was recorded with the complaint stays; if a
        resolution goes, the contact's fault is as before.
        """
        with self._context.write() as journal:
            return void_entry(journal, self._context, entry, reason)

    def get(self, complaint: ComplaintLike) -> ComplaintRecord:
        """The complaint as it stands; NotFoundError if there is none, or it was voided."""
        with self._context.read() as connection:
            return read_complaint(connection, self._context, complaint)

    def of(self, customer: CustomerLike) -> list[ComplaintRecord]:
        """A customer's complaints under every name that counts as theirs, as recorded."""
        with self._context.read() as connection:
            keys = group_of(connection, customer_key(connection, self._context, customer))
            events = events_of(connection, self._context, EntryKind.COMPLAINT, keys)
            return complaints_from(events, complaint_policies(connection, self._context))

    def all(self, *, open_only: bool = False) -> list[ComplaintRecord]:
        """Every complaint in the order of recording, or those that are not resolved."""
        with self._context.read() as connection:
            policies = complaint_policies(connection, self._context)
            if open_only:
                cases = open_cases(connection, to_microseconds(self._context.now()))
                found = complaints_of_cases(connection, self._context, policies, cases)
                return [one for one in found if one.phase is not Phase.RESOLVED]
            events = events_where(connection, self._context, _complaint)
            return complaints_from(events, policies)

    def deadlines(self, complaint: ComplaintLike) -> tuple[ComplaintDeadline, ...]:
        """By when what is due, under each regime, and when it was met."""
        with self._context.read() as connection:
            policies = complaint_policies(connection, self._context)
            return complaint_deadlines(
                read_complaint(connection, self._context, complaint, policies), policies
            )

    def next_steps(self, complaint: ComplaintLike) -> tuple[NextStep, ...]:
        """The steps of its plan that are left, in order, with the moment by which each is due."""
        with self._context.read() as connection:
            policies = complaint_policies(connection, self._context)
            found = read_complaint(connection, self._context, complaint, policies)
            return steps_left(found, policies, next_steps(found.state, found.plan))

    def missed_steps(self, complaint: ComplaintLike) -> tuple[Step, ...]:
        """The steps, of those always needed, that a resolved complaint left without a word."""
        found = self.get(complaint)
        return missed_steps(found.state, found.plan)

    def overdue(self, as_of: datetime | date | None = None) -> list[OverdueComplaint]:
        """The complaints with a deadline that passed unmet: who has waited longest comes first.

        ``as_of`` is a moment, or a day, whose end is meant; by default, and for today, it is now.
        """
        moment = self._moment(as_of)
        with self._context.read() as connection:
            return overdue_complaints(connection, self._context, moment)

    def passed(self, *, since: datetime | None, as_of: datetime) -> list[DueItem]:
        """The deadlines that passed unmet after ``since``, until ``as_of``, in their order.

        With ``since=None``, those that are unmet still.
        """
        if since is not None:
            check_moment(since, "since")
        check_moment(as_of, "as_of")
        with self._context.read() as connection:
            return passed_lines(connection, self._context, since, as_of)

    def recoveries(self, as_of: datetime | date | None = None) -> list[Recovery]:
        """The resolved complaints whose customers came back, the latest resolution first.

        Sales and invoices after the resolution show it, under every name that counts as the
        customer's, and what a member of staff recorded.
        """
        moment = self._moment(as_of)
        with self._context.read() as connection:
            policies = complaint_policies(connection, self._context)
            events = events_where(connection, self._context, _complaint)
            then = (one.on(moment) for one in complaints_from(events, policies))
            known = [one for one in then if one is not None]
            return recoveries(connection, self._context, known, moment)

    def _record(
        self,
        complaint: ComplaintLike,
        make: Make,
        happened: Happened,
        also: Also | None = None,
    ) -> ComplaintChange:
        with self._context.write() as journal:
            return record_event(journal, self._context, complaint, make, happened, also)

    def _moment(self, as_of: datetime | date | None) -> datetime:
        now = self._context.now()
        if as_of is None:
            return now
        if isinstance(as_of, datetime):
            check_moment(as_of, "as_of")
            return as_of
        end = end_of_day(date_of_day(check_day(as_of, "as_of")), self._context.zone)
        return now if as_of == date_of_day(self._context.today()) else end


def _maker(event: Any, **facts: Any) -> Make:
    return lambda at, by: cast(ComplaintEvent, event(at=at, by=by, **facts))
