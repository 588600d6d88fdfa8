"""The parameters of the bad-fit score: a numbered version, never refitted for one customer.

The letters are those of the formula in docs/explanation: an amount in money is in *major* units of
the base currency, a half-life in days, a severity in units of one incident of verbal abuse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any, Final, NamedTuple, Self

from custledger.core.canonical import JsonValue
from custledger.core.money import exponent_of
from custledger.core.records import Channel, Conduct, Fault, MoneyKind, Purpose
from custledger.errors import BadInputError

__all__ = ["ScorePolicy", "Weight", "default_policy"]


class Weight(NamedTuple):
    """What one sort of entry weighs where the fault is as named."""

    entry: str
    fault: str
    value: float


# Threats count as verbal abuse, and so on: one table row judges them alike.
_JUDGED_AS: Final[Mapping[str, str]] = {
    Conduct.THREAT: Conduct.VERBAL_ABUSE,
    Conduct.DECEPTION: Conduct.POLICY_ABUSE,
    Conduct.UNREASONABLE_PERSISTENCE: Conduct.UNREASONABLE_DEMAND,
    Conduct.PUBLIC_ATTACK: Conduct.UNREASONABLE_DEMAND,
}
_ENTRIES: Final = frozenset(
    (
        Conduct.VERBAL_ABUSE,
        Conduct.POLICY_ABUSE,
        Conduct.UNREASONABLE_DEMAND,
        Purpose.COLLECTION,
        Purpose.REFUND_REQUEST,
        Purpose.COMPLAINT,
        MoneyKind.CHARGEBACK,
        MoneyKind.WRITE_OFF,
    )
)
_LOSSES: Final = frozenset((MoneyKind.REFUND, MoneyKind.CHARGEBACK, MoneyKind.WRITE_OFF))
_TIME: Final = "time"
_SHARED_ENTRIES: Final = frozenset((_TIME, *Purpose, *_LOSSES))


def _severity() -> tuple[Weight, ...]:
    table: dict[str, tuple[float, float, float]] = {
        Conduct.VERBAL_ABUSE: (1.0, 1.0, 0.5),
        Conduct.POLICY_ABUSE: (1.0, 0.7, 0.0),
        Conduct.UNREASONABLE_DEMAND: (0.7, 0.5, 0.0),
        MoneyKind.CHARGEBACK: (0.7, 0.7, 0.0),
        MoneyKind.WRITE_OFF: (0.7, 0.7, 0.0),
        Purpose.COLLECTION: (0.5, 0.25, 0.0),
        Purpose.REFUND_REQUEST: (0.5, 0.3, 0.0),
        Purpose.COMPLAINT: (0.3, 0.0, 0.0),
    }
    faults = (Fault.CUSTOMER, Fault.UNKNOWN, Fault.OURS)
    return tuple(
        Weight(str(entry), fault.value, units)
        for entry, row in table.items()
        for fault, units in zip(faults, row, strict=True)
        if units
    )


_SHARES: Final = (
    Weight(_TIME, Fault.OURS.value, 0.0),
    Weight(_TIME, Fault.THIRD_PARTY.value, 0.0),
    Weight(_TIME, Fault.SHARED.value, 0.5),
    Weight(Purpose.COMPLAINT.value, Fault.UNKNOWN.value, 0.5),
    Weight(MoneyKind.REFUND.value, Fault.OURS.value, 0.0),
    Weight(MoneyKind.CHARGEBACK.value, Fault.OURS.value, 0.0),
    Weight(MoneyKind.WRITE_OFF.value, Fault.OURS.value, 0.0),
)
_SECONDS: Final = (
    (Channel.PHONE.value, 600),
    (Channel.EMAIL.value, 480),
    (Channel.CHAT.value, 480),
    (Channel.VISIT.value, 1800),
    (Channel.SOCIAL.value, 480),
    (Channel.LETTER.value, 900),
    (Channel.OTHER.value, 480),
)


@dataclass(frozen=True)
class ScorePolicy:
    """A version of the score's parameters; the defaults of K, r0 and u are uncalibrated guesses.

    ``margin`` is the gross margin on sales; until it is set nothing is flagged, and figures use 1,
    the value that favours the customer. ``severity`` has 0 where it names nothing, ``shares`` (of
    time and losses that count against the customer) 1; an entry of shared fault is as severe as
    one of unknown fault, a third party's not at all.
    """

    version: int = 0
    margin: float | None = None
    half_life_days: float = 180.0
    grace_days: int = 30
    provision: float = 0.5
    K: float = 150.0
    r0: float = 0.2
    u: float = 50.0
    a0: float = 0.5
    b0: float = 1.5
    bt: float = 0.03
    bo: float = 0.03
    bx: float = 0.02
    cap: float = 2.0
    z: float = 1.0
    theta: float = 0.5
    gate_square: float = 0.5
    min_days: int = 4
    min_months: int = 3
    min_cost_months: int = 3
    min_tenure_days: int = 90
    min_witnesses: int = 2
    strong_days: int = 8
    strong_months: int = 5
    strong_cost_months: int = 6
    calibrated: bool = False
    severity: tuple[Weight, ...] = _severity()
    shares: tuple[Weight, ...] = _SHARES
    default_seconds: tuple[tuple[str, int], ...] = _SECONDS

    def __post_init__(self) -> None:
        # What is kept is what is written and read back: plain floats, integers and tuples, not the
        # look-alikes of other libraries.
        for f in fields(self):
            object.__setattr__(self, f.name, _exact(f.name, getattr(self, f.name), f.default))
        _check(self)

    @property
    def effective_margin(self) -> float:
        """The margin, or 1 while none is set: too high a margin favours the customer."""
        return 1.0 if self.margin is None else self.margin

    def severity_of(self, purpose: Purpose, conduct: Conduct, fault: Fault) -> float:
        """How adverse an interaction is: the larger of what it was for and how it was conducted.

        >>> ScorePolicy().severity_of(Purpose.COMPLAINT, Conduct.THREAT, Fault.OURS)
        0.5
        """
        return max(self._units(purpose, fault), self._units(conduct, fault))

    def severity_of_money(self, kind: MoneyKind, fault: Fault) -> float:
        """How adverse a money entry is: a chargeback or write-off, unless we were at fault."""
        return self._units(kind, fault)

    def time_share(self, purpose: Purpose, conduct: Conduct, fault: Fault) -> float:
        """The share of an interaction's time that is attributable to the customer.

        A complaint of unknown fault counts half unless the conduct was adverse.

        >>> ScorePolicy().time_share(Purpose.COMPLAINT, Conduct.NONE, Fault.UNKNOWN)
        0.5
        """
        of_time = self._share_table.get((_TIME, fault.value), 1.0)
        if conduct is not Conduct.NONE:
            return of_time
        return min(of_time, self._share_table.get((purpose.value, fault.value), 1.0))

    def loss_share(self, kind: MoneyKind, fault: Fault) -> float:
        """The share of a refund, chargeback or write-off that counts against the customer."""
        return self._share_table.get((kind.value, fault.value), 1.0)

    def seconds_of(self, channel: Channel, seconds: int | None) -> int:
        """The handling time; where it is unknown, the default of the channel."""
        return self._seconds_table[channel.value] if seconds is None else seconds

    def to_parameters(self) -> dict[str, JsonValue]:
        """Everything but the version as JSON values, decimals as text that reads back exactly."""
        return {
            f.name: _to_json(getattr(self, f.name)) for f in fields(self) if f.name != "version"
        }

    def to_body(self) -> dict[str, JsonValue]:
        """The version and its parameters, as a trail entry keeps them."""
        return {"version": self.version, "parameters": self.to_parameters()}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The policy that ``to_body`` wrote."""
        return cls.from_parameters(body["parameters"], version=body["version"])

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, JsonValue], *, version: int) -> Self:
        """The policy that ``to_parameters`` wrote; what is not named keeps its default."""
        default = cls()
        unknown = parameters.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise BadInputError(f"Not a parameter of the score: {', '.join(sorted(unknown))}.")
        values: dict[str, Any] = {
            k: _from_json(k, v, getattr(default, k)) for k, v in parameters.items()
        }
        return cls(**{**values, "version": version})

    def _units(self, entry: str, fault: Fault) -> float:
        if fault is Fault.THIRD_PARTY:
            return 0.0
        judged = Fault.UNKNOWN if fault is Fault.SHARED else fault
        return self._severity_table.get((_JUDGED_AS.get(entry, entry), judged.value), 0.0)

    @cached_property
    def _severity_table(self) -> dict[tuple[str, str], float]:
        return {(w.entry, w.fault): w.value for w in self.severity}

    @cached_property
    def _share_table(self) -> dict[tuple[str, str], float]:
        return {(w.entry, w.fault): w.value for w in self.shares}

    @cached_property
    def _seconds_table(self) -> dict[str, int]:
        return dict(self.default_seconds)


