"""An event of a decision in one line, as a list of entries shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from custledger.core.words import day_in_words, words

__all__ = ["decision_in_words"]

_Body = Mapping[str, Any]


def decision_in_words(body: _Body) -> str:
    """What the shared body of an event says.

    >>> decision_in_words({"event": "notice", "of": 3, "how": "letter", "until_day": 20641})
    'notice of #3, by letter'
    >>> decision_in_words({"event": "review", "of": 3, "reasons": "Friendly since June."})
    'review of #3, ended: Friendly since June.'
    """
    return _WORDS[body["event"]](body)


def _made(body: _Body) -> str:
    if "ends" in body:
        ended = ", ".join(f"#{seq}" for seq in body["ends"])
        return f"{words(body['kind'])}, ends {ended}: {body.get('reasons', '')}"
    until = f", until {day_in_words(body['until_day'])}" if "until_day" in body else ""
    at_once = ", at once for safety" if "bypass" in body else ""
    without = f", without {', '.join(map(words, body['override']))}" if "override" in body else ""
    return f"{words(body['kind'])}{at_once}{without}{until}: {body.get('reasons', '')}"


def _review(body: _Body) -> str:
    until = f"until {day_in_words(body['until_day'])}" if "until_day" in body else "ended"
    return f"review of #{body['of']}, {until}: {body.get('reasons', '')}"


def _appeal_decided(body: _Body) -> str:
    how = "overturned" if body["overturned"] else "upheld"
    by = f" by {body['outsider']}" if "outsider" in body else ""
    return f"appeal against #{body['of']} decided{by}, {how}: {body.get('reasons', '')}"


_WORDS: Final[Mapping[str, Callable[[_Body], str]]] = {
    "decision": _made,
    "notice": lambda body: f"notice of #{body['of']}, by {body.get('how', '')}",
    "appeal": lambda body: f'appeal against #{body["of"]}: "{body.get("words", "")}"',
    "appeal_decided": _appeal_decided,
    "review": _review,
}
