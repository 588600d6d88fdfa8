"""What of an entry a customer is told: not what is for staff only, nor who other people are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from custledger.core.clock import from_microseconds, zone
from custledger.core.records import EntryRef, Staff, StaffRole, TrailEntry
from custledger.core.words import moment_in_words, words
from custledger.edges.tables import plain

__all__ = ["Teller"]

_STAFF_ONLY: Final = frozenset(("staff_note", "staff_text"))
_NUMBERS: Final = re.compile(r"#\d+(, #\d+)*")
_INTERNAL: Final = frozenset(("rate", "registered", "fingerprint"))
"""What an hour of a member of staff costs, who else is registered: not the customer's data."""


class Teller:
    """Says what a customer, who has these ids, is told of an entry.

    ``staff_texts``: what is for staff only as well; ``staff_names``: staff by name, not by role.
    """

    def __init__(
        self,
        ids: Sequence[UUID],
        staff: Sequence[Staff],
        zone_name: str,
        *,
        staff_texts: bool,
        staff_names: bool,
    ) -> None:
        self.ids, self._zone = ids, zone_name
        self._staff = {str(member.id): member for member in staff}
        self.staff_texts, self.staff_names = staff_texts, staff_names

    def notes(self, entry: TrailEntry) -> tuple[tuple[tuple[str, str], ...], int]:
        """What is for staff only: told, or counted."""
        found = {**entry.staff_facts}
        found |= {name: entry.facts[name] for name in _STAFF_ONLY & entry.facts.keys()}
        texts = [
            (words(name).capitalize(), value if isinstance(value, str) else str(plain(value)))
            for name, value in sorted(found.items())
            if value not in (None, "", [], {})
        ]
        return (tuple(texts), 0) if self.staff_texts else ((), len(texts))

    def facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What an entry holds, without what is for staff only and without other people's ids."""
        hidden = _STAFF_ONLY | _INTERNAL
        return {name: self._plain(name, v) for name, v in facts.items() if name not in hidden}

    def _plain(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._plain(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(name, item) for item in value]
        if name == "outsider" and not self.staff_names:
            return "a person outside the firm"
        return self._of_person(value) if isinstance(value, str) and len(value) == 36 else value

    def _of_person(self, text: str) -> str:
        """A uuid's person by role, if it is not the customer; any other text as it is."""
        try:
            uuid = UUID(text)
        except ValueError:
            return text
        if uuid in self.ids:
            return text
        return self.who(uuid) if text in self._staff else "another person"

    def who(self, who: UUID | None) -> str:
        """A member of staff by role, or by name."""
        member = self._staff.get(str(who))
        if member is None:
            return "staff"
        if member.role is StaffRole.PROGRAM:
            return f"a program ({member.name})" if self.staff_names else "a program"
        return member.name if self.staff_names else f"staff ({words(member.role)})"

    def ref(self, ref: EntryRef) -> str:
        """#7; with the short id of whose it is, where the customer has several names."""
        return f"#{ref.seq}" if ref.subject == self.ids[0] else f"{str(ref.subject)[:8]}#{ref.seq}"

    def refs(self, subject: UUID, text: str) -> str:
        """A fact that names entries by number, with whose they are; any other text as it is."""
        if subject == self.ids[0] or not _NUMBERS.fullmatch(text):
            return text
        return text.replace("#", f"{str(subject)[:8]}#")

    def moment(self, microseconds: int) -> str:
        """A moment as the firm's clocks show it."""
        ahead = from_microseconds(microseconds).astimezone(zone(self._zone)).utcoffset()
        return moment_in_words(microseconds, round(ahead.total_seconds() / 60) if ahead else 0)
