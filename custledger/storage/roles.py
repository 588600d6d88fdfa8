"""Who may do what on PostgreSQL: the SQL for an owner, a writer and readers of one ledger.

The statements are text for an administrator to read and run. They can be run again at any time,
and are after an upgrade: no default privileges are set, because those would open a table that an
upgrade brings before anybody had said whether it is truth, copy or evidence. Until then it is
closed to all but the owner.

A ledger works the same without roles. With them the guards stand behind the rights: the writer
could not change the trail even if a guard were gone, and cannot take one away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlmodel import SQLModel

from custledger.core.records import Part
from custledger.errors import BadInputError
from custledger.storage import schema as versions
from custledger.storage.bulk import table_of
from custledger.storage.naming import check_schema
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    ContactPointRow,
    CustomerRow,
    EntryRow,
    EventRow,
    EvidenceRow,
    IdentityRow,
    ImportBatchRow,
    InteractionRow,
    LedgerRow,
    LegalHoldRow,
    MoneyRow,
    PayloadRow,
    StaffRow,
    VoidedRow,
)
from custledger.storage.types import CODES

__all__ = ["Roles", "role_statements"]

_ROLE: Final = re.compile(r"(?!pg_|public$|none$)[\w.@-]+")
_MOST_BYTES: Final = 63
"""PostgreSQL cuts longer names off, so that two roles could become one."""


class Roles(NamedTuple):
    """The names of a ledger's roles; without ``evidence_reader`` only those who write read it."""

    owner: str
    writer: str
    reader: str
    evidence_reader: str | None = None

    @classmethod
    def of(cls, schema: str) -> Roles:
        """The names that a schema's roles have unless others are given.

        >>> Roles.of("firm_a").writer
        'firm_a_writer'
        """
        return cls(*(f"{check_schema(schema)}_{name}" for name in cls._fields))


def role_statements(
    schema: str, roles: Roles | None = None, *, login: bool = False, whole_database: bool = False
) -> str:
    """The SQL that makes the roles of the ledger in a schema and gives them their rights.

    Without ``login`` the roles are groups: people and programs log in as themselves and are granted
    one, so that they come and go without a change here and no password stands in the SQL. With
    ``whole_database`` the rights that every role of the database has by default (temporary tables)
    go too; that part is a comment otherwise. Raises BadInputError for a name that cannot be.

    >>> print(role_statements("firm_a").splitlines()[0])
    -- Rights to the custledger ledger in the schema firm_a.
    """
    names = _Names(check_schema(schema), _checked(roles or Roles.of(schema)))
    parts = (
        _heading(names),
        "BEGIN;\nSET LOCAL search_path = pg_catalog;\nSET LOCAL lock_timeout = '10s';",
        _roles_part(names, login),
        _schema_part(names),
        _tables_part(names),
        _database_part(whole_database),
        "COMMIT;",
    )
    return "\n\n".join(parts) + "\n"


class _Names:
    """The schema and the roles, quoted."""

    def __init__(self, schema: str, roles: Roles) -> None:
        self.plain, self.roles = schema, roles
        self.schema = _quoted(schema)
        self.owner, self.writer, self.reader = map(_quoted, roles[:3])
        self.evidence = None if roles.evidence_reader is None else _quoted(roles.evidence_reader)
        self.limited = [role for role in (self.writer, self.reader, self.evidence) if role]

    def tables(self, models: Iterable[type[SQLModel]], *more: str) -> str:
        names = [*(table_of(model).name for model in models), *more]
        return ",\n    ".join(f"{self.schema}.{name}" for name in names)

    def table(self, model: type[SQLModel]) -> str:
        return f"{self.schema}.{table_of(model).name}"


def _checked(roles: Roles) -> Roles:
    given = [role for role in roles if role is not None]
    for role in given:
        if not _ROLE.fullmatch(role) or len(role.encode()) > _MOST_BYTES:
            raise BadInputError(
                f"{role!r} cannot be a role's name here. Give letters, digits and _ . @ -, at most "
                f"{_MOST_BYTES} bytes, and nothing that begins with pg_."
            )
    if len(set(given)) < len(given):
        raise BadInputError(f"Each role needs a name of its own, not {', '.join(given)}.")
    return roles


def _quoted(name: str) -> str:
    return f'"{name}"'  # _ROLE and check_schema let no quote through


def _heading(names: _Names) -> str:
    roles = names.roles
    does = {
        roles.owner: "owns the schema and the tables: init, upgrade, rebuild",
        roles.writer: "reads all and appends; changes nothing, removes what an erasure names",
        roles.reader: "reads all but what pieces of evidence contain",
    }
    if roles.evidence_reader is not None:
        does[roles.evidence_reader] = "is a reader who may read the evidence too, and verify"
    width = max(map(len, does))
    lines = [
        f"Rights to the custledger ledger in the schema {names.plain}.",
        "Made by `custledger roles`. Run it with psql as a superuser, or as a role that may create",
        "roles and schemas. Run it again after `custledger init` and every `custledger upgrade`;",
        "the owner may do that too. Running it twice changes nothing.",
        "",
        *(f"  {role:{width}}  {what}" for role, what in does.items()),
    ]
    return "\n".join(f"-- {line}".rstrip() for line in lines)


