"""Files that outlive a power failure."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_folder"]


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files durable, as ``os.fsync`` makes their bytes."""
    if os.name == "posix":  # Windows cannot, and need not
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
