"""Plans and regimes as TOML files that people write, and a plan written as one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.clock import day_number
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.regimes import Regime
from custledger.errors import BadInputError

__all__ = ["PlanFile", "plan_as_toml", "read_plan", "read_regime"]

_LIMITS: Final = ("acknowledgement", "first_response", "resolution", "extended")
_PLAN_KEYS: Final = frozenset(("name", "public", "step"))


class PlanFile(NamedTuple):
    """What a file says of a plan; ``public`` None: it does not say."""

    name: str
    steps: tuple[Step, ...]
    public: bool | None


def read_plan(path: Path) -> PlanFile:
    """The plan of a file: ``name``, ``public``, and a ``[[step]]`` each; BadInputError otherwise.

    A step has the fields of ``Step``; its own time limit is ``limit = "14 days"``.
    """
    found = _read(path)
    unknown = found.keys() - _PLAN_KEYS
    steps = found.get("step", [])
    if unknown or "name" not in found or not isinstance(steps, list):
        raise BadInputError(
            f"{path}: a plan has name, public and steps ([[step]])"
            + (f", and no {', '.join(sorted(unknown))}." if unknown else ".")
        )
    made = tuple(_about(path, Step.from_body, _with_limits(step, ("limit",))) for step in steps)
    return PlanFile(found["name"], made, found.get("public"))


def read_regime(path: Path) -> Regime:
    """The regime of a file, with the fields of ``Regime``; limits are words, as ``"8 weeks"``."""
    found = _with_limits(_read(path), _LIMITS)
    found["version"] = 1
    read_on = found.pop("read_on", None)
    if isinstance(read_on, date):
        found["read_day"] = day_number(read_on)
    elif read_on is not None:
        raise BadInputError(f"{path}: read_on is a day without quotes, as 2026-01-31.")
    regime: Regime = _about(path, Regime.from_body, found)
    return regime


def plan_as_toml(plan: ComplaintPlan) -> str:
    """A plan as the text of a file that ``read_plan`` reads."""
    lines = [f"name = {_text(plan.name)}", f"public = {str(plan.public).lower()}"]
    for step in plan.steps:
        lines += ["", "[[step]]"]
        for name, value in step.to_body().items():
            shown = _limit(step.due) if name == "limit" else _value(value)
            lines.append(f"{name} = {shown}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"{path} is not TOML as it is written: {error}.") from error


def _with_limits(found: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BadInputError(f"A step is a table ([[step]]), not {found!r}.")
    values = dict(found)
    for name in names:
        if isinstance(values.get(name), str):
            values[name] = TimeLimit.parse(values[name]).to_body()
    return values


def _about(path: Path, make: Any, values: Mapping[str, Any]) -> Any:
    try:
        return make(values)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error


def _limit(limit: object) -> str:
    assert isinstance(limit, TimeLimit)
    words = str(limit)
    if TimeLimit.parse(words) == limit:
        return _text(words)
    parts = (f"{name} = {_value(value)}" for name, value in limit.to_body().items())
    return "{ " + ", ".join(parts) + " }"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else _text(str(value))


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
