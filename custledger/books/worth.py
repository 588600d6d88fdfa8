"""The book of worth: how the firm earns, with whom an hour pays, who came back, who may tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection

from custledger.core.checks import check_day, check_reason
from custledger.core.clock import date_of_day
from custledger.core.exchange import minor_of
from custledger.core.money import Money
from custledger.core.records import EntryRef, PolicyTopic
from custledger.core.refunds.advice import Estimate
from custledger.core.worth.earning import EarningRow, ExposureRow, RecoveredRow, Recoveries
from custledger.core.worth.exposure import ExposurePolicy, word_of_mouth
from custledger.core.worth.shares import is_few, share_of
from custledger.core.worth.whale_curve import Contributor, WhaleCurve, whale_curve
from custledger.errors import BadInputError
from custledger.storage.complaints.resolutions import (
    Experiences,
    Purchases,
    Resolution,
    experiences,
    names_of,
    purchases_after,
    resolutions,
)
from custledger.storage.context import Context
from custledger.storage.heads import lock_chains
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import stands_for
from custledger.storage.policies import add_policy, policy_on, policy_versions
from custledger.storage.scoring.ranking import RankingRow, contribution_rows, ranking_rows
from custledger.storage.scoring.score_policy import current_score_policy

__all__ = ["WorthBook"]

_HOUR: Final = 1.0
_YEAR: Final = timedelta(days=365)


class WorthBook:
    """What customers are worth. Good ones are thanked; nobody is accused of not being one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def whale_curve(self, as_of: date | None = None) -> WhaleCurve:
        """The cumulative profit over the customers, the best first (``core.worth.whale_curve``).

        The profit is the net contribution of the statement. Whoever has no entry that counts yet
        is left out.
        """
        with self._context.read() as connection:
            rows = self._contributions(connection, self._context.day(as_of))
        there = (Contributor(r.customer_id, r.name, r.net_minor) for r in rows if _traded(r))
        day = date_of_day(self._context.day(as_of)).isoformat()
        return whale_curve(there, as_of=day, currency=self._context.currency)

    def hourly_earning(
        self, as_of: date | None = None, *, limit: int | None = None
    ) -> list[EarningRow]:
        """What an hour with each customer brought in, the most first; ``limit`` as many rows.

        Customers without staff time come after the others, by what was kept of their revenue.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise BadInputError(f"limit is a number of rows, 1 or more, not {limit!r}.")
        with self._context.read() as connection:
            rows = ranking_rows(
                connection,
                policy=current_score_policy(connection),
                as_of_day=self._context.day(as_of),
                currency=self._context.currency,
            )
        earning = [_earning(row) for row in rows if _traded(row)]
        return sorted(earning, key=_by_earning)[:limit]

    def recovered(self, since: date | None = None, as_of: date | None = None) -> Recoveries:
        """Customers whose complaint was resolved in these days, and whether they bought again.

        Each customer's last resolution counts, unless it was reopened; a purchase is a sale or an
        invoice after it, until ``as_of``.
        """
        first = None if since is None else check_day(since, "since")
        last = self._context.day(as_of)
        with self._context.read() as connection:
            resolved = resolutions(connection, first, last)
            bought = purchases_after(connection, resolved, last, self._context.currency)
            rows = self._recovered(connection, resolved, bought)
        recovered = sum(row.recovered for row in rows)
        return Recoveries(
            since=since,
            as_of=date_of_day(last),
            resolved=len(rows),
            recovered=recovered,
            share=share_of(recovered, len(rows)),
            few=is_few(len(rows)),
            customers=tuple(sorted(rows, key=_by_purchases)),
        )

    def exposure(
        self,
        customer: CustomerLike | None = None,
        *,
        since: date | None = None,
        as_of: date | None = None,
    ) -> list[ExposureRow]:
        """What word of mouth may cost: everyone with a bad experience in these days, most first.

        ``since`` is by default a year before ``as_of``. Naming a customer gives the one row of
        that person, also where there is nothing to tell. What a customer brings is the average net
        contribution of all who bought, unless the policy of exposure says another figure.
        """
        last = self._context.day(as_of)
        first = (
            check_day(since, "since")
            if since is not None
            else last - _YEAR.days  # what is older is hardly told any more
        )
        with self._context.read() as connection:
            found = experiences(connection, self._context, first, last)
            if customer is not None:
                key = customer_key(connection, self._context, customer)
                person = stands_for(connection, key)
                found = {person: found.get(person, Experiences(0, 0, 0))}
            policy = self._exposure_policy(connection, last)
            worth = self._worth(connection, policy, last) if found else None
            return self._exposed(connection, found, policy, worth, (first, last))

    def exposure_policy(self, as_of: date | None = None) -> ExposurePolicy:
        """The figures of the exposure that hold on a day; the stated defaults are version 0."""
        with self._context.read() as connection:
            return self._exposure_policy(connection, self._context.day(as_of))

    def set_exposure_policy(
        self,
        *,
        reason: str,
        people_told: Estimate | None = None,
        share_lost: Estimate | None = None,
        readers_lost: Estimate | None = None,
        customer_worth: Estimate | None = None,
    ) -> ExposurePolicy:
        """Add a version with other figures, from today on; those that are not named stay.

        ``customer_worth`` is in major units of the ledger's currency.
        """
        named = {
            "people_told": people_told,
            "share_lost": share_lost,
            "readers_lost": readers_lost,
            "customer_worth": customer_worth,
        }
        changes = {name: value for name, value in named.items() if value is not None}
        if not changes:
            raise BadInputError("Nothing to set: name a figure, such as people_told.")
        with self._context.write() as journal:
            connection, topic = journal.connection, PolicyTopic.EXPOSURE
            lock_chains(connection, journal.ledger, [self._context.key])
            versions = policy_versions(connection, self._context, topic)
            today = self._context.today()
            policy = self._exposure_policy(connection, today)
            changed = replace(policy, version=len(versions) + 1, **changes)
            add_policy(
                journal,
                self._context,
                topic,
                changed.version,
                changed.to_body(),
                effective_day=today,
                reason=check_reason(reason),
            )
            return changed

    def _contributions(self, connection: Connection, day: int) -> list[RankingRow]:
        policy = current_score_policy(connection)
        currency = self._context.currency
        return contribution_rows(connection, policy=policy, as_of_day=day, currency=currency)

    def _recovered(
        self,
        connection: Connection,
        resolved: Mapping[int, Resolution],
        bought: Mapping[int, Purchases],
    ) -> list[RecoveredRow]:
        names = names_of(connection, resolved)
        keys = resolved.keys() | {resolution.customer for resolution in resolved.values()}
        uuids = self._context.identities.uuids(connection, keys)
        return [
            _recovered(
                EntryRef(uuids[resolution.customer], resolution.case_seq),
                (str(uuids[person]), names[person], self._context.currency),
                resolution,
                bought.get(person),
            )
            for person, resolution in resolved.items()
            if person in names
        ]

    def _exposure_policy(self, connection: Connection, day: int) -> ExposurePolicy:
        found = policy_on(connection, self._context, PolicyTopic.EXPOSURE, day)
        if found is None:
            return ExposurePolicy()
        return ExposurePolicy.from_body(found.body, found.version)

    def _worth(self, connection: Connection, policy: ExposurePolicy, day: int) -> Estimate | None:
        """What a customer brings, by the policy or else on average in this ledger."""
        if policy.customer_worth is not None:
            return policy.customer_worth
        nets = [r.net_minor for r in self._contributions(connection, day) if r.revenue_minor > 0]
        if not nets:
            return None
        mean = Money(round(sum(nets) / len(nets)), self._context.currency)
        source = "own ledger: net contribution of all who bought, on average"
        return Estimate(max(float(mean.amount), 0.0), source, len(nets))

    def _exposed(
        self,
        connection: Connection,
        found: Mapping[int, Experiences],
        policy: ExposurePolicy,
        worth: Estimate | None,
        days: tuple[int, int],
    ) -> list[ExposureRow]:
        names = names_of(connection, found)
        uuids = self._context.identities.uuids(connection, found)
        rows = [
            _exposure(
                (str(uuids[person]), names[person], self._context.currency),
                found[person],
                policy,
                worth,
                days,
            )
            for person in names
        ]
        return sorted(rows, key=_by_exposure)


def _traded(row: RankingRow) -> bool:
    """Whether anything of the customer counts yet: a mere address is no customer of the curve."""
    amounts = (
        row.net_minor,
        row.revenue_minor,
        row.refunds_minor,
        row.chargebacks_minor,
        row.write_offs_minor,
        row.concessions_minor,
    )
    return row.contacts > 0 or any(amounts)


def _earning(row: RankingRow) -> EarningRow:
    kept = row.revenue_minor - row.refunds_minor - row.chargebacks_minor - row.write_offs_minor
    return EarningRow(
        customer_id=row.customer_id,
        name=row.name,
        as_of=row.as_of,
        currency=row.currency,
        effective_hourly_minor=row.effective_hourly_minor,
        kept_minor=kept,
        hours=row.hours,
        contacts=row.contacts,
        contacts_of_unknown_time=row.contacts_of_unknown_time,
        few=row.hours < _HOUR,
        note=row.note,
    )


def _by_earning(row: EarningRow) -> tuple[object, ...]:
    earned = row.effective_hourly_minor
    return (earned is None, 0 if earned is None else -earned, -row.kept_minor, row.customer_id)


def _recovered(
    complaint: EntryRef,
    who: tuple[str, str, str],
    resolution: Resolution,
    bought: Purchases | None,
) -> RecoveredRow:
    customer_id, name, currency = who
    return RecoveredRow(
        customer_id=customer_id,
        name=name,
        currency=currency,
        complaint=str(complaint),
        resolved_on=date_of_day(resolution.day),
        recovered=resolution.recovered or bought is not None,
        recorded=resolution.recovered,
        purchases=0 if bought is None else bought.number,
        bought_minor=0 if bought is None else minor_of(bought.worth),
        came_back_on=None if bought is None else date_of_day(bought.first_day),
        days=None if bought is None else bought.first_day - resolution.day,
        unconverted=0 if bought is None else bought.unconverted,
    )


def _by_purchases(row: RecoveredRow) -> tuple[object, ...]:
    return (not row.recovered, -row.bought_minor, row.resolved_on, row.customer_id)


def _exposure(
    who: tuple[str, str, str],
    had: Experiences,
    policy: ExposurePolicy,
    worth: Estimate | None,
    days: tuple[int, int],
) -> ExposureRow:
    customer_id, name, currency = who
    estimate = word_of_mouth(had.days, had.reach, currency=currency, policy=policy, worth=worth)
    by_mouth, by_reading = estimate.items
    told, lost, readers = policy.people_told, policy.share_lost, policy.readers_lost
    known = estimate.worth
    return ExposureRow(
        customer_id=customer_id,
        name=name,
        since=date_of_day(days[0]),
        as_of=date_of_day(days[1]),
        currency=currency,
        policy_version=policy.version,
        experiences=had.days,
        people_told=told.value,
        people_told_source=told.source,
        people_told_sample=told.sample,
        share_lost=lost.value,
        share_lost_source=lost.source,
        share_lost_sample=lost.sample,
        worth_minor=None if known is None else Money.of(repr(known.value), currency).minor,
        worth_source="not known" if known is None else known.source,
        worth_sample=0 if known is None else known.sample,
        customers_lost=estimate.customers_lost,
        word_of_mouth_minor=by_mouth.amount.minor,
        reach=had.reach,
        unknown_reach=had.unknown_reach,
        readers_lost=readers.value,
        readers_lost_source=readers.source,
        readers_lost_sample=readers.sample,
        readers_minor=by_reading.amount.minor,
        total_minor=estimate.amount.minor,
    )


def _by_exposure(row: ExposureRow) -> tuple[object, ...]:
    return (-row.total_minor, -row.experiences, -row.reach, row.name, row.customer_id)