def default_policy(currency: str) -> ScorePolicy:
    """What a new ledger starts from: uncalibrated, no margin, amounts scaled to the currency.

    Currencies without a minor unit (JPY, KRW) have units worth roughly a hundredth of a euro.
    """
    policy, scale = ScorePolicy(), 100.0 if exponent_of(currency) == 0 else 1.0
    return replace(policy, K=policy.K * scale, u=policy.u * scale)


_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "half_life_days": (7.0, 3650.0),
    "grace_days": (0, 3650),
    "provision": (0.0, 1.0),
    "r0": (0.001, 10.0),
    "a0": (0.001, 100.0),
    "b0": (0.1, 100.0),
    "bt": (0.0, 10.0),
    "bo": (0.0, 10.0),
    "bx": (0.0, 10.0),
    "cap": (1.0, 31.0),
    "z": (0.0, 5.0),
    "theta": (0.0, 1.0),
    "gate_square": (0.0, 0.5),
    "min_days": (2, 366),
    "min_months": (2, 120),
    "min_cost_months": (2, 120),
    "min_tenure_days": (0, 3650),
    "min_witnesses": (0, 10),
    "strong_days": (2, 1000),
    "strong_months": (2, 120),
    "strong_cost_months": (2, 120),
    "version": (0, 2**31 - 1),
}


