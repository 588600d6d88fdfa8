"""The schema of choice on PostgreSQL: how statements find the tables of one firm among several.

A connection carries the schema as SQLAlchemy's option ``schema_translate_map``, which Core
statements follow by themselves; text that is sent as it stands asks here. Without the option the
server's search path decides, as does the option of a host that maps schemas itself.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import Connection, Engine

from custledger.errors import BadInputError

__all__ = ["check_schema", "options_for", "qualified", "schema_of"]

_MAP: Final = "schema_translate_map"
_NAME: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


def check_schema(name: object) -> str:
    """The name of a PostgreSQL schema, or BadInputError; one that needs no quotes anywhere.

    >>> check_schema("firm_a")
    'firm_a'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadInputError(
            f"schema must be lower-case letters, digits and underscores, such as 'firm_a', not "
            f"{name!r}."
        )
    return name


def options_for(schema: str | None) -> dict[str, Any]:
    """The execution options of a connection whose tables are in a schema."""
    return {} if schema is None else {_MAP: {None: schema}}


def schema_of(connection: Connection | Engine) -> str | None:
    """The schema that statements go to; None where the search path decides."""
    mapped = connection.get_execution_options().get(_MAP)
    return mapped.get(None) if mapped else None


def qualified(connection: Connection, name: str) -> str:
    """A table's name for text that is sent as it stands."""
    schema = schema_of(connection)
    if schema is None:
        return name
    return f"{connection.dialect.identifier_preparer.quote_identifier(schema)}.{name}"
