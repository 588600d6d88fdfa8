"""The score of people with several names: merged, the parts count as one customer's whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from custledger.core.records import EntryKind, EntryRef, MoneyKind
from custledger.core.score.contributions import History
from custledger.core.score.fit import Fit
from custledger.storage.bulk import insert_rows
from custledger.storage.scoring.standings import (
    ScoreRow,
    calibration_rows,
    fit_of,
    ranking_rows,
    score_rows,
)
from custledger.storage.tables import EventRow
from custledger.storage.types import code_of
from tests.core.histories import AS_OF, JOINED, POLICY, contact, histories, history, months, paid
from tests.storage.rows import Shop, put
from tests.storage.test_standings import ALL, RATES, check_alike, key_of

HEAD, OTHER, THIRD, STRANGER = 1, 2, 3, 4
ASKED = {"policy": POLICY, "as_of_day": AS_OF, "currency": "EUR"}


def merge(connection: Connection, *merged: int, into: int = HEAD) -> None:
    """Rows of merges as the journal writes them."""
    kind = code_of(EntryKind.MERGE)
    rows = [(n, 9, n, n, kind, "merged", 9, 0, 0, into, None, None) for n in merged]
    insert_rows(connection, EventRow, rows)


def parts(whole: History, cut: Sequence[int]) -> dict[int, History]:
    """The entries of a customer dealt out to three, of whom the second joined first."""
    found = {}
    for part in (HEAD, OTHER, THIRD):
        found[part] = replace(
            whole,
            name=f"part {part}",
            joined_day=whole.joined_day + (0 if part == OTHER else part),
            interactions=[e for e in whole.interactions if cut[e.seq % len(cut)] == part],
            money=[e for e in whole.money if cut[e.seq % len(cut)] == part],
        )
    return found


def of_one(rows: list[ScoreRow], key: int) -> ScoreRow:
    [found] = [row for row in rows if key_of(row) == key]
    return found


def one(connection: Connection, key: int) -> Fit:
    return fit_of(connection, key, **ASKED)


@given(
    histories(currencies=ALL, most=15),
    histories(most=5),
    st.lists(st.sampled_from((HEAD, OTHER, THIRD)), min_size=1, max_size=7),
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_parts_that_were_merged_have_the_score_of_the_whole_in_sql_as_in_the_core(
    engine: Engine, whole: History, stranger: History, cut: list[int]
) -> None:
    with engine.begin() as connection:
        put(connection, Shop({HEAD: whole, STRANGER: stranger}, rates=RATES))
        before, fit_before = score_rows(connection, **ASKED), one(connection, HEAD)
        calibration = calibration_rows(connection, **ASKED)
        put(connection, Shop({**parts(whole, cut), STRANGER: stranger}, rates=RATES))
        alone = score_rows(connection, **ASKED)
        merge(connection, OTHER, THIRD)
        rows = score_rows(connection, **ASKED)
        assert {key_of(row) for row in rows} == {HEAD, STRANGER}
        for key in (HEAD, STRANGER):
            check_alike(of_one(rows, key), one(connection, key))
            check_alike(of_one(before, key), one(connection, key))
            assert of_one(rows, key).tenure_days == of_one(before, key).tenure_days
        for key in (OTHER, THIRD):
            found = one(connection, key)
            assert (found.customer_id, found.name) == (UUID(int=HEAD), "part 1")
            assert replace(found.standing, tenure=0) == replace(fit_before.standing, tenure=0)
            cited = {
                (r.code, len(r.entries) + len(r.merged_entries), r.points) for r in found.reasons
            }
            assert cited == {(r.code, len(r.entries), r.points) for r in fit_before.reasons}
        check_calibration(calibration_rows(connection, **ASKED), calibration)
        connection.execute(text("DELETE FROM custledger_event"))
        assert score_rows(connection, **ASKED) == alone


def check_calibration(found: tuple[list, list], expected: tuple[list, list]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        for a, b in zip(sorted(ours), sorted(theirs), strict=True):
            assert a == pytest.approx(b, rel=1e-9, abs=1e-8)


def test_payment_under_one_name_settles_the_invoice_under_the_other(engine: Engine) -> None:
    owed = history(
        paid(1, JOINED, MoneyKind.INVOICE, 10_000),
        paid(2, JOINED, MoneyKind.INVOICE, 5_000, currency="USD"),
    )
    settled = history(
        paid(1, JOINED + 9, MoneyKind.PAYMENT, 10_000),
        paid(2, JOINED + 9, MoneyKind.PAYMENT, 5_000, currency="USD"),
    )
    with engine.begin() as connection:
        put(connection, Shop({HEAD: owed, OTHER: settled}, rates=RATES))
        assert of_one(score_rows(connection, **ASKED), HEAD).overdue_minor > 10_000
        merge(connection, OTHER)
        [row] = score_rows(connection, **ASKED)
        assert row.overdue_minor == 0
        check_alike(row, one(connection, HEAD))


def test_ranking_has_one_row_for_all_who_are_one(engine: Engine) -> None:
    first = history(contact(1, JOINED, seconds=3_600), paid(2, JOINED, MoneyKind.SALE, 5_000))
    with engine.begin() as connection:
        put(connection, Shop({HEAD: first, OTHER: first, STRANGER: first}))
        merge(connection, OTHER)
        rows = {row.customer_id[-1]: row for row in ranking_rows(connection, **ASKED)}
    assert set(rows) == {"1", "4"}
    assert (rows["1"].revenue_minor, rows["1"].contacts, rows["1"].hours) == (10_000, 2, 2.0)
    assert (rows["4"].revenue_minor, rows["4"].contacts) == (5_000, 1)


def test_reasons_cite_the_entries_of_every_chain(engine: Engine) -> None:
    first, second = months(2)
    with engine.begin() as connection:
        shop = {HEAD: history(contact(7, first)), OTHER: history(contact(7, second))}
        put(connection, Shop(shop))
        merge(connection, OTHER)
        found = one(connection, OTHER)
    [time] = [reason for reason in found.reasons if reason.code == "time"]
    assert time.entries == (7,)
    assert time.merged_entries == (EntryRef(UUID(int=OTHER), 7),)
    assert "2 contacts" in time.text


def test_who_was_merged_into_somebody_gone_counts_alone(engine: Engine) -> None:
    """A register of erasures may take the one who stood for the others, and not them."""
    with engine.begin() as connection:
        put(connection, Shop({OTHER: history(contact(1, JOINED)), STRANGER: history()}))
        merge(connection, OTHER, into=HEAD)
        rows = score_rows(connection, **ASKED)
        assert {key_of(row) for row in rows} == {OTHER, STRANGER}
        assert one(connection, OTHER).customer_id == UUID(int=OTHER)
