"""The plan for complaints: steps prepared in advance, in order, with guidance and an owner.

A plan is versioned. A complaint keeps the version it was opened with, so that a new plan never
judges what came before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_flag, check_member, check_name, check_required, check_text
from custledger.core.complaints.regimes import Milestone
from custledger.core.reading import built
from custledger.core.records import StaffRole
from custledger.errors import BadInputError

__all__ = ["ESCALATE", "ComplaintPlan", "Step"]

ESCALATE: Final = "escalate"
"""The id of the step that escalating does by itself."""

_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_STEPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what to do, and by which clock.

    ``owner`` is the role that sees to it (a person: agent or owner). ``due`` is a milestone, by
    whose deadline it is done, or a time limit of its own from the complaint's receipt (or, with
    ``after_resolution``, from its resolution); None is no deadline. ``closed_by`` names the
    milestone that does the step by itself. ``when`` says in words when a step is needed at all; a
    step without it is always needed.
    """

    id: str
    title: str
    guidance: str = ""
    owner: StaffRole = StaffRole.AGENT
    due: Milestone | TimeLimit | None = None
    closed_by: Milestone | None = None
    after_resolution: bool = False
    when: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(check_required(self.id, "id of the step")):
            raise BadInputError(
                f"{self.id!r} is not an id of a step: use lower-case letters, digits and _."
            )
        object.__setattr__(self, "title", check_name(self.title))
        for name in ("guidance", "when"):
            object.__setattr__(self, name, check_text(getattr(self, name), name))
        object.__setattr__(self, "owner", check_member(StaffRole, self.owner))
        check_flag(self.after_resolution, "after_resolution")
        _check_step(self)

    @property
    def is_always_needed(self) -> bool:
        """Whether the step belongs to every complaint."""
        return not self.when

    def to_body(self) -> dict[str, JsonValue]:
        """What is not at its default."""
        body: dict[str, JsonValue] = {"id": self.id, "title": self.title}
        for name in ("guidance", "when"):
            if text := getattr(self, name):
                body[name] = text
        if self.owner is not StaffRole.AGENT:
            body["owner"] = self.owner.value
        if isinstance(self.due, TimeLimit):
            body["limit"] = self.due.to_body()
        elif self.due is not None:
            body["due"] = self.due.value
        if self.closed_by is not None:
            body["closed_by"] = self.closed_by.value
        return body | ({"after_resolution": True} if self.after_resolution else {})

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The step that ``to_body`` wrote."""
        values = dict(body)
        for name in ("due", "closed_by"):
            if name in values:
                values[name] = check_member(Milestone, values[name])
        if "limit" in values:
            values["due"] = TimeLimit.from_body(values.pop("limit"))
        return built(cls, values, "step")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintPlan:
    """A version of a plan: its steps in their order, each id once.

    ``public`` is a plan for complaints that others can read, such as on a social network.
    """

    name: str
    steps: tuple[Step, ...]
    version: int = 1
    public: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_name(self.name))
        object.__setattr__(self, "steps", tuple(self.steps))
        check_flag(self.public, "public")
        if type(self.version) is not int or self.version < 1:
            raise BadInputError(f"Versions of a plan count from 1; {self.version!r} is none.")
        if not 1 <= len(self.steps) <= _MOST_STEPS:
            raise BadInputError(f"A plan has 1 to {_MOST_STEPS} steps, not {len(self.steps)}.")
        ids = [step.id for step in self.steps]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise BadInputError(f"Steps named twice: {', '.join(twice)}. Give each its own id.")

    def step(self, id: str) -> Step | None:  # noqa: A002 - the word of the plan
        """The step of that id, or None."""
        return next((step for step in self.steps if step.id == id), None)

    def changed(self, *, steps: Iterable[Step] | None = None, name: str | None = None) -> Self:
        """The next version, with other steps or another name.

        >>> from custledger.core.complaints.plans_built_in import PLAN
        >>> PLAN.changed(steps=PLAN.steps[:3]).version
        2
        """
        return replace(
            self,
            version=self.version + 1,
            steps=self.steps if steps is None else tuple(steps),
            name=self.name if name is None else name,
        )

    def with_step(self, step: Step, *, after: str | None = None) -> Self:
        """The next version, with one more step: after the one of that id, or at the end.

        A step whose id is there already takes its place.
        """
        rest = [s for s in self.steps if s.id != step.id]
        if after is None:
            place = next((i for i, s in enumerate(self.steps) if s.id == step.id), len(rest))
        else:
            place = _place(rest, after) + 1
        return self.changed(steps=(*rest[:place], step, *rest[place:]))

    def without_step(self, id: str) -> Self:  # noqa: A002 - the word of the plan
        """The next version, without the step of that id."""
        _place(self.steps, id)
        return self.changed(steps=(s for s in self.steps if s.id != id))

    def to_body(self) -> dict[str, JsonValue]:
        """Name, version and steps, as a trail entry keeps them."""
        return {
            "name": self.name,
            "version": self.version,
            "public": self.public,
            "steps": [step.to_body() for step in self.steps],
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The plan that ``to_body`` wrote."""
        steps = tuple(Step.from_body(step) for step in body.get("steps", ()))
        return built(cls, {**body, "steps": steps}, "plan")


def _check_step(step: Step) -> None:
    if step.owner is StaffRole.PROGRAM:
        raise BadInputError(f"Step {step.id}: a person owns a step, an agent or an owner.")
    if step.due is not None and not isinstance(step.due, Milestone | TimeLimit):
        raise BadInputError(f"Step {step.id}: due is a Milestone or a TimeLimit, or None.")
    if step.closed_by is not None and not isinstance(step.closed_by, Milestone):
        raise BadInputError(f"Step {step.id}: closed_by is a Milestone or None.")
    if step.after_resolution and (isinstance(step.due, Milestone) or step.closed_by):
        raise BadInputError(
            f"Step {step.id} comes after the resolution: give it a TimeLimit, and no milestone."
        )


def _place(steps: Iterable[Step], id: str) -> int:  # noqa: A002 - the word of the plan
    ids = [step.id for step in steps]
    if id not in ids:
        raise BadInputError(f"No step {id!r} in the plan. Steps are: {', '.join(ids)}.")
    return ids.index(id)
