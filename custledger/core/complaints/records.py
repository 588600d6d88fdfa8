"""What the book of complaints returns: frozen values about one complaint, or about several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from custledger.core.complaints.clock import Deadline, Overdue
from custledger.core.complaints.events import ComplaintEvent, Opened, Outcome
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.regimes import Regime
from custledger.core.complaints.rules import state_of
from custledger.core.complaints.state import Complaint, Phase
from custledger.core.records import EntryRef, Fault
from custledger.core.refusal import Refusal

__all__ = [
    "ComplaintChange",
    "ComplaintDeadline",
    "ComplaintEntry",
    "ComplaintRecord",
    "FaultChange",
    "NextStep",
    "OverdueComplaint",
    "Recovery",
]


@dataclass(frozen=True, slots=True)
class FaultChange:
    """The fault of a contact that a complaint changed, by which entry, and what it was before."""

    interaction: EntryRef
    entry: EntryRef
    before: Fault
    after: Fault
    reason: str


@dataclass(frozen=True, slots=True)
class ComplaintEntry:
    """One event of a complaint as it was recorded; ``event.by`` is who did it.

    ``escalated_to`` is the owner who has it. ``fault_before`` is what the fault of the contact was
    before a resolution changed it, None where it changed nothing.
    """

    ref: EntryRef
    event: ComplaintEvent
    recorded_at: datetime
    recorded_by: UUID
    staff_note: str = ""
    escalated_to: UUID | None = None
    fault_before: Fault | None = None


@dataclass(frozen=True, slots=True)
class ComplaintRecord:
    """A complaint: what happened, where it stands, and by which versions it is dealt with.

    ``id`` is the entry that opened it; ``entries`` are sorted by when they happened. ``warnings``
    say what to know about it, such as a calendar that has no holidays.
    """

    id: EntryRef
    state: Complaint
    plan: ComplaintPlan
    regimes: tuple[Regime, ...]
    entries: tuple[ComplaintEntry, ...]
    warnings: tuple[str, ...] = ()

    @property
    def customer_id(self) -> UUID:
        """Whose complaint it is."""
        return self.id.subject

    @property
    def opened(self) -> Opened:
        """Its opening."""
        return self.state.opened

    @property
    def phase(self) -> Phase:
        """Open, waiting for the customer, or resolved."""
        return self.state.phase

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it did not."""
        end = self.state.round.resolution
        return None if end is None else end.outcome

    @property
    def interaction(self) -> EntryRef | None:
        """The contact by which it came."""
        seq = self.opened.interaction
        return None if seq is None else EntryRef(self.id.subject, seq)

    def on(self, as_of: datetime) -> ComplaintRecord | None:
        """The complaint as it stood at a moment; None before it was received."""
        entries = tuple(one for one in self.entries if one.event.at <= as_of)
        if len(entries) == len(self.entries):
            return self
        if not entries:
            return None
        state = state_of([one.event for one in entries], self.plan)
        return replace(self, state=state, entries=entries)


@dataclass(frozen=True, slots=True)
class ComplaintChange:
    """What came of an event: it was recorded, or refused with reasons and nothing was written.

    ``complaint`` is how it stands now. ``faults`` are contacts whose fault was corrected with it.
    ``remarks`` are sentences for who recorded it.
    """

    done: bool
    complaint: ComplaintRecord
    entry: EntryRef | None = None
    refusals: tuple[Refusal, ...] = ()
    faults: tuple[FaultChange, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintDeadline(Deadline):
    """A deadline; ``assumption`` says what is not known that could make it later than it says."""

    assumption: str = ""


class NextStep(NamedTuple):
    """A step that is left, and by when; ``due`` None: it has no deadline, or the clock stands."""

    step: Step
    due: datetime | None


@dataclass(frozen=True, slots=True)
class OverdueComplaint:
    """A complaint with deadlines that have passed unmet, the one that is latest first.

    ``waiting`` is how long the customer has been left waiting, in real time.
    """

    complaint: ComplaintRecord
    waiting: timedelta
    overdue: tuple[Overdue, ...]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the deadlines assume, each once."""
        found = (one.deadline for one in self.overdue)
        said = (d.assumption for d in found if isinstance(d, ComplaintDeadline) and d.assumption)
        return tuple(dict.fromkeys(said))


@dataclass(frozen=True, slots=True)
class Recovery:
    """A resolved complaint whose customer came back.

    ``purchases`` is the number of sales and invoices after the resolution, ``first`` the earliest;
    ``shown_by`` is what a member of staff recorded, empty where nobody did.
    """

    complaint: EntryRef
    outcome: Outcome
    resolved_at: datetime
    satisfied: bool | None
    purchases: int
    first: EntryRef | None
    first_at: datetime | None
    shown_by: str