def _roles_part(names: _Names, login: bool) -> str:
    roles = [names.owner, *names.limited]
    lines = [
        f"IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF;"
        for role in roles
    ]
    if login:
        lines += [
            f"IF NOT (SELECT rolcanlogin FROM pg_roles WHERE oid = '{role}'::regrole)\n"
            f"    THEN ALTER ROLE {role} LOGIN; END IF;"
            for role in roles
        ]
    lines.append(
        f"IF NOT pg_has_role('{names.owner}'::regrole, 'USAGE')\n"
        f"    THEN GRANT {names.owner} TO CURRENT_USER; END IF;  -- to hand it what follows"
    )
    if names.evidence is not None:
        lines.append(
            f"IF NOT pg_has_role('{names.evidence}'::regrole, '{names.reader}'::regrole, 'USAGE')\n"
            f"    THEN GRANT {names.reader} TO {names.evidence}; END IF;"
        )
    lines.append(_refusing_too_much(names))
    saying = "-- 1. The roles. They have no password" + (
        ": set one with \\password in psql."
        if login
        else ", and log in through nobody's but yours:"
    )
    if not login:
        saying += f"\n--    GRANT {names.writer} TO app;  -- whoever logs in as app writes"
    return f"{saying}\n{_do(lines, 'DECLARE mighty text;')}"


def _refusing_too_much(names: _Names) -> str:
    limited = ",\n      ".join(f"'{role}'::regrole" for role in names.limited)
    return (
        "-- A role that has more rights from elsewhere would make a pretence of all that follows.\n"
        "  SELECT string_agg(r.rolname, ', ') INTO mighty FROM pg_roles r\n"
        f"    WHERE r.oid IN (\n      {limited}\n    ) AND (\n"
        "      r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication\n"
        f"      OR pg_has_role(r.oid, '{names.owner}'::regrole, 'MEMBER')\n"
        "      OR EXISTS (SELECT FROM pg_roles p\n"
        "                 WHERE p.rolname LIKE 'pg\\_%' AND pg_has_role(r.oid, p.oid, 'MEMBER'))\n"
        "    );\n"
        "  IF mighty IS NOT NULL THEN\n"
        "    RAISE EXCEPTION 'too mighty already: %', mighty\n"
        "      USING HINT = 'Take its attributes and memberships away, or give another name.';\n"
        "  END IF;"
    )


def _schema_part(names: _Names) -> str:
    limited = ", ".join(names.limited)
    grant = f"GRANT USAGE ON SCHEMA {names.schema} TO {limited};"
    if names.plain == "public":
        return (
            "-- 2. The schema public is not custledger's alone, so it keeps its owner.\n"
            f"REVOKE CREATE ON SCHEMA {names.schema} FROM PUBLIC, {limited};\n"
            f"GRANT USAGE, CREATE ON SCHEMA {names.schema} TO {names.owner};\n{grant}"
        )
    lines = [
        f"IF to_regnamespace('{names.schema}') IS NULL\n"
        f"    THEN CREATE SCHEMA {names.schema} AUTHORIZATION {names.owner}; END IF;",
        "IF EXISTS (\n"
        f"    SELECT FROM pg_class WHERE relnamespace = '{names.schema}'::regnamespace\n"
        "      AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname NOT LIKE 'custledger\\_%'\n"
        "  ) THEN\n"
        f"    RAISE EXCEPTION 'the schema {names.plain} holds tables of others: give the ledger a "
        "schema of its own';\n"
        "  END IF;",
    ]
    return (
        f"-- 2. The schema: the owner's, and nobody else's unless said so.\n{_do(lines)}\n"
        f"ALTER SCHEMA {names.schema} OWNER TO {names.owner};\n"
        f"REVOKE ALL ON SCHEMA {names.schema} FROM PUBLIC, {limited};\n{grant}"
    )


def _tables_part(names: _Names) -> str:
    entry = names.table(EntryRow)
    version = f"{names.schema}.{versions.VERSION_TABLE}"
    lines = [
        f"IF to_regclass('{entry}') IS NULL THEN\n"
        "    RAISE NOTICE 'there is no ledger yet: run this again after custledger init';\n"
        "    RETURN;\n"
        "  END IF;",
        *_handing_over(names),
        f"IF (SELECT version_num FROM {version}) <> '{versions.head_version()}' THEN\n"
        f"    RAISE EXCEPTION 'the tables are not of version {versions.head_version()}: run "
        "custledger upgrade first';\n"
        "  END IF;",
        *_grants(names),
        *_policies(names),
    ]
    return f"-- 3. The tables, once there are any.\n{_do(lines, 'DECLARE one record;')}"


