"""Guards: triggers that refuse to change what the trail covers. Defence in depth, not the proof.

The truth can be appended to and nothing else; a payload may leave once its erasure is there. A
copy's row may leave only once a later entry supersedes it, or its entry is erased; it is never
changed in place. ``INSERT OR REPLACE``, which replaces a row on SQLite
without a word, is refused before it inserts. Whoever owns the database can drop a guard: ``verify``
reports a guard that is missing or differs, and the hashes show what was done meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, Table, UniqueConstraint, text
from sqlmodel import SQLModel

from custledger.storage.bulk import table_of
from custledger.storage.naming import schema_of
from custledger.storage.tables import COPIES, TRUTH, BlobRow, PayloadRow

__all__ = ["apply", "drop", "missing"]

_SAYING: Final = "custledger: the trail is append-only; record a correction instead"
_FUNCTION: Final = "custledger_refuse"
_PREFIX: Final = "custledger_guard"


def apply(connection: Connection) -> None:
    """Put every guard in place, replacing what stands under its name."""
    drop(connection)
    if connection.dialect.name == "sqlite":
        for statement in _sqlite_guards().values():
            connection.exec_driver_sql(statement)
        return
    schema = _schema(connection)
    for function, body in _postgresql_functions(schema).items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {schema}.{function}() RETURNS trigger LANGUAGE plpgsql "
            f"SET {_SETTING} AS $${body}$$"
        )
    for table, name, statement in _postgresql_guards(schema):
        connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"ALTER TABLE {schema}.{table} ENABLE ALWAYS TRIGGER {name}")


def drop(connection: Connection) -> None:
    """Take every guard away; only to rebuild or migrate, in one transaction with apply."""
    if connection.dialect.name == "sqlite":
        for name in _sqlite_guards():
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        return
    schema = _schema(connection)
    for table, name, _ in _postgresql_guards(schema):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {schema}.{table}")


def missing(connection: Connection) -> list[str]:
    """The names of guards that are absent, switched off, or not as custledger wrote them."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        found = {row[0]: row[1] for row in connection.exec_driver_sql(query)}
        return [name for name, sql in _sqlite_guards().items() if found.get(name) != sql]
    return _missing_postgresql(connection)


def _tables() -> Iterable[tuple[Table, bool]]:
    truth: set[type[SQLModel]] = set(TRUTH)
    for model in (*TRUTH, *COPIES):
        yield table_of(model), model in truth


def _sqlite_guards() -> dict[str, str]:
    guards: dict[str, str] = {}
    for table, is_truth in _tables():
        delete_when = "" if is_truth else f"WHEN {_still_current(table)} "
        if table is table_of(BlobRow):
            delete_when = f"WHEN {_BLOB_IN_USE} "
        if table is table_of(PayloadRow):
            delete_when = f"WHEN {_NOT_ERASED} "
        for event, when in (
            ("UPDATE", ""),
            ("DELETE", delete_when),
            ("INSERT", f"WHEN {_taken(table)} "),
        ):
            name = f"{_PREFIX}_{table.name.removeprefix('custledger_')}_{event.lower()}"
            guards[name] = (
                f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} {when}"
                f"BEGIN SELECT RAISE(ABORT, '{_SAYING}'); END"
            )
    return guards


_BLOB_IN_USE: Final = "EXISTS (SELECT 1 FROM custledger_payload p WHERE p.blob = OLD.name)"


_NOT_ERASED: Final = (
    "NOT EXISTS (SELECT 1 FROM custledger_erasure x "
    "WHERE x.entry_id = OLD.entry_id AND x.part = OLD.part)"
)


def _entry_column(table: Table) -> str:
    return "entry_id" if "entry_id" in table.columns else "id"


def _still_current(table: Table) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM custledger_entry o JOIN custledger_entry e "
        "ON e.subject_id = o.subject_id AND e.supersedes = o.seq AND e.seq > o.seq "
        f"WHERE o.id = OLD.{_entry_column(table)}) AND NOT EXISTS "
        f"(SELECT 1 FROM custledger_erasure x WHERE x.entry_id = OLD.{_entry_column(table)})"
    )


def _taken(table: Table) -> str:
    keys = [[column.name for column in table.primary_key.columns]]
    if len(keys[0]) > 1 and table.dialect_options["sqlite"].get("with_rowid", True):
        keys.append(["rowid"])  # REPLACE goes by SQLite's own key too, where a statement names one
    keys += [[column.name for column in i.columns] for i in table.indexes if i.unique]
    keys += [
        [column.name for column in constraint.columns]
        for constraint in sorted(
            (c for c in table.constraints if isinstance(c, UniqueConstraint)),
            key=lambda c: [column.name for column in c.columns],
        )
    ]
    clauses = (" AND ".join(f"t.{name} = NEW.{name}" for name in key) for key in keys)
    return " OR ".join(
        f"EXISTS (SELECT 1 FROM {table.name} t WHERE {clause})" for clause in clauses
    )


