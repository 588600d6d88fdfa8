"""Helpers of the import tests: small files, and reading them without a ledger."""

from pathlib import Path

from custledger.core.records import TrailEntry
from custledger.edges.importing import Mapping
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.parsing import parse_mapping
from custledger.edges.importing.records import open_reading
from custledger.edges.importing.report import Tally
from custledger.ledger import Ledger

__all__ = ["SALES", "canonical", "read_file", "reasons", "write"]

SALES = """
source = "shop"
time_zone = "UTC"
[customer]
external_id = { column = "customer" }
joined_on = "first_seen"
[[record]]
kind = "sale"
if_negative = "refund"
group_by = ["invoice"]
external_id = { column = "invoice" }
occurred_at = { column = "day" }
amount = { product = ["quantity", "price"] }
currency = "EUR"
"""


def write(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    """A file with that content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_file(path: Path, mapping: Mapping | str | None = None) -> tuple[list[ReadRecord], Tally]:
    """What a file becomes, without the customers met on the way."""
    parsed = parse_mapping(mapping) if isinstance(mapping, str) else mapping
    reading = open_reading(path, parsed, zone_name="UTC")
    tally = Tally(reading.table.header)
    records = [record for record in reading.records(tally) if not record.implied]
    tally.close()
    return records, tally


def reasons(tally: Tally) -> list[tuple[int, str]]:
    """The line and the reason of each rejected row."""
    return [(rejection.line, rejection.reason) for rejection in tally.rejections]


def canonical(ledger: Ledger) -> list[object]:
    """Every chain as text without what is random: by source and external id, staff by name."""
    names = {str(staff.id): staff.name for staff in ledger.staff.all()}
    chains: list[object] = [_chain(ledger.history(), names)]
    customers = sorted(ledger.customers.all(), key=lambda c: (c.source, c.external_id))
    return chains + [(c.source, c.external_id, _chain(ledger.history(c), names)) for c in customers]


def _chain(entries: list[TrailEntry], names: dict[str, str]) -> list[tuple[object, ...]]:
    return [
        (
            entry.ref.seq,
            entry.kind,
            entry.recorded_at,
            entry.occurred_at,
            entry.supersedes,
            entry.batch_id is not None,
            names[str(entry.actor_id)],
            {k: names.get(str(v), v) for k, v in entry.facts.items() if k != "batch"},
            entry.staff_facts,
        )
        for entry in entries
    ]
