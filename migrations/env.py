"""Alembic's entry point: works on the connection that it is given.

``custledger.storage.schema`` hands over a connection. A developer who writes a migration has none
and names a database instead: ``alembic -x url=sqlite:///ledger.sqlite check``.
"""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.types import TypeDecorator

PREFIX = "custledger_"


def main() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        attributes = context.config.attributes
        migrate(connection, attributes.get("metadata"), attributes.get("schema"))
        return
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("Name a database: alembic -x url=sqlite:///ledger.sqlite ...")
    # Only here: what runs on users' ledgers imports nothing of the package.
    from custledger.storage.tables import metadata

    with create_engine(url).begin() as own:
        migrate(own, metadata)


def migrate(connection: Connection, metadata: MetaData | None, schema: str | None = None) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=f"{PREFIX}version",
        version_table_schema=schema,
        include_name=is_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_plain_type,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """The host application's tables may be in the same database: they are not looked at."""
    return kind != "table" or (name or "").startswith(PREFIX)


def render_plain_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A migration names the plain type below a type of the package, so that it stays true."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{type(item.impl_instance).__name__}()"
    return False


main()
