"""The notebook says what the ledger says: it is run, and its outputs are those that are stored."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/examples/a_look_at_the_ledger.ipynb"
RUN = Path(__file__).with_name("run_notebook.py")
# The digits that tell customers of one firm apart are different ones in every ledger.
SHORT_ID = re.compile(r"\([0-9a-f]{8}\)")


def outputs(path: Path) -> list[list[dict[str, Any]]]:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [[told(output) for output in cell.outputs] for cell in cells]


def told(output: Any) -> dict[str, Any]:
    if output.output_type == "stream":
        return {output.name: SHORT_ID.sub("(id)", output.text)}
    return dict(output.data)


def test_notebook_runs_and_tells_what_is_stored(tmp_path: Path) -> None:
    ran = tmp_path / "ran.ipynb"
    subprocess.run(
        [sys.executable, str(RUN), str(NOTEBOOK), str(ran)],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=True,
    )
    stored = outputs(NOTEBOOK)
    assert outputs(ran) == stored
    assert len(stored) == 7
    assert all(stored)


def test_notebook_carries_nothing_of_the_machine_it_ran_on() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|usr|var)/|site-packages|\\u001b", text)
