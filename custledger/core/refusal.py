"""The answer to what is not allowed now: a value, not an exception."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Refusal"]


class Refusal(NamedTuple):
    """Why something is not allowed now: a word for programs, and a sentence with the remedy."""

    code: str
    text: str
