"""The command that prints the rights of a ledger in PostgreSQL: roles."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from custledger.cli.options import option
from custledger.cli.session import Session, command
from custledger.storage.roles import Roles, role_statements

__all__ = ["app"]

app = typer.Typer()


def _role(name: str, who: str) -> Any:
    return option(
        name,
        metavar="ROLE",
        text=f"Name of the role {who}. Default: SCHEMA_{name[2:].replace('-', '_')}.",
    )


@command(
    app,
    "roles",
    "custledger roles --schema firm_a",
    "custledger roles --schema firm_a > firm_a.sql",
    "custledger roles --schema firm_a --writer shop --whole-database",
    opens=False,
)
def roles(
    _session: Session,
    schema: Annotated[str, option("--schema", metavar="NAME", text="The schema of the ledger.")],
    owner: Annotated[str | None, _role("--owner", "that owns the tables")] = None,
    writer: Annotated[str | None, _role("--writer", "that appends")] = None,
    reader: Annotated[str | None, _role("--reader", "that reads all but evidence")] = None,
    evidence_reader: Annotated[
        str | None, _role("--evidence-reader", "that reads the evidence too")
    ] = None,
    login: Annotated[
        bool, typer.Option("--login", help="The roles may log in themselves. Default: groups.")
    ] = False,
    whole_database: Annotated[
        bool,
        typer.Option(
            "--whole-database", help="Take temporary tables from every role of the database too."
        ),
    ] = False,
) -> None:
    """Print the SQL of an owner, a writer and readers in PostgreSQL.

    Changes nothing by itself. Run what it prints with psql; again after init and every upgrade.
    """
    given = (owner, writer, reader, evidence_reader)
    names = Roles(*(name or default for name, default in zip(given, Roles.of(schema), strict=True)))  # type: ignore[arg-type]
    statements = role_statements(schema, names, login=login, whole_database=whole_database)
    typer.echo(statements, nl=False)