def _check(policy: ScorePolicy) -> None:
    if policy.margin is not None and not 0 < policy.margin <= 1:
        raise BadInputError(
            f"The margin is the gross margin on sales, above 0 and at most 1 (0.4 is 40 %), "
            f"not {policy.margin}."
        )
    for name, (low, high) in _RANGES.items():
        value = getattr(policy, name)
        if not low <= value <= high:
            raise BadInputError(f"{name} lies between {low:g} and {high:g}, not {value}.")
    for name in ("K", "u"):
        if not (getattr(policy, name) > 0 and math.isfinite(getattr(policy, name))):
            raise BadInputError(
                f"{name} is an amount of money above 0, not {getattr(policy, name)}."
            )
    _check_weights("severity", policy.severity, _ENTRIES, {"customer", "unknown", "ours"}, 10.0)
    _check_weights("shares", policy.shares, _SHARED_ENTRIES, set(Fault), 1.0)
    channels = dict(policy.default_seconds)
    if set(channels) != set(Channel) or not all(0 <= s <= 86_400 for s in channels.values()):
        raise BadInputError(
            "default_seconds names every channel once, with at most a day (86400 seconds) each."
        )


def _check_weights(
    name: str, weights: tuple[Weight, ...], entries: frozenset[str], faults: set[str], most: float
) -> None:
    seen = {(w.entry, w.fault) for w in weights}
    if len(seen) != len(weights):
        raise BadInputError(f"{name} names an entry and a fault twice; name each pair once.")
    for weight in weights:
        if weight.entry not in entries or weight.fault not in faults:
            raise BadInputError(
                f"{name} does not know {weight.entry!r} with fault {weight.fault!r}. Entries are: "
                f"{', '.join(sorted(entries))}; faults: {', '.join(sorted(faults))}."
            )
        if not 0 <= weight.value <= most:
            raise BadInputError(
                f"{name} of {weight.entry} lies between 0 and {most:g}, not {weight.value}."
            )


def _to_json(value: object) -> JsonValue:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    assert value is None or isinstance(value, bool | int | str)
    return value


def _from_json(name: str, value: JsonValue, default: object) -> object:
    try:
        if name in _WEIGHTED and isinstance(value, list):
            return [(e, f, float(v)) for e, f, v in value]  # type: ignore[misc, arg-type, str-unpack]
        if isinstance(value, str) and (name == "margin" or isinstance(default, float)):
            return float(value)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"The score's parameter {name} cannot be {value!r}.") from error
    return value


_WEIGHTED: Final = frozenset(("severity", "shares"))


def _exact(name: str, value: Any, default: object) -> object:
    """The value as plain Python has it, or BadInputError if it is of another kind."""
    try:
        if name in _WEIGHTED:
            return tuple(Weight(_text(e), _text(f), _number(v)) for e, f, v in value)
        if name == "default_seconds":
            return tuple((_text(channel), _whole(seconds)) for channel, seconds in value)
        if value is None and name == "margin":
            return None
        if isinstance(default, bool):
            return _flag(value)
        return _whole(value) if isinstance(default, int) else _number(value)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"The score's parameter {name} cannot be {value!r}: {error}."
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no word")
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it must be True or False")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError("it must be a whole number")
    return int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError("it must be a number")
    return float(value)
