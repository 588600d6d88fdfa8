"""The score-policy book: versions are added, never changed."""

from __future__ import annotations

import pytest

from custledger import Ledger, open_ledger
from custledger.errors import BadInputError, NotFoundError


def test_new_ledger_has_version_one_without_a_margin(ledger: Ledger) -> None:
    assert [policy.version for policy in ledger.score_policies.all()] == [1]
    assert ledger.score_policies.current().margin is None


def test_change_adds_a_version_and_keeps_the_old_one(ledger: Ledger, location: str) -> None:
    added = ledger.score_policies.set(margin=0.4)
    assert (added.version, added.margin) == (2, 0.4)
    assert ledger.score_policies.get(1).margin is None
    with open_ledger(location, actor="Olga") as other:
        assert other.score_policies.current() == added
        assert other.score_policies.set(margin=0.5).version == 3
    assert ledger.score_policies.current().margin == 0.5


def test_unknown_version_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no score policy 7"):
        ledger.score_policies.get(7)


def test_bad_parameter_adds_no_version(ledger: Ledger) -> None:
    with pytest.raises((BadInputError, TypeError)):
        ledger.score_policies.set(margin=7)
    with pytest.raises((BadInputError, TypeError)):
        ledger.score_policies.set(no_such_parameter=1)
    assert len(ledger.score_policies.all()) == 1