def _handing_over(names: _Names) -> list[str]:
    mine = f"'{names.schema}'::regnamespace"
    return [
        "-- Whoever ran `custledger init` owns the tables until here.\n"
        "  FOR one IN SELECT oid::regclass AS name FROM pg_class\n"
        f"      WHERE relnamespace = {mine} AND relkind = 'r' AND relname LIKE 'custledger\\_%'\n"
        f"  LOOP EXECUTE format('ALTER TABLE %s OWNER TO {names.owner}', one.name); END LOOP;",
        "FOR one IN SELECT oid::regprocedure AS name FROM pg_proc\n"
        f"      WHERE pronamespace = {mine} AND proname LIKE 'custledger\\_%'\n"
        f"  LOOP EXECUTE format('ALTER FUNCTION %s OWNER TO {names.owner}', one.name); END LOOP;",
    ]


def _grants(names: _Names) -> list[str]:
    everything = (*TRUTH, *COPIES)
    written = [model for model in everything if model is not LedgerRow]  # init writes that one
    shown = [model for model in everything if model is not BlobRow]
    replaced = [model for model in everything if model in _REPLACED]
    version = versions.VERSION_TABLE
    sequences = ", ".join(f"{names.table(model)}_id_seq" for model in (IdentityRow, EntryRow))
    lines = [
        f"REVOKE ALL ON TABLE\n    {names.tables(everything, version)}\n"
        f"  FROM PUBLIC, {', '.join(names.limited)};",
        f"REVOKE ALL ON SEQUENCE {sequences}\n  FROM PUBLIC, {', '.join(names.limited)};",
        "-- The writer appends. It may delete only what a correction or void replaces in the\n"
        "  -- copies, and what an erasure names; which rows those are, the guards see to. It may\n"
        "  -- update nothing.\n"
        f"  GRANT SELECT ON TABLE\n    {names.tables(everything, version)}\n  TO {names.writer};",
        f"GRANT INSERT ON TABLE\n    {names.tables(written)}\n  TO {names.writer};",
        f"GRANT DELETE ON TABLE\n    {names.tables(replaced)}\n  TO {names.writer};",
        f"GRANT USAGE ON SEQUENCE {sequences}\n  TO {names.writer};",
        "-- The reader sees all but the contents of evidence: files here, texts below.\n"
        f"  GRANT SELECT ON TABLE\n    {names.tables(shown, version)}\n  TO {names.reader};",
    ]
    if names.evidence is not None:
        lines.append(f"GRANT SELECT ON TABLE {names.table(BlobRow)} TO {names.evidence};")
    return lines


_REPLACED: Final = frozenset(
    {
        StaffRow,
        ImportBatchRow,
        CustomerRow,
        ContactPointRow,
        InteractionRow,
        MoneyRow,
        EvidenceRow,
        EventRow,
        LegalHoldRow,
        VoidedRow,
        PayloadRow,
        BlobRow,
    }
)
"""Copies of entries that can be corrected, voided or followed by a newer state; what is erased."""


def _policies(names: _Names) -> list[str]:
    table = names.table(PayloadRow)
    harmless = ", ".join(str(CODES[Part][part]) for part in (Part.SHARED, Part.STAFF))
    wanted = {
        "writer": f"TO {names.writer} USING (true)",
        "reader": f"FOR SELECT TO {names.reader} USING (part IN ({harmless}))",
        "evidence_reader": f"FOR SELECT TO {names.evidence} USING (true)",
    }
    if names.evidence is None:
        del wanted["evidence_reader"]
    dropped = [f"DROP POLICY IF EXISTS custledger_{n} ON {table};" for n in Roles._fields[1:]]
    made = [f"CREATE POLICY custledger_{n} ON {table}\n    {to};" for n, to in wanted.items()]
    return [
        "-- The texts of evidence are rows among the payloads, of a part of their own.\n"
        f"  ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;",
        *dropped,
        *made,
    ]


def _database_part(whole_database: bool) -> str:
    saying = (
        "-- 4. What every role may do in every database unless told otherwise: make temporary\n"
        "--    tables, and on PostgreSQL 14 make tables in the schema public. The ledger needs\n"
        "--    neither. Taking it away touches every application of this database, so "
    )
    saying += (
        "it was asked for."
        if whole_database
        else "read first:\n--    custledger roles --whole-database"
    )
    statements = _do(
        [
            "EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', "
            "current_database());",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
        ]
    )
    if not whole_database:
        statements = "\n".join(f"-- {line}" for line in statements.splitlines())
    return f"{saying}\n{statements}"


def _do(lines: Iterable[str], declaring: str = "") -> str:
    body = "".join(f"  {line}\n" for line in lines)
    start = f"DO $custledger${' ' + declaring if declaring else ''}"
    return f"{start}\nBEGIN\n{body}END\n$custledger$;"
