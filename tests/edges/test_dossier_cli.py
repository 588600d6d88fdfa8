"""The command that writes a dossier."""

from __future__ import annotations

from pathlib import Path

import pytest

from custledger.edges.dossier import verify_dossier
from tests.commands import Shell
from tests.edges.dossier_help import read_zip


@pytest.fixture
def firm(shell: Shell) -> Shell:
    shell("init")
    shell("key", "new", "firm.key", "--name", "bakery.example")
    shell("add", "customer", "Ann Miller")
    shell("record", "interaction", "Ann", "--channel", "phone", "--at", "2026-01-05 10:00")
    return shell


def test_dossier_is_written_and_holds(firm: Shell) -> None:
    firm("seal", "--key", "firm.key")
    said = firm("dossier", "Ann", "--to", "ann.zip", "--key", "firm.key.pub")
    assert said == "Wrote ann.zip: 2 entries, 0 files of evidence.\n"
    path = firm.folder / "ann.zip"
    assert verify_dossier(path, firm("checkpoint")).verdict == "holds"
    assert (firm.folder / "firm.key.pub").read_bytes().strip() in read_zip(path)["dossier.json"]


def test_dossier_is_made_for_an_old_checkpoint_in_a_file_of_windows(firm: Shell) -> None:
    firm("seal", "--key", "firm.key")
    old = firm("checkpoint")
    (firm.folder / "old.txt").write_bytes(old.replace("\n", "\r\n").encode())
    firm("record", "interaction", "Ann", "--channel", "chat")
    firm("seal", "--key", "firm.key")
    firm("dossier", "Ann", "--to", "ann.zip", "--checkpoint", "old.txt")
    assert verify_dossier(firm.folder / "ann.zip", old).verdict == "holds"


def test_dossier_before_a_seal_says_what_to_do(firm: Shell) -> None:
    shown = firm.run("dossier", "Ann", "--to", "ann.zip")
    assert shown.code == 0
    assert "custledger seal" in shown.err


def test_period_of_days_is_that_of_the_ledgers_calendar(firm: Shell) -> None:
    firm("seal", "--key", "firm.key")
    period = ("--for", "third-party", "--from", "2026-01-06", "--until", "2026-01-31")
    said = firm("dossier", "Ann", "--to", "ann.zip", *period)
    assert said == "Wrote ann.zip: 2 entries, 0 files of evidence, 1 part left out.\n"
    period = ("--for", "third-party", "--from", "2026-01-01", "--until", "2026-01-05")
    assert "left out" not in firm("dossier", "Ann", "--to", "ann.zip", *period)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("Nobody", "--to", "a.zip"), 3, "No customer"),
        (("Ann", "--to", "a.zip", "--for", "the press"), 2, "owner, customer, third-party"),
        (("Ann", "--to", "a.zip", "--from", "2026-01-01"), 2, "for a third party"),
        (("Ann", "--to", "a.zip", "--key", "no key"), 2, "custledger key show"),
        (("Ann", "--to", "a.zip", "--checkpoint", "none.txt"), 2, "none.txt cannot be read"),
        (("Ann", "--to", "a.zip", "--checkpoint", "firm.key.pub"), 2, "no published checkpoint"),
        (("Ann", "--to", "no/folder/a.zip"), 8, "no/folder"),
    ],
)
def test_wrong_call_is_refused_in_one_line(
    firm: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in firm.refused(code, "dossier", *arguments)
    assert not list(Path(firm.folder).glob("**/*.zip"))
