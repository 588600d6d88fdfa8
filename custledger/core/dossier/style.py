"""How a dossier's page looks: on a phone, on a screen by day and by night, and on paper.

A dossier's ``verify.py`` holds this module.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ink: #1d2430; --soft: #5b6472; --paper: #ffffff; --card: #f6f7f9; --line: #d9dde3;
  --mark: #2456a6; --quote: #eef3fb; --notice: #fff6e0; --notice-line: #d9a521;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ee; --soft: #9aa4b2; --paper: #14181f; --card: #1c222b; --line: #333c49;
    --mark: #8db4f5; --quote: #1d2838; --notice: #2d2614; --notice-line: #a6812a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .8rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; line-height: 1.35; margin: .1rem 0 .4rem; }
p { margin: .4rem 0; }
a { color: var(--mark); }
code, pre { font-family: ui-monospace, Consolas, "DejaVu Sans Mono", monospace; font-size: .85em; }
pre { white-space: pre-wrap; margin: .5rem 0; padding: .7rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .4rem; }
.lead, .meta { color: var(--soft); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
  gap: .6rem; margin: 1.2rem 0; padding: 0; list-style: none; }
.numbers li { padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; font-size: .88rem; color: var(--soft); }
.numbers b { display: block; font-size: 1.35rem; line-height: 1.2; color: var(--ink); }
.notice { margin: .5rem 0; padding: .5rem .8rem; background: var(--notice);
  border-left: 3px solid var(--notice-line); border-radius: 0 .3rem .3rem 0; }
.entry { margin: 0 0 .9rem; padding: .8rem 1rem .6rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; }
.entry > .when { display: flex; justify-content: space-between; gap: 1rem; margin: 0;
  font-size: .85rem; color: var(--soft); }
.entry .account, blockquote p, .said { white-space: pre-wrap; }
.past { opacity: .72; border-style: dashed; }
.past > h3 { text-decoration: line-through; text-decoration-thickness: 1px; }
.gap { margin: 0 0 .9rem; padding: .5rem 1rem; border: 1px dashed var(--line);
  border-radius: .6rem; color: var(--soft); font-size: .9rem; }
blockquote { margin: .6rem 0; padding: .5rem .9rem; background: var(--quote);
  border-left: 3px solid var(--mark); border-radius: 0 .3rem .3rem 0; }
blockquote footer, figcaption, .meta { font-size: .82rem; color: var(--soft); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .1rem .9rem;
  margin: .5rem 0; font-size: .92rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.meta { margin: .5rem 0 0; }
.staff { margin: .5rem 0; padding: .4rem .8rem; border-left: 3px solid var(--line); }
figure { margin: .8rem 0 .4rem; padding-top: .6rem; border-top: 1px solid var(--line); }
figure img { display: block; max-width: 100%; max-height: 34rem; border-radius: .3rem;
  border: 1px solid var(--line); background: #ffffff; }
figure pre { max-height: 26rem; overflow: auto; background: var(--paper); }
.past figure { border-top-style: dashed; }
footer.end { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 30rem) {
  body { padding: 1rem .7rem 3rem; }
  dl { grid-template-columns: minmax(5rem, max-content) 1fr; gap: .1rem .6rem; }
}
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --card: #fff; --line: #bbb; --quote: #fff;
    --notice: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .entry, figure, .gap, .numbers li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  figure pre { max-height: none; overflow: visible; }
  figure img { max-height: 16cm; }
}
@page { margin: 18mm 16mm; }
"""
