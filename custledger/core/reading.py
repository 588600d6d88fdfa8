"""Values built from a body that may come from a file which somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from custledger.errors import BadInputError

__all__ = ["built"]

_T = TypeVar("_T")


def built(make: Callable[..., _T], values: Mapping[str, Any], name: str) -> _T:
    """What ``make`` builds of the values; BadInputError if a field is missing or not known.

    >>> built(complex, {"real": 1.0}, "number")
    (1+0j)
    """
    try:
        return make(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise BadInputError(f"This is not a {name} as it is written: {error}.") from error
