"""Regimes of complaint handling: who must answer by when, and what the source of that is.

A firm's own promise is one, each law another; a complaint may stand under several, and each has its
own deadlines. Those that come with the package are in
``custledger.core.complaints.regimes_built_in``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self, TypedDict, Unpack

from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_flag, check_name, check_required
from custledger.core.clock import date_of_day, day_number
from custledger.core.reading import built
from custledger.errors import BadInputError

__all__ = ["Milestone", "Regime", "RegimeParts"]

_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Milestone(StrEnum):
    """What a complainant waits for, in this order."""

    ACKNOWLEDGEMENT = "acknowledgement"
    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"


class RegimeParts(TypedDict, total=False):
    """What of a regime can be changed."""

    name: str
    source: str
    read_on: date | None
    acknowledgement: TimeLimit | None
    first_response: TimeLimit | None
    resolution: TimeLimit | None
    extended: TimeLimit | None
    restarts: bool
    on_expiry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """The time limits for a complaint, each from its receipt; None is a limit that is not set.

    ``extended`` is the limit of the resolution once the customer was told why it takes longer.
    ``restarts``: a complaint that is reopened has the full limits again. ``on_expiry`` says what
    the firm does when the resolution is overdue. ``source`` is the law or rule; ``read_on`` the day
    on which its text was read, None if it was not yet.
    """

    id: str
    name: str
    source: str
    on_expiry: str
    version: int = 1
    read_on: date | None = None
    acknowledgement: TimeLimit | None = None
    first_response: TimeLimit | None = None
    resolution: TimeLimit | None = None
    extended: TimeLimit | None = None
    restarts: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(check_required(self.id, "id")):
            raise BadInputError(
                f"{self.id!r} is not an id of a regime: use lower-case letters, digits and _."
            )
        object.__setattr__(self, "name", check_name(self.name))
        for name in ("source", "on_expiry"):
            object.__setattr__(self, name, check_required(getattr(self, name), name))
        if type(self.version) is not int or self.version < 1:
            raise BadInputError(f"Versions count from 1; {self.version!r} is none.")
        if self.read_on is not None:
            check_day(self.read_on, "read_on")
        object.__setattr__(self, "restarts", check_flag(self.restarts, "restarts"))
        for name in _LIMITS:
            if not isinstance(getattr(self, name), TimeLimit | None):
                raise BadInputError(f"{name} is a TimeLimit, such as TimeLimit.working_hours(4).")
        if self.extended is not None and self.resolution is None:
            raise BadInputError("extended lengthens a resolution; give that limit too.")

    def limit_of(self, milestone: Milestone) -> TimeLimit | None:
        """The limit of a milestone, or None where the regime sets none."""
        limit: TimeLimit | None = getattr(self, milestone.value)
        return limit

    def changed(self, **parts: Unpack[RegimeParts]) -> Self:
        """The next version, with other parts.

        >>> from custledger.core.complaints.regimes_built_in import HOUSE
        >>> HOUSE.changed(acknowledgement=TimeLimit.working_hours(2)).version
        2
        """
        return replace(self, version=self.version + 1, **parts)

    def to_body(self) -> dict[str, JsonValue]:
        """All that is set, as a trail entry keeps it."""
        body: dict[str, JsonValue] = {"id": self.id, "version": self.version, "name": self.name}
        body |= {"source": self.source, "on_expiry": self.on_expiry}
        for name in _LIMITS:
            limit: TimeLimit | None = getattr(self, name)
            if limit is not None:
                body[name] = limit.to_body()
        if self.read_on is not None:
            body["read_day"] = day_number(self.read_on)
        return body | ({"restarts": True} if self.restarts else {})

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The regime that ``to_body`` wrote."""
        values = dict(body)
        read_day = values.pop("read_day", None)
        for name in _LIMITS:
            if name in values:
                values[name] = TimeLimit.from_body(values[name])
        values["read_on"] = None if read_day is None else date_of_day(read_day)
        return built(cls, values, "regime")


_LIMITS: Final = ("acknowledgement", "first_response", "resolution", "extended")
