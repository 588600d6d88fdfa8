"""Events of complaints, each in one line: for the history, and for the story of one complaint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from custledger.core.words import words

__all__ = ["ComplaintWords", "complaint_in_words", "complaint_words"]

_WHAT: Final = {
    "acknowledged": "acknowledged",
    "responded": "answered",
    "step_done": "done",
    "step_skipped": "left out",
    "paused": "waiting for the customer",
    "resumed": "going on",
    "escalated": "taken to the owner",
    "extended": "told why it takes longer",
    "resolved": "resolved",
    "satisfaction": "satisfied",
    "reopened": "reopened",
    "recovered": "the customer came back",
}
_MORE: Final = ("note", "reason", "reasons", "summary", "shown_by")


class ComplaintWords(NamedTuple):
    """What happened, and what was said of it (empty where nothing was)."""

    what: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.said}" if self.said else self.what


def complaint_words(facts: Mapping[str, Any]) -> ComplaintWords:
    """An event of a complaint in words, from the body of its entry.

    >>> str(complaint_words({"event": "step_skipped", "step": "listen", "reason": "no phone"}))
    'left out (listen): no phone'
    """
    event = facts.get("event", "")
    if event == "opened":
        return ComplaintWords(f"received by {words(facts['channel'])}", _opened(facts))
    what = _WHAT.get(event, words(event))
    if event == "satisfaction" and not facts["satisfied"]:
        what = "not satisfied"
    if "step" in facts:
        what = f"{what} ({facts['step']})"
    if "outcome" in facts:
        what = f"{what} ({words(facts['outcome'])})"
    parts = [facts[name] for name in _MORE if name in facts]
    parts += [f"remedy: {facts['remedy']}"] if "remedy" in facts else []
    parts += [f'customer: "{facts["words"]}"'] if "words" in facts else []
    return ComplaintWords(what, "; ".join(parts))


def complaint_in_words(facts: Mapping[str, Any]) -> str:
    """The same, with the number of the complaint that it belongs to.

    >>> complaint_in_words({"event": "resumed", "of": 3, "note": "the photo came"})
    'complaint #3 going on: the photo came'
    """
    of = f"complaint #{facts['of']} " if "of" in facts else ""
    return f"{of}{complaint_words(facts)}"


def _opened(facts: Mapping[str, Any]) -> str:
    parts = [facts[name] for name in ("product", "cause") if name in facts]
    if "interaction" in facts:
        parts.append(f"contact #{facts['interaction']}")
    if "exposure" in facts:
        public = facts["exposure"]
        parts.append(f"public on {public['platform']} as {public['handle']}")
    if "words" in facts:
        parts.append(f'customer: "{facts["words"]}"')
    if "summary" in facts:
        parts.append(f"staff: {facts['summary']}")
    return "; ".join(parts)
