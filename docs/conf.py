"""Sphinx configuration: everything builds without the network."""

from sphinx.application import Sphinx
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

import custledger
from custledger.storage.tables import COPIES, TRUTH

project = "custledger"
author = "The custledger developers"
project_copyright = f"2026, {author}"
release = version = custledger.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True


def setup(app: Sphinx) -> None:
    """Fill in what is generated from the code and no extension generates."""
    app.connect("source-read", _fill_in_tables)


def _fill_in_tables(_app: Sphinx, page: str, source: list[str]) -> None:
    if page == "reference/tables":
        source[0] = source[0].replace("TABLES\n", "\n".join(map(_table, [*TRUTH, *COPIES])))


def _table(model: type[SQLModel]) -> str:
    table = model.metadata.tables[str(model.__tablename__)]
    rows = [
        f"| `{c.name}` | {c.type.compile(postgresql.dialect())} | {'yes' if c.nullable else ''} "
        f"| {', '.join(f'`{key.target_fullname}`' for key in c.foreign_keys)} |"
        for c in table.columns
    ]
    head = f"## {table.name}\n\n`{model.__name__}`. {(model.__doc__ or '').strip()}\n\n"
    return head + "\n".join(
        ["| column | type | may be null | refers to |", "|---|---|---|---|", *rows, ""]
    )
