"""One customer's entries read for the score, and the score with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, and_, select

from custledger.core.exchange import Exchange
from custledger.core.records import StaffRole
from custledger.core.score.contributions import History, ScoredInteraction, ScoredMoney
from custledger.core.score.fit import Fit, fit
from custledger.core.score.policy import ScorePolicy
from custledger.errors import NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.merges import group_of
from custledger.storage.rates import Rates
from custledger.storage.scoring.score_rows import human_staff
from custledger.storage.tables import (
    CustomerRow,
    ExchangeRateRow,
    IdentityRow,
    InteractionRow,
    MoneyRow,
    StaffRow,
)

__all__ = ["exchange_of", "fit_of", "history_of"]

_CUSTOMER: Final = table_of(CustomerRow)
_IDENTITY: Final = table_of(IdentityRow)
_INTERACTION: Final = table_of(InteractionRow)
_MONEY: Final = table_of(MoneyRow)
_RATE: Final = table_of(ExchangeRateRow)
_STAFF: Final = table_of(StaffRow)


def fit_of(
    connection: Connection, customer_key: int, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> Fit:
    """The customer's score as of the day with its reasons; NotFoundError without the customer."""
    history = history_of(connection, customer_key, as_of_day=as_of_day, currency=currency)
    return fit(history, policy, as_of_day)


def history_of(
    connection: Connection, customer_key: int, *, as_of_day: int, currency: str
) -> History:
    """The customer's entries that had happened and were known on the day, as they now stand.

    Those of all who are one with the customer, in the name of who stands for them.
    """
    c, group = _CUSTOMER.c, group_of(connection, customer_key)
    rows = connection.execute(
        select(c.id, _IDENTITY.c.uuid, c.name, c.joined_day)
        .join_from(_CUSTOMER, _IDENTITY, _IDENTITY.c.id == c.id)
        .where(c.id.in_(group))
    ).all()
    found = {row.id: row for row in rows}
    if group[0] not in found:
        raise NotFoundError
    # The customer's own entries need not say whose they are.
    whose = {key: None if key == group[0] else row.uuid for key, row in found.items()}
    return History(
        customer_id=found[group[0]].uuid,
        name=found[group[0]].name,
        joined_day=min(row.joined_day for row in rows),
        exchange=exchange_of(connection, currency),
        human_staff=human_staff(connection),
        default_rate=Rates(connection).on(None, as_of_day),
        interactions=_interactions(connection, whose, as_of_day),
        money=_money(connection, whose, as_of_day),
    )


def exchange_of(connection: Connection, currency: str) -> Exchange:
    """The ledger's exchange rates towards its base currency; a later entry replaces an earlier."""
    c = _RATE.c
    rows = connection.execute(
        select(c.currency, c.effective_day, c.rate_e12)
        .where(c.currency != currency)
        .order_by(c.effective_day, c.id)
    )
    return Exchange.of(currency, ((row[0], row[1], row[2]) for row in rows))


def _of(c: Any, customers: Iterable[int], as_of_day: int) -> Any:
    return and_(c.customer_id.in_(customers), c.occurred_day <= as_of_day, c.known_day <= as_of_day)


def _interactions(
    connection: Connection, whose: Mapping[int, UUID | None], as_of_day: int
) -> list[ScoredInteraction]:
    c = _INTERACTION.c
    person = and_(_STAFF.c.id == c.staff_id, _STAFF.c.role != StaffRole.PROGRAM)
    columns = (
        c.seq,
        c.occurred_day,
        c.known_day,
        c.channel,
        c.purpose,
        c.conduct,
        c.fault,
        c.exempt,
        c.handling_seconds,
        c.rate_minor,
        c.rate_currency,
        _STAFF.c.id,
    )
    rows = connection.execute(
        select(c.customer_id, *columns)
        .select_from(_INTERACTION.outerjoin(_STAFF, person))
        .where(_of(c, whose, as_of_day))
        .order_by(c.customer_id, c.seq)
    )
    return [
        ScoredInteraction._make((*row[1:], whose[row.customer_id]))._replace(
            exempt=bool(row.exempt)
        )
        for row in rows
    ]


def _money(
    connection: Connection, whose: Mapping[int, UUID | None], as_of_day: int
) -> list[ScoredMoney]:
    c = _MONEY.c
    columns = (
        c.seq,
        c.occurred_day,
        c.known_day,
        c.kind,
        c.fault,
        c.amount_minor,
        c.currency,
        c.due_day,
        c.goods_returned,
    )
    rows = connection.execute(
        select(c.customer_id, *columns)
        .where(_of(c, whose, as_of_day))
        .order_by(c.customer_id, c.seq)
    )
    return [
        ScoredMoney._make((*row[1:], whose[row.customer_id]))._replace(
            goods_returned=bool(row.goods_returned)
        )
        for row in rows
    ]