def _raise(condition: str) -> str:
    refusal = f"RAISE EXCEPTION '{_SAYING}' USING ERRCODE = 'integrity_constraint_violation';"
    return f" BEGIN IF {condition} THEN {refusal} END IF; RETURN OLD; END "


# Names in a guard are looked up nowhere else, so that no table or operator of the session's own can
# stand in for one of ours.
_SETTING: Final = "search_path = pg_catalog, pg_temp"


def _schema(connection: Connection) -> str:
    """The quoted name of the schema in which the tables are."""
    name = schema_of(connection)
    if name is None:
        name = connection.exec_driver_sql(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.oid = to_regclass('custledger_entry')"
        ).scalar_one()
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _postgresql_functions(schema: str) -> dict[str, str]:
    entry, payload = f"{schema}.custledger_entry", f"{schema}.custledger_payload"
    erasure = f"{schema}.custledger_erasure"
    return {
        _FUNCTION: _raise("TRUE"),
        # A trigger's WHEN cannot hold a subquery on PostgreSQL, so the question moves inside.
        f"{_FUNCTION}_current": _raise(
            f"NOT EXISTS (SELECT 1 FROM {entry} o JOIN {entry} e "
            "ON e.subject_id = o.subject_id AND e.supersedes = o.seq AND e.seq > o.seq "
            "WHERE o.id = (to_jsonb(OLD) ->> TG_ARGV[0])::bigint) AND NOT EXISTS "
            f"(SELECT 1 FROM {erasure} x WHERE x.entry_id = (to_jsonb(OLD) ->> TG_ARGV[0])::bigint)"
        ),
        f"{_FUNCTION}_unerased": _raise(
            f"NOT EXISTS (SELECT 1 FROM {erasure} x "
            "WHERE x.entry_id = OLD.entry_id AND x.part = OLD.part)"
        ),
        f"{_FUNCTION}_in_use": _raise(
            f"EXISTS (SELECT 1 FROM {payload} p WHERE p.blob = to_jsonb(OLD) ->> 'name')"
        ),
    }


def _postgresql_guards(schema: str) -> Iterable[tuple[str, str, str]]:
    for table, is_truth in _tables():
        short = table.name.removeprefix("custledger_")
        delete = f"{_FUNCTION}()" if is_truth else f"{_FUNCTION}_current('{_entry_column(table)}')"
        if table is table_of(BlobRow):
            delete = f"{_FUNCTION}_in_use()"
        if table is table_of(PayloadRow):
            delete = f"{_FUNCTION}_unerased()"
        for event, each, function in (
            ("UPDATE", "ROW", f"{_FUNCTION}()"),
            ("DELETE", "ROW", delete),
            ("TRUNCATE", "STATEMENT", f"{_FUNCTION}()"),
        ):
            name = f"{_PREFIX}_{short}_{event.lower()}"
            yield (
                table.name,
                name,
                (
                    f"CREATE TRIGGER {name} BEFORE {event} ON {schema}.{table.name} "
                    f"FOR EACH {each} EXECUTE FUNCTION {schema}.{function}"
                ),
            )


def _missing_postgresql(connection: Connection) -> list[str]:
    schema = _schema(connection)
    functions = _postgresql_functions(schema)
    query = (
        "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid), quote_ident(n.nspname), "
        "p.proname, p.prosrc, p.proconfig "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = n.oid "
        "WHERE t.tgenabled = 'A' AND n.oid = CAST(:schema AS regnamespace)"
    )
    found = {
        (name, table): _unqualified(definition, quoted)
        for name, table, definition, quoted, function, source, settings in connection.execute(
            text(query), {"schema": schema}
        )
        if functions.get(function) == source and settings == [_SETTING.replace(" = ", "=")]
    }
    return [
        name
        for table, name, statement in _postgresql_guards(schema)
        if found.get((name, table)) != _unqualified(statement, schema)
    ]


def _unqualified(statement: str, schema: str) -> str:
    # pg_get_triggerdef names the schema only where the search path does not lead there, and the
    # query asked for ours already.
    for word in ("ON", "FUNCTION"):
        statement = statement.replace(f" {word} {schema}.", f" {word} ")
    return statement
