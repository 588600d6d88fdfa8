"""Run a notebook in a real kernel and write it with its outputs.

``python tests/examples/run_notebook.py IN OUT``: in a process of its own, which takes what nbclient
and its sockets leave open with it. IN and OUT may be the same file, to store new outputs.
"""

from __future__ import annotations

import sys

import nbformat
from jupyter_client import KernelManager
from nbclient import NotebookClient

__all__ = ["run"]


def run(source: str, target: str) -> None:
    """Run all cells; an error in one of them is an error here."""
    notebook = nbformat.read(source, as_version=4)
    about = dict(notebook.metadata)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    # Sockets in the current folder, not ports.
    manager = KernelManager(kernel_name="python3", transport="ipc")
    NotebookClient(notebook, km=manager, timeout=120, record_timing=False).execute()
    notebook.metadata.clear()
    notebook.metadata.update(about)  # without the versions of this machine
    nbformat.write(notebook, target)


if __name__ == "__main__":
    run(*sys.argv[1:])
