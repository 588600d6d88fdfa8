"""``verify.py``: what a check needs of the core, in one file, so that both readers have one maths.

What a third party runs is what the ledger runs, word for word: of each module the definitions that
``main`` reaches, without the imports between the modules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final, NamedTuple

from custledger import __version__

__all__ = ["verifier_source"]

_PACKAGE: Final = "custledger"
_START: Final = "main"
# Each after those that it imports.
_MODULES: Final = (
    "errors",
    "core.canonical",
    "core.trail.merkle",
    "core.trail.ed25519",
    "core.trail.notes",
    "core.trail.chain",
    "core.trail.seals",
    "core.words",
    "core.dossier.content",
    "core.dossier.zip",
    "core.dossier.words",
    "core.dossier.story",
    "core.dossier.style",
    "core.dossier.page",
    "core.dossier.seals",
    "core.dossier.check",
    "edges.dossier.verifying",
)
_HEAD: Final = '''"""Check a dossier of custledger: python verify.py dossier.zip checkpoint.txt

It needs Python 3.9 or newer and nothing else; it asks no network, and writes a file only where
--page says so. It is put together from the modules of custledger {version}, whose names stand above
each part, word for word but for the imports between them. Do not take it on trust either: read it,
or take the same file from the published release.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 9):
    sys.exit("verify.py needs Python 3.9 or newer.")

'''
_TAIL: Final = '\n\nif __name__ == "__main__":\n    sys.exit(main())\n'


@cache
def verifier_source() -> str:
    """The source of ``verify.py``, the same for every dossier of this version."""
    modules = {name: list(_definitions(_source(name))) for name in _MODULES}
    everything = [definition for found in modules.values() for definition in found]
    _refuse_clashes(everything)
    needed = _reached(everything)
    imports = [d for d in everything if d.imported and d.name in needed]
    parts = [_HEAD.format(version=__version__), *_imports(imports)]
    for name, found in modules.items():
        kept = [d.text for d in found if d.name in needed and not d.imported]
        parts += [f"\n\n# {'-' * 78}\n# {_PACKAGE}.{name}\n", *kept]
    return "".join([*parts, _TAIL])


class _Definition(NamedTuple):
    """A name that a module defines or imports from Python: its lines, and the names in them.

    ``imported`` is the module that it is imported from; ``text`` is then how.
    """

    name: str
    text: str
    uses: frozenset[str]
    imported: str = ""


def _source(name: str) -> str:
    *folders, last = name.split(".")
    return files(_PACKAGE).joinpath(*folders, f"{last}.py").read_text(encoding="utf-8")


def _definitions(source: str) -> Iterator[_Definition]:
    tree, lines = ast.parse(source), source.splitlines()
    begin = 0
    for number, node in enumerate(tree.body):
        follows = tree.body[number + 1 : number + 2]
        # A text below a constant describes it.
        described = isinstance(node, ast.AnnAssign) and [n for n in follows if _is_text(n)]
        end = (described[0] if described else node).end_lineno or 0
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node)
        elif name := _name(node):
            # With the comments and the empty lines that stand above it.
            yield _Definition(name, "".join(f"{line}\n" for line in lines[begin:end]), _uses(node))
        begin = max(begin, end)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[_Definition]:
    """What comes from Python's own modules; of the package's, nothing."""
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    ours = module.partition(".")[0] == _PACKAGE
    if module == "__future__":
        return
    for alias in node.names:
        if not ours:
            text = ast.unparse(alias)
            yield _Definition(alias.asname or alias.name, text, frozenset(), module or "import")
        elif alias.asname:
            raise ValueError(f"verify.py knows {alias.name} by one name only, not {alias.asname}.")


def _name(node: ast.stmt) -> str:
    """The name that a statement defines; none for what a type checker alone reads, or __all__."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    target = node.target if isinstance(node, ast.AnnAssign) else None
    if isinstance(node, ast.Assign):
        target = node.targets[0] if isinstance(node.targets[0], ast.Name) else None
    return target.id if isinstance(target, ast.Name) and target.id != "__all__" else ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _uses(node: ast.stmt) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def _reached(definitions: Iterable[_Definition]) -> set[str]:
    """The names that the program needs, directly or by way of others."""
    of: Mapping[str, _Definition] = {definition.name: definition for definition in definitions}
    needed, ahead = set[str](), [_START]
    while ahead:
        name = ahead.pop()
        if name in of and name not in needed:
            needed.add(name)
            ahead += of[name].uses
    return needed


def _imports(definitions: Sequence[_Definition]) -> Iterator[str]:
    found = sorted({(d.imported != "import", d.imported, d.text) for d in definitions})
    for (named, module), group in groupby(found, key=lambda line: line[:2]):
        texts = [text for *_, text in group]
        if named:
            yield f"from {module} import {', '.join(texts)}\n"
        else:
            yield "".join(f"import {text}\n" for text in texts if text != "sys")


def _refuse_clashes(definitions: Iterable[_Definition]) -> None:
    """In one file a name has one meaning."""
    of: dict[str, _Definition] = {}
    for definition in definitions:
        known = of.setdefault(definition.name, definition)
        if known is not definition and not (
            known.imported == definition.imported != "" and known.text == definition.text
        ):
            raise ValueError(f"verify.py would have two meanings of {definition.name}; rename one.")
