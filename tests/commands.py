"""Running the command line in this process, and what the demo needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from custledger.cli import main

__all__ = ["ACTOR", "Shell", "Shown"]

ACTOR = "Olga"


@dataclass(frozen=True)
class Shown:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Shell:
    """An empty folder, an actor, and a terminal that is none."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.folder, self._capsys = folder, capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("CUSTLEDGER_ACTOR", ACTOR)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.delenv("CUSTLEDGER_LEDGER", raising=False)

    def run(self, *arguments: str) -> Shown:
        """Run a command whatever comes of it."""
        self._capsys.readouterr()
        code = main(arguments)
        out, err = self._capsys.readouterr()
        return Shown(code, out, err)

    def __call__(self, *arguments: str) -> str:
        """Run a command that must succeed; what it printed."""
        shown = self.run(*arguments)
        assert shown.code == 0, shown
        return shown.out

    def refused(self, code: int, *arguments: str) -> str:
        """Run a command that must be refused, in one line; the line."""
        shown = self.run(*arguments)
        assert shown.code == code, shown
        assert "Traceback" not in shown.err
        assert shown.err.count("\n") == 1, shown.err
        return shown.err
