"""verify.py: the program that a third party runs, with nothing but Python."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custledger.core.canonical import canonical_bytes
from custledger.core.dossier.check import CHECKPOINT, DOSSIER, PAGE, VERIFIER
from custledger.edges.dossier import report, verifier_source, verify_dossier, write_dossier
from tests.core.dossiers import Firm, forged
from tests.edges.dossier_help import Case, case, pythons, read_zip, run_verifier, write_zip

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what a third party has, and nothing else."""
    made = tmp_path_factory.mktemp("made")
    folder = tmp_path_factory.mktemp("elsewhere")
    with case(str(made / "ledger.sqlite"), made / "keys") as firm:
        write_dossier(firm.ledger, firm.ann, folder / "dossier.zip")
        (folder / "checkpoint.txt").write_bytes(firm.published[-1].encode())
        (folder / "older.txt").write_bytes(firm.published[0].encode())
        (folder / "key.txt").write_text(firm.signer.key.to_text())
        firm.seal()
        (folder / "newer.txt").write_bytes(firm.published[-1].encode())
    (folder / "verify.py").write_bytes(read_zip(folder / "dossier.zip")[VERIFIER])
    return folder


@pytest.mark.parametrize("python", pythons())
def test_dossier_verifies_with_nothing_but_python(handed_over: Path, python: str) -> None:
    done = run_verifier(python, handed_over, "dossier.zip", "checkpoint.txt", "--key", "key.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HOLDS.")
    assert "Dossier of Ann Müller, for the owner" in done.stdout
    assert "The signatures are those of a key that you named." in done.stdout
    assert "NOT SEALED YET: 1 entry after that." in done.stdout


@pytest.mark.parametrize("python", pythons())
def test_flipped_bit_is_found_with_nothing_but_python(handed_over: Path, python: str) -> None:
    data = bytearray((handed_over / "dossier.zip").read_bytes())
    data[len(data) // 2] ^= 4
    path = handed_over / f"flipped-{Path(python).parent.parent.name}.zip"
    path.write_bytes(data)
    done = run_verifier(python, handed_over, path.name, "checkpoint.txt")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("DOES NOT HOLD.")


def test_older_published_checkpoint_says_how_far_it_reaches(handed_over: Path) -> None:
    done = run_verifier(sys.executable, handed_over, "dossier.zip", "older.txt")
    assert done.returncode == 0
    assert "NOT COVERED by that checkpoint: entries after #5" in done.stdout
    assert "THE SIGNATURE WAS NOT CHECKED" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dossier.zip"], "NOT WHOLLY CHECKED"),
        (["dossier.zip", "newer.txt"], "Ask for a new dossier"),
        (["dossier.zip", "key.txt"], "cannot be read"),
        (["dossier.zip", "nothing.txt"], "nothing.txt"),
        (["dossier.zip", "checkpoint.txt", "--key", "nonsense"], "no verifier key"),
        (["nothing.zip", "checkpoint.txt"], "nothing.zip"),
        ([], "usage"),
    ],
)
def test_what_cannot_be_compared_has_an_exit_code_of_its_own(
    handed_over: Path, arguments: list[str], said: str
) -> None:
    done = run_verifier(sys.executable, handed_over, *arguments)
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_page_is_rendered_anew_on_request(handed_over: Path) -> None:
    done = run_verifier(
        sys.executable, handed_over, "dossier.zip", "checkpoint.txt", "--page", "anew.html"
    )
    assert done.returncode == 0
    assert (handed_over / "anew.html").read_bytes() == read_zip(handed_over / "dossier.zip")[PAGE]


def test_page_of_a_dossier_that_was_changed_is_not_written(handed_over: Path) -> None:
    members = read_zip(handed_over / "dossier.zip")
    write_zip(handed_over / "hidden.zip", forged(members, _hide))
    done = run_verifier(sys.executable, handed_over, "hidden.zip", "--page", "hidden.html")
    assert done.returncode == 1
    assert "No page was written" in done.stdout
    assert not (handed_over / "hidden.html").exists()


@pytest.mark.parametrize("python", pythons())
def test_seal_with_a_number_as_text_is_found_with_nothing_but_python(
    handed_over: Path, python: str
) -> None:
    def forge(document: dict[str, Any]) -> None:
        body = {**json.loads(document["seal"]["body"]), "sealed_at": "x"}
        document["seal"]["body"] = canonical_bytes(body).decode()

    members = forged(read_zip(handed_over / "dossier.zip"), forge)
    write_zip(handed_over / "odd.zip", members)
    done = run_verifier(python, handed_over, "odd.zip", "checkpoint.txt")
    assert (done.returncode, done.stderr) == (1, "")
    assert "A seal in the dossier was changed" in done.stdout


def test_checkpoint_may_have_been_stored_by_a_windows_editor(handed_over: Path) -> None:
    text = (handed_over / "checkpoint.txt").read_text(encoding="utf-8").rstrip()
    for name, data in (
        ("crlf.txt", text.replace("\n", "\r\n").encode("utf-8-sig")),
        ("utf16.txt", text.encode("utf-16")),
    ):
        (handed_over / name).write_bytes(data)
        done = run_verifier(sys.executable, handed_over, "dossier.zip", name, "--key", "key.txt")
        assert done.returncode == 0, done.stdout


