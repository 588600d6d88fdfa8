"""A second restore from before the first one's seals: what was published in between is told of."""

from __future__ import annotations

from pathlib import Path

from custledger import open_ledger
from custledger.edges.backup import back_up, restore
from custledger.pytest_plugin import Clock
from tests.trails import new_key


def test_second_restore_that_loses_all_that_the_first_life_sealed_raises_no_alarm(
    tmp_path: Path,
) -> None:
    """Found by the state machine: the cited checkpoint is of the second life, not of the first."""
    signer, clock = new_key(tmp_path), Clock()
    location = str(tmp_path / "ledger.sqlite")
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ledger.customers.add("Ann")
        back_up(location, tmp_path / "backup.sqlite")
        ledger.trail.seal(signer)
        published = [ledger.trail.checkpoint() or ""]
    for life in (2, 3):
        location = str(tmp_path / f"restored-{life}.sqlite")
        restore(tmp_path / "backup.sqlite", location, actor="Olga")
        with open_ledger(location, actor="Olga", now=clock) as ledger:
            assert not ledger.verify(keys=[signer.key], checkpoints=published[-1:]).ok
            assert ledger.trail.resume(published[-1], reason="r", signer=signer) == life
            ledger.trail.seal(signer)
            published.append(ledger.trail.checkpoint() or "")
            report = ledger.verify(keys=[signer.key], checkpoints=published)
            assert report.findings == ()
            assert len(report.notices) == life - 1
