"""A sealed ledger with one customer's story, and the Pythons that are at hand to check it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer
from custledger.edges.keys import KeyFile, generate_key
from custledger.pytest_plugin import START, Clock
from tests.core.dossiers import png, zipped

__all__ = ["Case", "case", "pythons", "read_zip", "run_verifier", "write_zip"]

_OLDEST = (3, 9)
_MINORS = range(9, 20)


@dataclass
class Case:
    """An open ledger with a customer, and what was published of it."""

    ledger: Ledger
    clock: Clock
    ann: Customer
    signer: KeyFile
    published: list[str]

    def seal(self) -> None:
        """Seal, sign, and publish."""
        self.clock.advance(timedelta(hours=1))
        self.ledger.trail.seal(self.signer)
        checkpoint = self.ledger.trail.checkpoint()
        assert checkpoint is not None
        self.published.append(checkpoint)


@contextmanager
def case(location: str, folder: Path) -> Iterator[Case]:
    """Two seals, with an entry after the second."""
    generate_key(folder / "firm.key", "bakery.example")
    clock = Clock()
    with open_ledger(location, actor="Olga", now=clock, zone="Europe/Paris") as ledger:
        ledger.staff.add("Sam")
        ledger.customers.add_many([{"name": f"Somebody {n}"} for n in range(9)])
        ann = ledger.customers.add("Ann Müller", email="ann@example.org", staff_note="likes tea")
        made = Case(ledger, clock, ann, KeyFile(folder / "firm.key"), [])
        _happen(made)
        yield made


def _happen(made: Case) -> None:
    ledger, ann = made.ledger, made.ann
    invoice = ledger.money.record_invoice(
        ann, amount=Money.of("480", "EUR"), due_on=START.date(), summary="oak table"
    )
    call = ledger.interactions.record(
        ann,
        channel="phone",
        purpose="complaint",
        staff="Sam",
        handling_time=timedelta(minutes=25),
        summary="One leg wobbles.",
        customer_words="Is that <all> & nothing more?",
        staff_note="upset, but fair",
        occurred_at=START - timedelta(days=30),
    )
    ledger.evidence.attach(call, file=io.BytesIO(png(40, 30)), caption="The leg")
    ledger.evidence.attach(call, text="Delivery note: 4 legs")
    made.seal()
    ledger.interactions.correct(call, fault="ours", reason="drilled wrongly")
    other = ledger.interactions.record(ann, channel="email", summary="Somebody else's words")
    ledger.interactions.void(other, reason="another customer")
    ledger.privacy.erase(other, ground="unlawful", reason="of another customer")
    ledger.money.record_refund(ann, amount=Money.of("60", "EUR"), applies_to=invoice.id)
    made.seal()
    made.clock.advance(timedelta(days=1))
    ledger.interactions.record(ann, channel="chat", summary="orders a bench")


def read_zip(path: Path) -> dict[str, bytes]:
    """The members of a zip by Python's own reader."""
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    """Write the members as a dossier's zip is written."""
    path.write_bytes(zipped(members))
    return path


@cache
def pythons() -> list[str]:
    """This Python, and all others from 3.9 on that are on the path or in pyenv's folder."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python3.{minor}") for minor in _MINORS]
    found += [str(path) for path in sorted(root.glob("versions/*/bin/python3"))]
    versions = {_version(path): path for path in found if path}
    versions[sys.version_info[:2]] = sys.executable
    return [path for version, path in sorted(versions.items()) if version >= _OLDEST]


def run_verifier(
    python: str, folder: Path, *arguments: str, program: str = "verify.py"
) -> subprocess.CompletedProcess[str]:
    """Run verify.py in a folder, with Python's own modules and no others."""
    return subprocess.run(
        [python, "-I", "-S", "-W", "error", program, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8"},
        timeout=300,
        check=False,
    )


def _version(python: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):  # pyenv's stand-in for a version not chosen
        return (0, 0)
    return tuple(map(int, done.stdout.split()))