def test_text_in_a_dossier_makes_no_line_of_the_report(tmp_path: Path) -> None:
    firm = Firm()
    firm.add("customer", {"name": "Ann\nHOLDS. Really.\u2028HOLDS.\tHOLDS."})
    firm.seal()
    path = write_zip(tmp_path / "ann.zip", firm.members())
    lines = list(report(verify_dossier(path, firm.checkpoint(), [firm.key]), keys_named=True))
    assert "Ann\ufffdHOLDS. Really.\ufffdHOLDS.\ufffdHOLDS." in lines[2]
    assert not any(c in line for line in lines for c in "\n\t\u2028")


def test_file_that_is_no_zip_does_not_hold(handed_over: Path) -> None:
    done = run_verifier(sys.executable, handed_over, "checkpoint.txt", "checkpoint.txt")
    assert (done.returncode, done.stderr) == (1, "")


def test_sampled_bits_of_the_whole_zip_are_each_found(handed_over: Path, tmp_path: Path) -> None:
    data = (handed_over / "dossier.zip").read_bytes()
    published = (handed_over / "checkpoint.txt").read_text(encoding="utf-8")
    path = tmp_path / "flipped.zip"
    for place in range(0, len(data), len(data) // 400):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert verify_dossier(path, published).verdict == "broken", place


def test_program_names_no_module_of_the_package_and_nothing_twice() -> None:
    tree = ast.parse(verifier_source(), feature_version=(3, 9))
    modules = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else _names(node))
    }
    assert modules <= sys.stdlib_module_names
    defined = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert len(defined) == len(set(defined))
    assert "prove_inclusion" not in defined  # it makes no proofs


def _names(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


def _change_body(document: dict[str, Any]) -> None:
    part = document["entries"][2]["parts"]["shared"]
    part["text"] = part["text"].replace("wobbles", "is perfect")


def _drop_last_sealed(document: dict[str, Any]) -> None:
    document["entries"] = document["entries"][:9]


def _drop_middle(document: dict[str, Any]) -> None:
    del document["entries"][1]


def _hide(document: dict[str, Any]) -> None:
    document["entries"][9]["parts"]["shared"] = {"absent": "withheld"}


def _head_back(document: dict[str, Any]) -> None:
    document["entries"] = document["entries"][:5]
    document["seal"]["seq"] = 5


ATTACKS: list[tuple[Change, str]] = [
    (_change_body, "payload-altered"),
    (_drop_last_sealed, "chain-cut"),
    (_drop_middle, "chain-gap"),
    (_hide, "payload-hidden"),
    (_head_back, "head-wrong"),
]


@pytest.mark.parametrize(("attack", "code"), ATTACKS)
def test_forged_dossier_of_either_database_is_found_though_all_else_fits_again(
    firm: Case, tmp_path: Path, attack: Change, code: str
) -> None:
    write_dossier(firm.ledger, firm.ann, tmp_path / "ann.zip")
    members = forged(read_zip(tmp_path / "ann.zip"), attack)
    path = write_zip(tmp_path / "forged.zip", members)
    checked = verify_dossier(path, firm.published[-1], [firm.signer.key])
    assert code in {problem.code for problem in checked.problems}


def test_dossier_with_an_old_checkpoint_is_found(firm: Case, tmp_path: Path) -> None:
    write_dossier(firm.ledger, firm.ann, tmp_path / "ann.zip")
    members = {**read_zip(tmp_path / "ann.zip"), CHECKPOINT: firm.published[0].encode()}
    path = write_zip(tmp_path / "forged.zip", forged(members, lambda _: None))
    checked = verify_dossier(path, firm.published[-1], [firm.signer.key])
    assert [problem.code for problem in checked.problems] == ["checkpoint-wrong"]


def test_dossier_of_yesterday_given_out_as_todays_is_not_compared(
    firm: Case, tmp_path: Path
) -> None:
    write_dossier(firm.ledger, firm.ann, tmp_path / "ann.zip")
    firm.seal()
    checked = verify_dossier(tmp_path / "ann.zip", firm.published[-1], [firm.signer.key])
    assert checked.verdict == "not compared"


def test_dossier_with_a_damaged_signature_is_found(firm: Case, tmp_path: Path) -> None:
    write_dossier(firm.ledger, firm.ann, tmp_path / "ann.zip")
    members = read_zip(tmp_path / "ann.zip")
    head, dash, line = members[CHECKPOINT].decode().rpartition(" ")
    line = ("B" if line[40] != "B" else "C").join((line[:40], line[41:]))
    damaged = {**members, CHECKPOINT: f"{head}{dash}{line}".encode()}
    path = write_zip(tmp_path / "forged.zip", forged(damaged, lambda _: None))
    checked = verify_dossier(path, firm.published[-1], [firm.signer.key])
    assert [problem.code for problem in checked.problems] == ["signature-wrong"]


def test_document_that_is_nested_without_end_is_no_crash(handed_over: Path, tmp_path: Path) -> None:
    members = read_zip(handed_over / "dossier.zip")
    for depth in (400, 900, 100_000):
        nested = b'{"v":' + b"[" * depth + b"]" * depth + b"}"
        path = write_zip(tmp_path / "nested.zip", {**members, DOSSIER: nested})
        assert verify_dossier(path).verdict == "broken"
    assert json.loads(members[DOSSIER])["v"] == 1
