"""Import of CSV files: through a declarative mapping, idempotent, resumable, undoable."""

from custledger.edges.importing.mapping import Mapping
from custledger.edges.importing.parsing import load_mapping
from custledger.edges.importing.report import ImportReport
from custledger.edges.importing.write import import_csv, undo_import

__all__ = ["ImportReport", "Mapping", "import_csv", "load_mapping", "undo_import"]
