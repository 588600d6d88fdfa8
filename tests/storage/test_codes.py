"""The numbers under which words are stored: written into every ledger, so they never change.

A new word goes to the end of its vocabulary, and to the end of its list here.
"""

from __future__ import annotations

import pytest
from sqlalchemy import SmallInteger
from sqlalchemy.dialects import sqlite

from custledger.core import records
from custledger.storage.types import CODES, Coded, code_of, member_of

PINNED = {
    records.Channel: "phone email chat visit social letter other",
    records.Conduct: "none verbal_abuse threat policy_abuse unreasonable_demand "
    "unreasonable_persistence public_attack deception",
    records.ContactKind: "email phone social address other",
    records.CustomerStatus: "prospect active former",
    records.Direction: "in out",
    records.EntryKind: "ledger staff hourly_rate exchange_rate score_policy import_started "
    "import_finished import_undone customer interaction invoice sale payment refund chargeback "
    "write_off concession evidence void erasure erasure_refused legal_hold key incarnation "
    "policy complaint decision conveyance refund_advice dunning briefing backing lesson praise "
    "referral flag merge subject_access",
    records.Fault: "ours customer shared third_party unknown",
    records.MoneyKind: "invoice sale payment refund chargeback write_off concession",
    records.Part: "shared staff content",
    records.PolicyTopic: "calendar complaint_plan regime refund_terms refund_advice ladder "
    "decisions house_rule retention exposure",
    records.Purpose: "inquiry order complaint refund_request cancellation collection praise other",
    records.StaffRole: "owner agent program",
}


@pytest.mark.parametrize("vocabulary", PINNED, ids=lambda vocabulary: vocabulary.__name__)
def test_codes_are_the_ones_that_old_ledgers_hold(vocabulary: type[records.Channel]) -> None:
    words = PINNED[vocabulary].split()
    assert CODES[vocabulary] == {word: code for code, word in enumerate(words)}


def test_every_vocabulary_is_pinned() -> None:
    assert set(CODES) == set(PINNED)


def test_every_word_is_stored_as_its_code_and_read_back() -> None:
    for vocabulary in PINNED:
        column = Coded(vocabulary)
        for member in vocabulary:
            stored = column.process_bind_param(member, sqlite.dialect())
            assert stored == code_of(member) == column.process_bind_param(member.value, None)  # type: ignore[arg-type]
            assert column.process_result_value(stored, sqlite.dialect()) is member
            assert member_of(vocabulary, code_of(member)) is member
        assert isinstance(column.impl, SmallInteger)


def test_every_money_kind_is_an_entry_kind() -> None:
    assert {k.value for k in records.MoneyKind} < {k.value for k in records.EntryKind}
