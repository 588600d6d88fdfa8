"""What a firm's own entries say of requests for money back: how long they took, how they ended.

Contacts about refunds that follow each other are one request. A refund after them ends it without a
dispute; a chargeback ends it as contested and lost; where neither came within the time in which a
bank takes chargebacks, it was contested and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from custledger.core.money import Money
from custledger.core.records import MoneyKind
from custledger.core.refunds.advice import Estimate, RefundHistory
from custledger.core.words import count

__all__ = ["WINDOW", "RefundContact", "Request", "refund_history", "requests_of"]

WINDOW: Final = timedelta(days=120)
"""After so long without a refund or chargeback a request is over: what most card schemes give a
buyer for a dispute."""
_WINDOW: Final = WINDOW // timedelta(microseconds=1)
_SECONDS_A_MINUTE: Final = 60


class RefundContact(NamedTuple):
    """A contact about a refund, or money that went back: when, in microseconds since 1970 UTC.

    ``seconds`` of staff time, None where unknown; ``kind`` is None for a contact.
    """

    at: int
    seconds: int | None = None
    kind: MoneyKind | None = None


class Request(NamedTuple):
    """A request that is over; ``minutes`` of staff time, None where unknown."""

    first: int
    last: int
    contested: bool
    lost: bool
    charged_back: bool
    minutes: float | None


def requests_of(happened: Iterable[RefundContact], as_of: int) -> Iterator[Request]:
    """One customer's requests that are over by a moment, from contacts and money in any order."""
    contacts: list[RefundContact] = []
    for one in sorted(happened, key=lambda h: (h.at, h.kind is not None)):
        if one.at > as_of:
            break
        if contacts and one.at - contacts[-1].at > _WINDOW:
            yield _over(contacts, None)
            contacts = []
        if one.kind is None:
            contacts.append(one)
        elif contacts:
            yield _over(contacts, one.kind)
            contacts = []
    if contacts and as_of - contacts[-1].at > _WINDOW:
        yield _over(contacts, None)


def refund_history(
    requests: Sequence[Request], fees: Sequence[Money] = (), worth: Estimate | None = None
) -> RefundHistory:
    """The averages of requests and of the fees that banks took, each with its sample."""
    contested = [r for r in requests if r.contested]
    peaceful = [r for r in requests if not r.contested]
    return RefundHistory(
        refund_minutes=_mean(
            [r.minutes for r in peaceful],
            "request refunded without a dispute",
            "requests refunded without a dispute",
        ),
        contest_minutes=_mean([r.minutes for r in contested], "contested request"),
        chargeback=_mean([float(r.charged_back) for r in contested], "contested request"),
        losing=_mean([float(r.lost) for r in contested], "contested request"),
        fee=_mean(
            [float(fee.amount) for fee in fees], "fee of a chargeback", "fees of chargebacks"
        ),
        customer_worth=worth,
    )


def _over(contacts: Sequence[RefundContact], end: MoneyKind | None) -> Request:
    known = [c.seconds for c in contacts if c.seconds is not None]
    back = end is MoneyKind.CHARGEBACK
    return Request(
        first=contacts[0].at,
        last=contacts[-1].at,
        contested=end is not MoneyKind.REFUND,
        lost=back,
        charged_back=back,
        minutes=sum(known) / _SECONDS_A_MINUTE if known else None,
    )


def _mean(values: Iterable[float | None], one: str, many: str = "") -> Estimate | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = round(sum(known) / len(known), 6)
    return Estimate(mean, f"own history: {count(len(known), one, many)}", len(known))
