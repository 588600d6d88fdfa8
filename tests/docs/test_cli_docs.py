"""The page on the command line says what the program says, of every command and option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from custledger.cli import app
from custledger.cli.groups import SUBJECTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md").read_text(
    encoding="utf-8"
)


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(commands(typer.main.get_command(app)))


def section(name: str) -> str:
    [found] = [
        part
        for part in PAGE.split("\n### ")[1:]
        if part.startswith((f"`custledger {name}`", f"`custledger {name} "))
    ]
    return found.replace("\\|", "|")


@pytest.mark.parametrize("name", COMMANDS)
def test_section_of_command_has_its_options_as_the_program_tells_them(name: str) -> None:
    text = section(name)
    shared = PAGE.partition("## The commands")[0]
    for parameter in COMMANDS[name].params:
        names = [parameter.metavar] if parameter.param_type_name == "argument" else parameter.opts
        place = shared if {"--ledger", "--actor", "--wait", "--help"} & set(names) else text
        assert all(f"`{option}" in place or f"[{option}]" in place for option in names) or all(
            option in place for option in names
        )
        assert (parameter.help or "") in place
    assert (COMMANDS[name].help or "").splitlines()[0] in text


def test_page_has_no_section_of_a_command_that_is_gone() -> None:
    sections = [part.partition("`\n")[0].strip("`") for part in PAGE.split("\n### ")[1:]]
    assert len(sections) == len(COMMANDS)


def test_help_names_every_command_under_one_subject_and_no_sentence_is_cut_off() -> None:
    named = [name for names in SUBJECTS.values() for name in names]
    assert sorted(named) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    shown = CliRunner().invoke(app, ["--help"], terminal_width=80).output
    assert "More:" not in shown
    assert not re.search(r"[a-z,;:]\.\.\.$", shown, re.MULTILINE)
