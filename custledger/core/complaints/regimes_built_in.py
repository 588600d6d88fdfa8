"""The regimes that come with the package: laws, and a promise to start from.

``read_on`` is the day on which the numbers were compared with the text of the source, or with what
its authority publishes about it; without a day they were not, or only with what others write. Laws
change: read the source before you rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from custledger.core.calendar.time_limits import Clock, TimeLimit
from custledger.core.complaints.regimes import Regime

__all__ = ["BUILT_IN", "HOUSE"]

_READ: Final = date(2026, 11, 22)

HOUSE: Final = Regime(
    id="house",
    name="The firm's own promise",
    source="No law: a starting point that the firm changes as it likes.",
    acknowledgement=TimeLimit.working_hours(4),
    first_response=TimeLimit.working_hours(8),
    resolution=TimeLimit.working_hours(40),
    restarts=True,
    on_expiry="The owner takes over: the buck stops here.",
)
"""What a firm promises until it says otherwise; uncalibrated."""

_OMBUDSMAN: Final = (
    "Tell the customer in writing why there is no final response yet, when to expect it, and that "
    "they may go to the Financial Ombudsman Service."
)
_LAWS: Final = (
    Regime(
        id="uk_fca",
        name="United Kingdom: financial services",
        source="FCA Handbook, DISP 1.6.1R (prompt written acknowledgement; no number of days) and "
        "DISP 1.6.2R (eight weeks), handbook.fca.org.uk/handbook/disp1/disp1s6 as of 2026-06-01.",
        read_on=_READ,
        resolution=TimeLimit(8, Clock.WEEKS),
        on_expiry=_OMBUDSMAN,
    ),
    Regime(
        id="uk_fca_payments",
        name="United Kingdom: payment services and electronic money",
        source="FCA Handbook, DISP 1.6.1R and 1.6.2AR (15 business days; in exceptional "
        "circumstances a holding response, then 35), "
        "handbook.fca.org.uk/handbook/disp1/disp1s6 as of 2026-06-01.",
        read_on=_READ,
        resolution=TimeLimit(15, Clock.WORKING_DAYS),
        extended=TimeLimit(35, Clock.WORKING_DAYS),
        on_expiry=_OMBUDSMAN,
    ),
    Regime(
        id="uk_telecoms",
        name="United Kingdom: telephone and broadband",
        source="Ofcom, statement of 8 July 2025 on alternative dispute resolution: six weeks from "
        "8 April 2026 (eight before).",
        read_on=_READ,
        resolution=TimeLimit(6, Clock.WEEKS),
        on_expiry="Send the letter that tells the customer of the right to go to the firm's scheme "
        "for alternative dispute resolution.",
    ),
    Regime(
        id="eu_rail",
        name="European Union: rail passengers",
        source="Regulation (EC) 1371/2007, article 27(2), carried on by Regulation (EU) 2021/782, "
        "article 28: a reasoned reply within one month or, in justified cases, three.",
        resolution=TimeLimit(1, Clock.MONTHS, eu_law=True),
        extended=TimeLimit(3, Clock.MONTHS, eu_law=True),
        on_expiry="Tell the passenger of the national enforcement body.",
    ),
    Regime(
        id="eu_bus",
        name="European Union: bus and coach passengers",
        source="Regulation (EU) 181/2011, article 27: notice within one month, final reply within "
        "three months of receipt.",
        first_response=TimeLimit(1, Clock.MONTHS, eu_law=True),
        resolution=TimeLimit(3, Clock.MONTHS, eu_law=True),
        on_expiry="Tell the passenger of the national enforcement body.",
    ),
    Regime(
        id="eu_sea",
        name="European Union: sea passengers",
        source="Regulation (EU) 1177/2010, article 24: notice within one month, final reply within "
        "two months of receipt.",
        first_response=TimeLimit(1, Clock.MONTHS, eu_law=True),
        resolution=TimeLimit(2, Clock.MONTHS, eu_law=True),
        on_expiry="Tell the passenger of the national enforcement body.",
    ),
    Regime(
        id="eu_consumer_adr",
        name="European Union: consumers' disputes",
        source="Directive 2013/11/EU, article 13(3): no time limit for the trader's own answer.",
        on_expiry="Where the complaint could not be settled directly, tell the consumer, on paper "
        "or another durable medium, which dispute resolution entity is competent and whether the "
        "firm takes part.",
    ),
    Regime(
        id="fr_acpr",
        name="France: banks and insurers",
        source="ACPR, recommandation 2024-R-02 of 2 July 2024: acknowledgement within ten jours "
        "ouvrables, answer within two months (acpr.banque-france.fr).",
        read_on=_READ,
        acknowledgement=TimeLimit(10, Clock.WORKING_DAYS, saturdays=True),
        resolution=TimeLimit(2, Clock.MONTHS),
        on_expiry="Tell the customer how to reach the mediator.",
    ),
    Regime(
        id="au_asic",
        name="Australia: financial services",
        source="ASIC, Regulatory Guide 271 (in force since 5 October 2021): acknowledgement within "
        "24 hours or one business day, answer within 30 calendar days (45 for superannuation).",
        acknowledgement=TimeLimit(1, Clock.WORKING_DAYS),
        resolution=TimeLimit(30, Clock.DAYS),
        on_expiry="Tell the customer the reasons for the delay and of the right to complain to the "
        "Australian Financial Complaints Authority (AFCA).",
    ),
)

BUILT_IN: Final[Mapping[str, Regime]] = {regime.id: regime for regime in (HOUSE, *_LAWS)}
"""The regimes that come with the package, by id."""
