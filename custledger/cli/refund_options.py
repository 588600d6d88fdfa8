"""The options that describe a request for money back, the same for assess, advise and choose."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_type_hints
from uuid import UUID

import typer

from custledger.cli.options import day_option, option
from custledger.cli.session import Session, day, entry_of, moment
from custledger.core.money import Money
from custledger.core.records import EntryRef
from custledger.core.refunds.assessment import RefundCause, RefundRequest, Sold
from custledger.core.refunds.floors import NoWithdrawal
from custledger.ledger import Ledger
from custledger.storage.refunds.assessing import DealFacts

__all__ = ["Asked", "about_request"]


@dataclass(frozen=True)
class Asked:
    """What the options say of a request and its deal."""

    options: dict[str, Any]

    def payment(self, ledger: Ledger) -> EntryRef:
        """The sale, invoice or payment."""
        return entry_of(ledger, self.options["entry"])

    def customer(self, ledger: Ledger) -> UUID:
        """Whose entry it is."""
        return self.payment(ledger).subject

    def request(self, ledger: Ledger) -> RefundRequest:
        """What the customer asks for; amounts are in the currency of the payment."""
        given = self.options
        amount = given["amount"]
        currency = ledger.money.get(self.payment(ledger)).amount.currency
        return RefundRequest(
            asked_at=moment(given["asked_at"], ledger) or ledger.context.now(),
            cause=given["cause"],
            amount=None if amount is None else Money.of(amount, currency),
            received_percent=given["received"],
            condition_met=not given["bad_condition"],
        )

    def facts(self, ledger: Ledger) -> DealFacts:
        """What the ledger does not know of the deal."""
        given = self.options
        facts = DealFacts(
            sold=given["sold"],
            delivered_on=day(given["delivered"]),
            service_on=day(given["service_on"]),
            no_withdrawal=given["no_withdrawal"] or (),
            begun_on_request=given["begun_on_request"],
        )
        if (deal_at := moment(given["deal_at"], ledger)) is not None:
            facts["deal_at"] = deal_at
        if given["at_counter"]:
            facts["at_distance"] = False
        if given["business"]:
            facts["consumer"] = False
        return facts


def _options(
    entry: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY",
            help="The sale, invoice or payment, as 'Ann Miller#7'.",
            show_default=False,
        ),
    ],
    sold: Annotated[
        Sold, option("--sold", metavar="WORD", text="What was sold: goods or service.")
    ],
    delivered: Annotated[
        datetime | None, day_option("--delivered", "The day on which goods were delivered.")
    ] = None,
    service_on: Annotated[
        datetime | None, day_option("--service-on", "The day agreed for a service; needed for one.")
    ] = None,
    asked_at: Annotated[
        str | None,
        option("--asked-at", metavar="TIME", text="When the customer sent it. Default: now."),
    ] = None,
    amount: Annotated[
        str | None, option("--amount", metavar="AMOUNT", text="Asked for. Default: all.")
    ] = None,
    cause: Annotated[
        RefundCause,
        option(
            "--cause",
            metavar="WORD",
            text="change_of_mind or not_as_agreed. Default: change_of_mind.",
        ),
    ] = RefundCause.CHANGE_OF_MIND,
    received: Annotated[
        int | None,
        option(
            "--received", metavar="PERCENT", text="How much of it the customer got.", min=0, max=100
        ),
    ] = None,
    bad_condition: Annotated[
        bool,
        typer.Option("--bad-condition", help="Goods come back in another state than agreed."),
    ] = False,
    deal_at: Annotated[
        str | None,
        option("--deal-at", metavar="TIME", text="When it was agreed. Default: that of the entry."),
    ] = None,
    at_counter: Annotated[
        bool, typer.Option("--at-counter", help="Bought on your premises, not at a distance.")
    ] = False,
    business: Annotated[
        bool, typer.Option("--business", help="The customer is a firm, not a consumer.")
    ] = False,
    no_withdrawal: Annotated[
        list[NoWithdrawal] | None,
        option(
            "--no-withdrawal",
            metavar="WORD",
            text="Why by law there is no right to withdraw; may be repeated.",
        ),
    ] = None,
    begun_on_request: Annotated[
        bool,
        typer.Option("--begun-on-request", help="The customer asked that the service begin early."),
    ] = False,
) -> None:
    """Only its parameters are used."""


def about_request(function: Callable[..., None]) -> Callable[..., None]:
    """A command of (session, asked, ...) gets the options of a request, as ``asked``."""
    hints = get_type_hints(_options, include_extras=True)
    own_hints = get_type_hints(function, include_extras=True)
    shared = list(inspect.signature(_options).parameters.values())
    session, _, *own = inspect.signature(function).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY

    def run(session: Session, **given: Any) -> None:
        asked = Asked({p.name: given.pop(p.name) for p in shared})
        function(session, asked, **given)

    parameters = [
        session,
        *(p.replace(kind=keyword, annotation=hints[p.name]) for p in shared),
        *(p.replace(kind=keyword, annotation=own_hints[p.name]) for p in own),
    ]
    # Parameters without a default come first, wherever the command has them.
    first, *rest = parameters
    ordered = [first, *sorted(rest, key=lambda p: p.default is not inspect.Parameter.empty)]
    run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in ordered if p is not first}
    run.__annotations__["session"] = Session
    run.__doc__ = function.__doc__
    return run
