"""The commands that record what happens to a complaint, one an event."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from custledger.cli.complaints_shown import answer
from custledger.cli.entries import At, EntryArgument, Note, Reason, Words, given
from custledger.cli.options import option
from custledger.cli.session import Session, command, entry_of, moment
from custledger.core.complaints.events import Outcome

__all__ = ["ByStaff", "app", "record_happening"]

app = typer.Typer()

Happening = Annotated[
    str | None,
    option("--note", metavar="TEXT", text="What was said or done; the customer may see it."),
]
ByStaff = Annotated[str | None, option("--staff", metavar="NAME", text="Who did it. Default: you.")]
StepArgument = Annotated[
    str,
    typer.Argument(
        metavar="STEP", help="The id of the step, as `complaint next` shows.", show_default=False
    ),
]


@command(app, "acknowledge", 'custledger complaint acknowledge "Ann Miller#8" --note "by phone"')
def acknowledge(
    session: Session,
    entry: EntryArgument,
    note: Happening = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that the customer was told that it arrived, and who sees to it."""
    facts = given(note=note)
    record_happening(session, entry, "acknowledge", facts, at, staff, staff_note)


@command(
    app, "respond", 'custledger complaint respond "Ann Miller#8" --summary "offered a new meal"'
)
def respond(
    session: Session,
    entry: EntryArgument,
    summary: Annotated[str, option("--summary", metavar="TEXT", text="What the answer was.")],
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record an answer on the matter; the first one counts."""
    record_happening(session, entry, "respond", {"summary": summary}, at, staff, staff_note)


@command(app, "step", 'custledger complaint step "Ann Miller#8" listen --note "20 minutes"')
def step(
    session: Session,
    entry: EntryArgument,
    step_id: StepArgument,
    note: Happening = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that a step of the plan was done."""
    facts = given(step=step_id, note=note)
    record_happening(session, entry, "step_done", facts, at, staff, staff_note)


@command(
    app, "skip", 'custledger complaint skip "Ann Miller#8" apologise --reason "said at the door"'
)
def skip(
    session: Session,
    entry: EntryArgument,
    step_id: StepArgument,
    reason: Reason,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that a step of the plan was left out, and why."""
    facts = {"step": step_id, "reason": reason}
    record_happening(session, entry, "step_skipped", facts, at, staff, staff_note)


@command(app, "pause", 'custledger complaint pause "Ann Miller#8" --reason "asked for a photo"')
def pause(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that we wait for the customer, and told them for what; our clock stands still."""
    record_happening(session, entry, "pause", {"reason": reason}, at, staff, staff_note)


@command(app, "resume", 'custledger complaint resume "Ann Miller#8" --note "the photo came"')
def resume(
    session: Session,
    entry: EntryArgument,
    note: Happening = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that the customer answered, or that we go on without."""
    record_happening(session, entry, "resume", given(note=note), at, staff, staff_note)


@command(app, "escalate", 'custledger complaint escalate "Ann Miller#8" --reason "no agreement"')
def escalate(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    to: Annotated[
        str | None, option("--to", metavar="NAME", text="Which owner. Default: the first.")
    ] = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Take it to the owner, where the buck stops."""
    record_happening(session, entry, "escalate", given(reason=reason, to=to), at, staff, staff_note)


@command(app, "extend", 'custledger complaint extend "Ann Miller#8" --reason "the bank looks"')
def extend(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that the customer was told why it takes longer, where a regime allows that."""
    record_happening(session, entry, "extend", {"reason": reason}, at, staff, staff_note)


@command(
    app,
    "resolve",
    'custledger complaint resolve "Ann Miller#8" --outcome upheld --reasons "it was cold" '
    '--remedy "half the price back"',
    'custledger complaint resolve "Ann Miller#8" --outcome not_upheld --reasons "it was hot"',
)
def resolve(
    session: Session,
    entry: EntryArgument,
    outcome: Annotated[
        Outcome, option("--outcome", metavar="WORD", text=f"One of: {', '.join(Outcome)}.")
    ],
    reasons: Annotated[str, option("--reasons", metavar="TEXT", text="Why it ends so.")],
    remedy: Annotated[
        str | None,
        option("--remedy", metavar="TEXT", text="What the customer gets, if it is upheld."),
    ] = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record the final answer.

    An upheld complaint sets the fault of its contact to ours by a correction, so that the score
    changes at once.
    """
    facts = given(outcome=outcome, reasons=reasons, remedy=remedy)
    record_happening(session, entry, "resolve", facts, at, staff, staff_note)


@command(app, "satisfaction", 'custledger complaint satisfaction "Ann Miller#8" --satisfied')
def satisfaction(
    session: Session,
    entry: EntryArgument,
    satisfied: Annotated[
        bool, typer.Option("--satisfied/--not-satisfied", help="Which it is.", show_default=False)
    ],
    customer_words: Words = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record whether the customer is satisfied with how it ended."""
    facts = given(satisfied=satisfied, customer_words=customer_words)
    record_happening(session, entry, "satisfaction", facts, at, staff, staff_note)


@command(app, "reopen", 'custledger complaint reopen "Ann Miller#8" --reason "cold again"')
def reopen(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
) -> None:
    """Record that it goes on; the fault stays as judged until it is resolved anew."""
    record_happening(session, entry, "reopen", {"reason": reason}, at, staff, staff_note)


def record_happening(
    session: Session,
    entry: str,
    method: str,
    facts: dict[str, Any],
    at: str | None,
    staff: str | None,
    staff_note: str | None,
) -> None:
    """Record an event by the method of the book, and say what came of it."""
    with session.open() as ledger:
        ref = entry_of(ledger, entry)
        happened = given(occurred_at=moment(at, ledger), staff=staff, staff_note=staff_note)
        step = getattr(ledger.complaints, method)
        # A step's id is the one argument that has no name.
        named = [facts.pop("step")] if "step" in facts else []
        answer(ledger, step(ref, *named, **facts, **happened))
