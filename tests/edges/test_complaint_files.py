"""Plans for complaints as files that people write."""

from __future__ import annotations

from pathlib import Path

from custledger.core.complaints.plans_built_in import PLAN
from custledger.edges.complaint_files import plan_as_toml, read_plan


def test_plan_that_an_editor_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(plan_as_toml(PLAN), encoding="utf-8-sig")
    assert read_plan(path).steps == PLAN.steps
