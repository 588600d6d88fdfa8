"""The report as a page, as text and as JSON; a function of the report alone.

The page has no scripts and loads nothing; whatever is in a name or a text is shown, never obeyed.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import quote

from custledger.core.dossier.style import STYLE
from custledger.core.dossier.words import printable
from custledger.core.words import day_in_words
from custledger.edges.subject_access.document import (
    Block,
    Bullets,
    Card,
    Paragraph,
    Rows,
    Section,
    document,
)
from custledger.edges.subject_access.report import AccessReport
from custledger.edges.tables import plain

__all__ = ["FORMAT", "VERSION", "access_html", "access_json", "access_text"]

FORMAT: Final = "custledger/subject-access"
VERSION: Final = 1
_WIDTH: Final = 88
_INDENT: Final = "    "


def access_json(report: AccessReport) -> str:
    """The report for programs: JSON with sorted keys, days and moments in ISO 8601."""
    body: dict[str, Any] = {"format": FORMAT, "version": VERSION, **plain(report)}
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def access_html(report: AccessReport) -> str:
    """The report as a page of its own."""
    title = _title(report)
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_html(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{_html(title)}</h1>\n<p class="lead">{_html(_lead(report))}</p>\n'
    )
    return head + "".join(_html_section(s) for s in document(report)) + "</body>\n</html>\n"


def access_text(report: AccessReport) -> str:
    """The report as plain text."""
    title = printable(_title(report))
    lines = [title, "=" * len(title), "", *_filled(_lead(report))]
    for section in document(report):
        lines += ["", section.title, "-" * len(section.title)]
        for block in section.blocks:
            lines += ["", *_text_block(block)]
    return "\n".join(lines) + "\n"


def _title(report: AccessReport) -> str:
    return f"What is held about {report.name}"


def _lead(report: AccessReport) -> str:
    return (
        f"As of {day_in_words(report.made_on)}. All that this ledger holds about you, what it is "
        "used for, and what you can do about it (Art. 15 GDPR)."
    )


def _html_section(section: Section) -> str:
    blocks = "".join(_html_block(block) for block in section.blocks)
    return f"<h2>{_html(section.title)}</h2>\n{blocks}"


def _html_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        kind = ' class="notice"' if block.notice else ""
        return f"<p{kind}>{_html(block.text)}</p>\n"
    if isinstance(block, Bullets):
        return f"<ul>\n{''.join(f'<li>{_html(text)}</li>{chr(10)}' for text in block.texts)}</ul>\n"
    if isinstance(block, Rows):
        return _html_rows(block.rows)
    return "".join(_html_card(block))


def _html_card(card: Card) -> Iterator[str]:
    past = " past" if card.past else ""
    anchor = f' id="{_html(card.anchor)}"' if card.anchor else ""
    yield (
        f'<article class="entry{past}"{anchor}>\n<p class="when">'
        f"<span>{_html(card.when)}</span><span>{_html(card.number)}</span></p>\n"
        f"<h3>{_html(card.title)}</h3>\n"
    )
    for notice in card.notices:
        yield f'<p class="notice">{_html(notice)}</p>\n'
    if card.account:
        yield f'<p class="account" dir="auto">{_html(card.account)}</p>\n'
    if card.customer_words:
        yield (
            f'<blockquote><p dir="auto">{_html(card.customer_words)}</p>'
            "<footer>In your words</footer></blockquote>\n"
        )
    yield _html_rows(card.rows)
    for label, note in card.notes:
        yield (
            f'<div class="staff"><p class="said" dir="auto">{_html(note)}</p>'
            f'<p class="meta">{_html(label)}, for staff</p></div>\n'
        )
    if card.file:
        yield f'<p class="meta"><a href="{_html(quote(card.file))}">{_html(card.file)}</a></p>\n'
    if card.foot:
        yield f'<p class="meta">{_html(card.foot)}</p>\n'
    yield "</article>\n"


def _html_rows(rows: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<dt>{_html(label)}</dt><dd dir="auto">{_html(text)}</dd>\n' for label, text in rows
    )
    return f"<dl>\n{listed}</dl>\n" if listed else ""


def _text_block(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return _filled(block.text, "! " if block.notice else "")
    if isinstance(block, Bullets):
        return [line for text in block.texts for line in _filled(text, "- ")]
    if isinstance(block, Rows):
        return [line for label, text in block.rows for line in _filled(text, f"{label}: ")]
    return list(_text_card(block))


def _text_card(card: Card) -> Iterator[str]:
    yield from _filled(card.title, f"{card.number}  ")
    inside = [card.when, *(f"! {text}" for text in card.notices)]
    inside += [card.account] if card.account else []
    inside += [f'In your words: "{card.customer_words}"'] if card.customer_words else []
    inside += [f"{label}: {text}" for label, text in card.rows]
    inside += [f"{label}, for staff: {text}" for label, text in card.notes]
    inside += [f"File: {card.file}"] if card.file else []
    inside += [f"{card.foot}."] if card.foot else []
    for text in inside:
        yield from _filled(text, indent=_INDENT)


def _filled(text: str, first: str = "", indent: str = "") -> list[str]:
    """Lines of a text, wrapped; its own line ends stay."""
    rest = indent + " " * min(len(first), 2)
    lines: list[str] = []
    for number, part in enumerate(_lines(first + printable(text))):
        start = indent if number == 0 else rest
        lines += textwrap.wrap(part, _WIDTH, initial_indent=start, subsequent_indent=rest) or [""]
    return lines


def _lines(text: str) -> Iterable[str]:
    return text.splitlines() or [""]


def _html(text: str) -> str:
    return escape(printable(text))
