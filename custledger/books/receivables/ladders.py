"""The ladder as the firm's policy: numbered versions, each in force from a day on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Connection

from custledger.core.checks import check_text
from custledger.core.clock import date_of_day, day_number, day_of
from custledger.core.receivables.dunning import LadderOutcome, ladder_on
from custledger.core.receivables.ladder import HARDSHIP_DAYS, LadderPolicy, Rung, refusals_of_ladder
from custledger.core.records import PolicyTopic
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.storage.context import Context
from custledger.storage.heads import lock_chains
from custledger.storage.policies import add_policy, policy_versions

__all__ = ["Ladders"]


class Ladders:
    """The part of the receivables book that keeps the versions of the ladder."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def ladder(self, as_of: date | datetime | None = None) -> LadderPolicy:
        """The ladder in force on a day; version 0 is the built-in one."""
        return ladder_on(self.ladders(), date_of_day(self._context.day(as_of)))

    def ladders(self) -> list[LadderPolicy]:
        """Every version that the firm set, oldest first."""
        with self._context.read() as connection:
            return self._ladders(connection)

    def set_ladder(
        self,
        rungs: Iterable[Rung],
        *,
        effective_on: date | None = None,
        hardship_days: int = HARDSHIP_DAYS,
        reason: str = "",
    ) -> LadderOutcome:
        """Add a version of the ladder, in force from today or a later day on.

        One that contradicts itself or overlaps with a version to come is refused.
        """
        steps, why = tuple(rungs), check_text(reason, "reason")
        with self._context.write() as journal:
            lock_chains(journal.connection, self._context.ledger, [self._context.key])
            before, today = (
                self._ladders(journal.connection),
                date_of_day(day_of(journal.recorded_at, self._context.zone)),
            )
            version = before[-1].version + 1 if before else 1
            wanted = LadderPolicy(version, effective_on or today, steps, hardship_days)
            refusals = [Refusal("contradiction", text) for text in refusals_of_ladder(wanted)]
            refusals += _refusals_of_day(wanted, before, today)
            if refusals:
                return LadderOutcome(False, tuple(refusals))
            add_policy(
                journal,
                self._context,
                PolicyTopic.LADDER,
                version,
                wanted.to_body(),
                effective_day=day_number(wanted.effective_on),
                reason=why,
            )
            return LadderOutcome(True, (), wanted)

    def _ladders(self, connection: Connection) -> list[LadderPolicy]:
        versions = policy_versions(connection, self._context, PolicyTopic.LADDER)
        return [LadderPolicy.from_body(version.body) for version in versions]


def _refusals_of_day(
    wanted: LadderPolicy, before: list[LadderPolicy], today: date
) -> list[Refusal]:
    if wanted.effective_on < today:
        text = (
            f"{day_in_words(wanted.effective_on)} has passed: a ladder does not judge what came "
            "before it. Name today or a later day."
        )
        return [Refusal("effective_in_past", text)]
    if before and wanted.effective_on < before[-1].effective_on:
        text = (
            f"Version {before[-1].version} takes effect on {day_in_words(before[-1].effective_on)}"
            ": the version after it takes effect no earlier."
        )
        return [Refusal("overlap", text)]
    return []
