"""For a host application whose own tables are in the same database as the ledger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ForeignKey, MetaData

from custledger.storage.bulk import table_of
from custledger.storage.naming import check_schema
from custledger.storage.tables import IdentityRow

__all__ = ["customer_reference", "include_name"]

_PREFIX: Final = "custledger_"


def include_name(name: str | None, kind: str, parents: Mapping[str, Any]) -> bool:  # noqa: ARG001
    """Whether the host's Alembic looks at a name: not at custledger's tables.

    Give it to ``context.configure(include_name=include_name)`` in the host's ``env.py``; then
    ``--autogenerate`` neither drops nor changes the ledger.

    >>> include_name("custledger_entry", "table", {}), include_name("ticket", "table", {})
    (False, True)
    """
    return kind != "table" or not (name or "").startswith(_PREFIX)


def customer_reference(schema: str | None = None, **options: Any) -> ForeignKey:
    """A foreign key from a host's column of type Uuid to a customer's public id, ``customer.id``.

    ``schema`` is the ledger's on PostgreSQL; the options are ForeignKey's, such as ``name``. It
    leads to the ledger's identities, which never change: what is known of a customer is replaced
    at each correction, so that no key may lead there.

    >>> from sqlalchemy import Column, MetaData, Table, Uuid
    >>> Table("ticket", MetaData(), Column("customer", Uuid, customer_reference())).c.customer
    Column('customer', Uuid(), ForeignKey('custledger_identity.uuid'), table=<ticket>)
    """
    table = table_of(IdentityRow)
    if schema is not None:
        table = table.to_metadata(MetaData(), schema=check_schema(schema))
    return ForeignKey(table.c.uuid, **options)
