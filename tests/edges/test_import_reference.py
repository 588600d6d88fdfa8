"""The score's reference data, imported from its CSV files into a ledger and scored there."""

import csv
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import custledger
from custledger.edges.importing import import_csv
from custledger.ledger import Ledger
from tests.storage.rows import reference_policy

DATA = Path(__file__).parent.parent / "data"
DATES = ("2023-06-30", "2023-12-31", "2024-06-30")
SCORES = {"S": "score", "S_lo": "score_low", "S_hi": "score_high"}
WORDS = ("flag", "watch", "uncorroborated", "kind", "evidence")
CASES = [("edge", DATES[-1:]), ("sample", DATES)]


@pytest.fixture
def ledger(location: str) -> Iterator[Ledger]:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with custledger.open_ledger(location, actor="Olga", now=lambda: now) as opened:
        policy = reference_policy(DATA / "score_reference")
        names = {f.name for f in fields(policy)} - {"version"}
        opened.score_policies.set(**{name: getattr(policy, name) for name in names})
        yield opened


@pytest.mark.parametrize(("folder", "days"), CASES)
def test_imported_reference_gives_the_expected_scores(
    ledger: Ledger, folder: str, days: tuple[str, ...]
) -> None:
    check(ledger, DATA / "score_reference" / folder, days)


@pytest.mark.slow
def test_the_whole_imported_reference_gives_the_expected_scores(
    ledger: Ledger, data_folder: Path
) -> None:
    check(ledger, data_folder / "score_reference", DATES)


def test_an_undone_import_leaves_the_scores_as_before(ledger: Ledger) -> None:
    folder = DATA / "score_reference" / "edge"
    take(ledger, folder, "customers")
    before = ledger.scores(as_of=date(2024, 6, 30))
    taken = take(ledger, folder, "interactions"), take(ledger, folder, "money")
    assert ledger.scores(as_of=date(2024, 6, 30)) != before
    for number in taken:
        ledger.imports.undo(number, reason="the wrong files")
    assert ledger.scores(as_of=date(2024, 6, 30)) == before
    assert ledger.verify().ok


def take(ledger: Ledger, folder: Path, name: str) -> int:
    mapping = DATA / "import" / f"reference_{name}.toml"
    report = import_csv(ledger, folder / f"{name}.csv", mapping=mapping)
    assert (report.rejected, report.differing) == (0, 0)
    return report.batch or 0


def check(ledger: Ledger, folder: Path, days: tuple[str, ...]) -> None:
    for rate in csv.DictReader((folder / "fx.csv").read_text("utf-8").splitlines()):
        if rate["currency"] != ledger.currency:
            ledger.exchange_rates.set(rate["currency"], rate["rate_to_base"])
    for name in ("customers", "interactions", "money"):
        take(ledger, folder, name)
    assert ledger.verify().ok
    ids = {customer.id: customer.external_id for customer in ledger.customers.all()}
    for day in days:
        lines = (folder / f"expected_{day}.csv").read_text("utf-8").splitlines()
        expected = {row["customer_id"]: row for row in csv.DictReader(lines)}
        as_of = date.fromisoformat(day)
        rows = {row.customer_id: row for row in ledger.scores(as_of=as_of)}
        assert len(rows) == len(expected)
        for customer, external_id in ids.items():
            wanted = expected[external_id]
            for found in (rows[str(customer)], ledger.score(customer, as_of=as_of)):
                for column, name in SCORES.items():
                    figure = getattr(found, name)
                    assert figure == pytest.approx(float(wanted[column]), abs=1e-6), external_id
                for word in WORDS:
                    assert str(getattr(found, word)) == wanted[word], (external_id, word)
