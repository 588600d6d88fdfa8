"""Column types: a vocabulary stored as a small integer, and keys that work on both databases."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Integer, SmallInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Part,
    PolicyTopic,
    Purpose,
    StaffRole,
)

__all__ = ["CODES", "BigKey", "Coded", "code_of", "member_of"]

E = TypeVar("E", bound=StrEnum)

BigKey: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key; SQLite numbers a primary key by itself only where its type is INTEGER."""

_VOCABULARIES: Final[tuple[type[StrEnum], ...]] = (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Part,
    PolicyTopic,
    Purpose,
    StaffRole,
)

# A member's code is its place in the vocabulary. New members go to the end: a test pins the codes.
CODES: Final[Mapping[type[StrEnum], Mapping[str, int]]] = MappingProxyType(
    {v: MappingProxyType({m.value: code for code, m in enumerate(v)}) for v in _VOCABULARIES}
)
_MEMBERS: Final = {v: tuple(v) for v in _VOCABULARIES}


def code_of(member: StrEnum) -> int:
    """The small integer under which a member of a vocabulary is stored."""
    return CODES[type(member)][member.value]


def member_of(vocabulary: type[E], code: int) -> E:
    """The member of a vocabulary with that code."""
    return _MEMBERS[vocabulary][code]  # type: ignore[return-value]


class Coded(TypeDecorator[StrEnum]):
    """A member of a vocabulary in Python, a SMALLINT in the database."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, vocabulary: type[StrEnum]) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """The code of a member."""
        return None if value is None else code_of(self.vocabulary(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        """The member of a code."""
        return None if value is None else member_of(self.vocabulary, value)
