"""The command import: read a CSV file, list what was imported, undo an import."""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from custledger.cli.options import FormatOption, option
from custledger.cli.progress import progress_bar
from custledger.cli.session import Session, command, say, tell_missing_rates
from custledger.core.records import ImportBatch
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import count, words
from custledger.errors import BadInputError

if TYPE_CHECKING:
    from custledger.edges.importing import ImportReport

# Reading CSV takes a fifth of a second to import: only the command that does it waits for it.

__all__ = ["app"]

app = typer.Typer()

_MOST_SHOWN: Final = 5
# An extract of UCI Online Retail (D. Chen, 2015; CC BY 4.0).
_EXAMPLE: Final = "online_retail_extract.csv.gz"
_EXAMPLE_MAPPING: Final = "online_retail"
_REJECTED: Final = 2


@command(
    app,
    "import",
    "custledger import contacts.csv",
    "custledger import sales.csv.gz --mapping online_retail",
    "custledger import export.csv --mapping my-shop.toml --strict",
    "custledger import --example",
    "custledger import --list",
    'custledger import --undo 3 --reason "wrong file"',
)
def import_file(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A CSV file, packed with gzip or not.", show_default=False
        ),
    ] = None,
    mapping: Annotated[
        str | None,
        option("--mapping", "-m", metavar="NAME", text="A mapping file, or one that is shipped."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Import nothing if a row is rejected (exits with 2).")
    ] = False,
    rejects: Annotated[
        Path | None,
        option("--rejects", metavar="PATH", text="Where rejected rows go. Default: beside FILE."),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Import the real sales that custledger ships.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List what was imported.")] = False,
    undo: Annotated[
        int | None, option("--undo", metavar="N", text="Void everything that import N brought in.")
    ] = None,
    reason: Annotated[
        str | None, option("--reason", metavar="TEXT", text="Why an import is undone.")
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Import a CSV file, list imports, or undo one.

    A file in custledger's own layout needs no mapping. A file that is imported again adds nothing;
    an interrupted import goes on where it stopped. Rows that cannot be used go, with their reason,
    to a file beside the imported one; the rest goes in.
    """
    if (file is not None) + example + listing + (undo is not None) != 1:
        raise BadInputError("Name a file to import, or use --example, --list or --undo N.")
    if example:
        with as_file(files("custledger") / "data" / _EXAMPLE) as shipped:
            _import(session, shipped, _EXAMPLE_MAPPING, rejects, form, strict=strict)
    elif listing:
        _list(session, form)
    elif undo is not None:
        _undo(session, undo, reason)
    elif file is not None:
        _import(session, file, mapping, rejects, form, strict=strict)


def _import(
    session: Session,
    file: Path,
    mapping: str | None,
    rejects: Path | None,
    form: Format,
    *,
    strict: bool,
) -> None:
    from custledger.edges.importing import import_csv
    from custledger.edges.importing.report import Rejection

    with session.open() as ledger:
        with progress_bar(f"Importing {file.name}") as progress:
            report = import_csv(
                ledger, file, mapping=mapping, strict=strict, rejects=rejects, progress=progress
            )
        if form is Format.TEXT:
            _print_report(report)
            tell_missing_rates(ledger)
    if form is Format.JSON:
        write_json(report, sys.stdout)
    elif form is Format.CSV:
        write_rows(report.rejections, [], sys.stdout, form=form, kind=Rejection)
    _warn(report)
    if not report.written:
        raise typer.Exit(_REJECTED)


def _print_report(report: ImportReport) -> None:
    number = "" if report.batch is None else f" (import {report.batch})"
    resumed = " It went on where it had stopped." if report.resumed else ""
    typer.echo(f"{safe(report.file_name)}: {count(report.rows, 'row')} read{number}.{resumed}")
    for line in _figures(report):
        typer.echo(f"  {line}")


def _figures(report: ImportReport) -> list[str]:
    added = [count(number, words(kind)) for kind, number in report.added.items() if number]
    if report.customers_added:
        added.insert(0, count(report.customers_added, "customer"))
    if report.staff_added:
        added.insert(0, count(report.staff_added, "member of staff", "members of staff"))
    lines = [f"added: {', '.join(added) or 'nothing'}"]
    lines += [f"known already, unchanged: {report.unchanged:,}"] if report.unchanged else []
    lines += [f"known already, with other facts: {report.differing:,}"] if report.differing else []
    lines += [f"left out, {safe(why)}: {number:,}" for why, number in report.skipped.items()]
    lines += [f"left out, repeated rows: {report.duplicates:,}"] if report.duplicates else []
    lines += [f"rejected: {report.rejected:,}"] if report.rejected else []
    for total in report.sums:
        rounding = f" (rounding {total.rounding:+f})" if total.rounding else ""
        entries = count(total.entries, words(total.kind))
        lines.append(f"in the file: {entries}, {total.rounded:,f} {total.currency}{rounding}")
    return lines


def _warn(report: ImportReport) -> None:
    """Tell on standard error what was not imported, and what to do about it."""
    for difference in report.differences[:_MOST_SHOWN]:
        say(f"Line {difference.line}: {safe(difference.external_id)} {_differs(difference.facts)}")
    if not report.rejected:
        return
    for rejection in report.rejections[:_MOST_SHOWN]:
        say(f"Line {rejection.line}: {safe(rejection.reason)}")
    if report.rejected > _MOST_SHOWN:
        say(f"... and {count(report.rejected - _MOST_SHOWN, 'more row')}.")
    if report.rejects_file is not None:
        say(f"Every rejected row, with its reason, is in {report.rejects_file}.")
    if not report.written:
        say("Nothing was imported, because of --strict. Correct the rows and try again.")


def _differs(facts: tuple[str, ...]) -> str:
    if facts == ("voided",):
        return "was voided by hand, and stays voided."
    return f"is in the ledger with another {', '.join(map(words, facts))}; it was left as it was."


def _undo(session: Session, number: int, reason: str | None) -> None:
    if not reason:
        raise BadInputError('Say why: custledger import --undo N --reason "wrong file".')
    from custledger.edges.importing import undo_import

    with session.open() as ledger:
        batch = undo_import(ledger, number, reason=reason)
    typer.echo(
        f"Import {batch.number} ({safe(batch.file_name)}) is undone: its entries are voided. The "
        "history keeps them."
    )


def _list(session: Session, form: Format) -> None:
    with session.open() as ledger:
        rows = ledger.imports.all()
    write_rows(rows, _COLUMNS, sys.stdout, form=form, kind=ImportBatch)


_COLUMNS: Final = (
    Column("Import", lambda row: str(row.number), justify="right"),
    Column("Source", lambda row: row.source),
    Column("File", lambda row: row.file_name, wrap=True),
    Column("Started", lambda row: f"{row.started_at:%Y-%m-%d %H:%M} UTC"),
    Column("Status", lambda row: row.status),
    Column("Entries", lambda row: f"{row.entries:,}", justify="right"),
)
