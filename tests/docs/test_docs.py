"""The pages' examples run, and the pages name everything there is."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import typer.main
from sybil import Example, Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

import custledger
from custledger import cli, errors

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in [ROOT / "README.md", *DOCS.rglob("*.md")] if "_build" not in p.parts)
PROGRAMS = ("README.md", "import.md")
"""Pages whose commands run as programs of their own, as a user's do."""
TERMINAL = {"COLUMNS": "100", "NO_COLOR": "1"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_console(example: Example) -> str | None:
    """Run each ``$ custledger ...`` of a block; the lines below it, if any, are its output."""
    for command, expected in transcript(example.parsed):
        program, *arguments = shlex.split(command, comments=True)
        assert program == "custledger", f"a console block runs custledger alone: {command}"
        by_itself = Path(example.path).name in PROGRAMS
        done = (run_program if by_itself else run_here)(arguments)
        if done.returncode != 0:
            return f"$ {command}\nexited with {done.returncode}:\n{done.stdout}{done.stderr}"
        if expected and not doctest.OutputChecker().check_output(expected, done.stdout, FLAGS):
            return f"$ {command}\nprinted:\n{done.stdout}\nand not:\n{expected}"
    return None


def run_program(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "custledger", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **TERMINAL, "PYTHONUTF8": "1"},
    )


def run_here(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The same in this process: to start a program takes longer than most of what it does."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, TERMINAL),
        mock.patch.object(sys, "stdin", io.StringIO()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli.main(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def transcript(block: str) -> Iterator[tuple[str, str]]:
    for part in ("\n" + block).split("\n$ ")[1:]:
        command, _, output = part.replace("\\\n", " ").partition("\n")
        yield command, output


EXAMPLES = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("console", run_console),
        SkipParser(),
    ],
    path=str(ROOT),
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in EXAMPLES.parse(page).examples():
        example.evaluate()


def test_every_command_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert [name for name in commands if f"`custledger {name}" not in page] == []


def test_every_exit_code_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    classes = [getattr(errors, name) for name in errors.__all__]
    own = [c for c in classes if "exit_code" in vars(c)]
    assert [c.__name__ for c in own if f"| {c.exit_code} |" not in page] == []
    assert [c.__name__ for c in own if f"(`{c.__name__}`)" not in page] == []


def test_every_public_name_is_in_the_reference() -> None:
    modules = [
        importlib.import_module(name)
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8"))
    ]
    documented = {name for module in modules for name in module.__all__}
    public = {name for name in custledger.__all__ if not name.startswith("__")}
    assert public - documented == set()
