"""A briefing as plain text: for a terminal, a printer, or the text part of a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from custledger.core.briefings.pages import Briefing, Items, Part, page_of
from custledger.core.dossier.words import printable

__all__ = ["text_of"]

_WIDTH: Final = 88


def text_of(briefing: Briefing) -> str:
    """The briefing as lines of at most 88 characters; control characters are shown, not obeyed."""
    page = page_of(briefing)
    parts = [_underlined(page.title, "=")]
    parts += ["\n".join(_part(part)) for part in page.parts if part.blocks]
    if page.footer:
        parts.append("\n".join(page.footer))  # a command stays in one line
    return printable("\n\n".join(parts)) + "\n"


def _underlined(heading: str, line: str) -> str:
    return f"{heading}\n{line * len(heading)}"


def _part(part: Part) -> Iterator[str]:
    if part.heading:
        yield _underlined(part.heading, "-")
    for number, block in enumerate(part.blocks):
        if number and not part.heading:
            yield ""
        if isinstance(block, Items):
            yield block.label
            yield from _items(block)
        else:
            yield textwrap.fill(block, _WIDTH)


def _items(block: Items) -> Iterator[str]:
    for first, *more in block.items:
        yield textwrap.fill(first, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        for text in more:
            yield textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
