"""A briefing as a page of HTML: by itself, without scripts, for a phone, a screen or paper."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from custledger.core.briefings.pages import Briefing, Items, Page, Part, page_of
from custledger.core.dossier.words import printable

__all__ = ["html_of"]

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6472; --paper: #fff; --card: #f6f7f9;
  --line: #d9dde3; --decided: #fff6e0; --decided-line: #d9a521; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa4b2; --paper: #14181f; --card: #1c222b; --line: #333c49;
    --decided: #2d2614; --decided-line: #a6812a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 1.5rem 1rem 3rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .6rem; }
p { margin: .5rem 0; }
ul { margin: .2rem 0 .8rem; padding-left: 1.2rem; }
li { margin: .25rem 0; }
.label { margin: .8rem 0 .2rem; font-weight: 600; }
section { margin: 1.2rem 0; }
section.customer { padding: .9rem 1rem .6rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; break-inside: avoid; }
.decided { margin: .5rem 0; padding: .1rem .9rem .3rem; background: var(--decided);
  border-left: 3px solid var(--decided-line); border-radius: 0 .3rem .3rem 0; }
.decided li { list-style: none; margin: .5rem 0 .5rem -1.2rem; }
footer { margin-top: 2rem; padding-top: .6rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .88rem; }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --card: #fff; --line: #999; --decided: #fff; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2, .label { break-after: avoid; }
}
@page { margin: 18mm 16mm; }
"""


def html_of(briefing: Briefing) -> str:
    """The briefing as one HTML document that loads nothing; every word of it is escaped."""
    return "".join(_document(page_of(briefing)))


def _document(page: Page) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_html(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_html(page.title)}</h1>\n"
    )
    for part in page.parts:
        yield from _part(part)
    if page.footer:
        lines = "".join(f"<p>{_html(line)}</p>\n" for line in page.footer)
        yield f"<footer>\n{lines}</footer>\n"
    yield "</body>\n</html>\n"


def _part(part: Part) -> Iterator[str]:
    yield '<section class="customer">\n' if part.heading else "<section>\n"
    if part.heading:
        yield f"<h2>{_html(part.heading)}</h2>\n"
    for block in part.blocks:
        if isinstance(block, Items):
            yield from _list(block)
        else:
            yield f"<p>{_html(block)}</p>\n"
    yield "</section>\n"


def _list(block: Items) -> Iterator[str]:
    decided = block.label == "Decided:"
    yield '<div class="decided">\n' if decided else ""
    yield f'<p class="label">{_html(block.label)}</p>\n<ul>\n'
    for lines in block.items:
        first, *more = map(_html, lines)
        yield f"<li>{'<br>'.join([f'<b>{first}</b>' if more else first, *more])}</li>\n"
    yield "</ul>\n"
    yield "</div>\n" if decided else ""


def _html(text: str) -> str:
    return escape(printable(text))
