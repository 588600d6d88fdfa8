"""The refund terms as a page in plain words: text, Markdown, or HTML that stands by itself.

For a website or a contract. The page says the law's floor beside the firm's own terms; it is no
legal advice, and not the model instructions on withdrawal (Directive 2011/83/EU, annex I).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from html import escape
from typing import Final

from custledger.core.checks import check_member, check_text
from custledger.core.refunds.terms import RefundTerms
from custledger.core.refunds.terms_words import Section, terms_in_sections
from custledger.edges.tables import safe

__all__ = ["PageForm", "terms_page"]

_TITLE: Final = "Refunds and cancellations"
_WIDTH: Final = 78
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")


class PageForm(StrEnum):
    """In which form a page is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


def terms_page(
    terms: RefundTerms,
    form: PageForm | str = PageForm.TEXT,
    *,
    firm: str = "",
    contact: str = "",
) -> str:
    """The page of a version; ``firm`` is in its title, ``contact`` says where to ask.

    >>> from datetime import date
    >>> from custledger.core.calendar.periods import Period
    >>> from custledger.core.refunds.terms import GoodsTerms
    >>> terms = RefundTerms(3, date(2026, 1, 1), GoodsTerms(Period.parse("30 days")))
    >>> terms_page(terms, "markdown", firm="Green Thumb").splitlines()[0]
    '# Refunds and cancellations at Green Thumb'
    """
    name, where = _line(firm, "firm"), _line(contact, "contact")
    title = f"{_TITLE} at {name}" if name else _TITLE
    sections = terms_in_sections(terms)
    if where:
        sections.append(Section("How to ask", (f"Write or call us: {where}.", *_HOW)))
    write = {PageForm.TEXT: _text, PageForm.MARKDOWN: _markdown, PageForm.HTML: _html}
    parts = write[check_member(PageForm, form)](title, sections, f"Version {terms.version}")
    return "\n".join(parts) + "\n"


_HOW: Final = (
    "You need no form. Say what you bought and that you want to return or cancel it.",
    "What counts is the day on which you sent your message.",
)


def _line(text: str, name: str) -> str:
    return " ".join(safe(check_text(text, name)).split()).removesuffix(".")


def _text(title: str, sections: list[Section], version: str) -> Iterator[str]:
    yield from (title, "=" * len(title))
    for heading, sentences in sections:
        yield from ("", heading, "-" * len(heading))
        for sentence in sentences:
            yield textwrap.fill(
                sentence, _WIDTH, initial_indent="- ", subsequent_indent="  ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    yield from ("", f"{version}.")


def _markdown(title: str, sections: list[Section], version: str) -> Iterator[str]:
    yield f"# {_escaped(title)}"
    for heading, sentences in sections:
        yield from ("", f"## {_escaped(heading)}", "")
        yield from (f"- {_escaped(sentence)}" for sentence in sentences)
    yield from ("", f"*{version}.*")


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _html(title: str, sections: list[Section], version: str) -> Iterator[str]:
    yield from ("<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">')
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield from ("</head>", "<body>", "<main>", f"<h1>{escape(title)}</h1>")
    for heading, sentences in sections:
        yield from ("<section>", f"<h2>{escape(heading)}</h2>", "<ul>")
        yield from (f"<li>{escape(sentence)}</li>" for sentence in sentences)
        yield from ("</ul>", "</section>")
    yield from (f"<footer>{version}.</footer>", "</main>", "</body>", "</html>")


_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6472; --paper: #fff; --line: #d9dde3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa4b2; --paper: #14181f; --line: #333c49; }
}
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.6 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 42rem; margin: 0 auto; padding: 2.5rem 1.2rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 1.5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
ul { margin: 0; padding-left: 1.2rem; }
li { margin: .35rem 0; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  h2, li { break-inside: avoid; break-after: auto; }
}
"""
