"""The plans to start from: one for every complaint, one for those that others can read.

A firm writes its own versions. The words follow the design: answer the person first, no excuses,
and never argue in public.
"""

from __future__ import annotations

from typing import Final

from custledger.core.calendar.time_limits import Clock, TimeLimit
from custledger.core.complaints.plan import ESCALATE, ComplaintPlan, Step
from custledger.core.complaints.regimes import Milestone
from custledger.core.records import StaffRole

__all__ = ["PLAN", "PUBLIC_PLAN"]

_ESCALATE: Final = Step(
    id=ESCALATE,
    title="Take it to the owner",
    guidance="Say what was tried and what the customer asks for. The owner decides and answers.",
    owner=StaffRole.OWNER,
    due=Milestone.RESOLUTION,
    when="when you are stuck, or the customer asks for it",
)
_CORRECT: Final = Step(
    id="correct",
    title="Correct what can be corrected",
    guidance="Do what was agreed, and check that it was done.",
    due=Milestone.RESOLUTION,
)
_FOLLOW_UP: Final = Step(
    id="follow_up",
    title="Follow up",
    guidance="Ask whether all is well now, and record the answer: satisfied or not.",
    due=TimeLimit(14, Clock.DAYS),
    after_resolution=True,
)
_LESSON: Final = Step(
    id="lesson",
    title="Record the lesson",
    guidance="What did it cost, and what do we change, so that it does not happen again?",
    owner=StaffRole.OWNER,
    due=TimeLimit(20, Clock.WORKING_DAYS),
    after_resolution=True,
)

PLAN: Final = ComplaintPlan(
    name="Complaint",
    steps=(
        Step(
            id="answer",
            title="Answer the person first",
            guidance="Thank them for telling us, say who sees to it and by when they hear from us.",
            due=Milestone.ACKNOWLEDGEMENT,
            closed_by=Milestone.ACKNOWLEDGEMENT,
        ),
        Step(
            id="listen",
            title="Listen",
            guidance="Let them tell it whole. Record their own words; the staff's account stands "
            "beside it.",
            due=Milestone.FIRST_RESPONSE,
        ),
        Step(
            id="apologise",
            title="Apologise, without excuses",
            guidance="Say that we are sorry for what they went through. Explain only if they ask.",
            due=Milestone.FIRST_RESPONSE,
        ),
        Step(
            id="propose",
            title="Propose a resolution",
            guidance="Judge the complaint on its merits, however it was put. Say what we offer, "
            "and ask whether it would put things right.",
            due=Milestone.FIRST_RESPONSE,
            closed_by=Milestone.FIRST_RESPONSE,
        ),
        _CORRECT,
        _ESCALATE,
        _FOLLOW_UP,
        _LESSON,
    ),
)
"""For every complaint that comes to the firm itself."""

PUBLIC_PLAN: Final = ComplaintPlan(
    name="Public complaint",
    public=True,
    steps=(
        Step(
            id="answer",
            title="Answer once, in public, with regret",
            guidance="Say that we are sorry and want to put it right. Once is enough: never argue "
            "in public, and name nothing that is private.",
            due=Milestone.ACKNOWLEDGEMENT,
            closed_by=Milestone.ACKNOWLEDGEMENT,
        ),
        Step(
            id="invite",
            title="Invite them to a private channel",
            guidance="Give a name and a direct way to reach that person.",
            due=Milestone.ACKNOWLEDGEMENT,
        ),
        Step(
            id="listen",
            title="Listen, in private",
            guidance="Let them tell it whole. Record their own words; the staff's account stands "
            "beside it.",
            due=Milestone.FIRST_RESPONSE,
        ),
        Step(
            id="propose",
            title="Resolve it in private",
            guidance="Apologise without excuses, judge the complaint on its merits, and say what "
            "we offer.",
            due=Milestone.FIRST_RESPONSE,
            closed_by=Milestone.FIRST_RESPONSE,
        ),
        _CORRECT,
        _ESCALATE,
        Step(
            id="walk_away",
            title="Block, and walk away",
            guidance="Propose a block to the owner: it is a decision, with reasons, notice and a "
            "review date. Answer nothing more in public.",
            owner=StaffRole.OWNER,
            when="if the attacks go on after the private answer",
        ),
        _FOLLOW_UP,
        _LESSON,
    ),
)
"""For complaints that others can read."""
