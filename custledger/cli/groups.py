"""How help lists commands: by subject, in an order a shopkeeper looks for, each sentence whole."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["SUBJECTS", "readable"]

SUBJECTS: Final = {
    "Begin": ("init", "demo", "import"),
    "Record": ("add", "record", "staff", "match"),
    "Judge the fit": ("score", "explain", "ranking", "flags", "policy"),
    "Tell the staff": ("brief", "briefing", "backing", "due"),
    "Deal fairly": ("complaint", "terms", "refund", "receivables", "check", "decision"),
    "Learn": ("ourselves", "lesson", "rule", "exposure"),
    "Thank good customers": ("good", "earning", "recovered", "referral", "praise"),
    "Prove": ("history", "verify", "dossier", "seal", "checkpoint", "anchor", "key"),
    "Personal data": (
        "access",
        "contest",
        "retention",
        "erase",
        "erasures",
        "hold",
        "holds",
        "release",
        "purge",
    ),
    "Look after the ledger": (
        "backup",
        "restore",
        "resume",
        "rebuild",
        "upgrade",
        "export",
        "roles",
    ),
}
"""The commands of the program, by subject."""
_LAST: Final = frozenset({"recovered", "void"})
"""Within a group: what is seldom needed."""


class _Group(TyperGroup):
    """A group whose help wraps the first sentence of each command instead of cutting it off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the commands, under their subjects where these are the program's own."""
        for title, names in self._sections():
            rows = [(name, _first_sentence(self.commands[name])) for name in names]
            with formatter.section(title):
                # The same column under every subject.
                formatter.write_dl([(name.ljust(self._widest()), text) for name, text in rows])

    def _widest(self) -> int:
        return max(map(len, self.commands))

    def _sections(self) -> Iterator[tuple[str, list[str]]]:
        shown = [name for name, command in self.commands.items() if not command.hidden]
        if not set(SUBJECTS["Begin"]) <= set(shown):
            yield "Commands", sorted(shown, key=_LAST.__contains__)
            return
        for title, names in SUBJECTS.items():
            yield title, [name for name in names if name in shown]
        known = {name for names in SUBJECTS.values() for name in names}
        if rest := [name for name in shown if name not in known]:
            yield "More", rest


def _first_sentence(command: Any) -> str:
    text = " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())
    sentence, end, _ = text.partition(". ")
    return sentence + end.strip()


def readable(app: typer.Typer) -> None:
    """Let the program and all groups in it list their commands so."""
    app.info.cls = _Group
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = _Group
            readable(group.typer_instance)
