"""The wheel, as a user gets it: complete, and working where nothing else is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.releases import ACTOR, RELEASES, Release

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parents[1]

# Only the standard library and custledger: what a first user types.
FIRST_USE = """
from datetime import timedelta
from pathlib import Path
import custledger

assert "site-packages" in custledger.__file__, custledger.__file__
with custledger.open_ledger("shop.sqlite", actor="Olivia Owner") as ledger:
    ann = ledger.customers.add("Ann", email="ann@example.org")
    ledger.staff.set_rate(custledger.Money.of("30", "EUR"))
    ledger.money.record_sale(ann, amount=custledger.Money.of("20", "EUR"))
    ledger.interactions.record(ann, channel="phone", handling_time=timedelta(minutes=6))
    ledger.score_policies.set(margin=0.4)
    print(ledger.score(ann))
    print(ledger.verify())
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder
    )
    return next(folder.glob("custledger-*.whl"))


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel and what it asks for."""
    return environment(tmp_path_factory.mktemp("environment"), str(wheel))


@pytest.fixture(scope="session")
def programs_with_driver(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with what PostgreSQL needs."""
    return environment(tmp_path_factory.mktemp("with_driver"), f"{wheel}[postgres]")


def test_wheel_holds_the_package_and_the_migrations_and_no_more(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert names == shipped("custledger") | {f"custledger/{name}" for name in shipped("migrations")}


def test_wheel_carries_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_creates_a_ledger_and_scores(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "first_use.py").write_text(FIRST_USE, encoding="utf-8")
    run(programs / "python", "first_use.py", cwd=tmp_path)


def test_wheel_runs_the_demo(programs: Path, tmp_path: Path) -> None:
    run(programs / "custledger", "demo", cwd=tmp_path)


def test_wheel_imports_scores_and_verifies_from_the_command_line(
    programs: Path, tmp_path: Path
) -> None:
    custledger = programs / "custledger"
    run(custledger, "init", "--currency", "GBP", "--margin", "0.4", cwd=tmp_path)
    assert "60 customers" in run(custledger, "import", "--example", cwd=tmp_path)
    rows = run(custledger, "score", "--as-of", "2011-06-30", "--format", "csv", cwd=tmp_path)
    assert len(rows.splitlines()) == 61
    assert "Nothing is amiss" in run(custledger, "verify", cwd=tmp_path)


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.folder.name)
def test_wheel_upgrades_a_file_of_every_release(
    programs: Path, release: Release, tmp_path: Path
) -> None:
    assert_upgraded(programs, release, release.sqlite(tmp_path), tmp_path)
    assert list(tmp_path.glob("*.backup"))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.folder.name)
def test_wheel_upgrades_a_postgresql_database_of_every_release(
    programs_with_driver: Path, release: Release, tmp_path: Path, postgres_url: str
) -> None:
    assert_upgraded(programs_with_driver, release, release.postgresql(postgres_url), tmp_path)


def test_commands_of_the_readme_run_in_a_fresh_copy(tmp_path: Path) -> None:
    tracked = run("git", "ls-files", "-z", cwd=ROOT).rstrip("\0").split("\0")
    for name in tracked:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    see_it, test_it = re.findall(r"```sh\n(.+)\n```", (ROOT / "README.md").read_text("utf-8"))
    assert "A ranking accuses nobody" in " ".join(run("sh", "-c", see_it, cwd=tmp_path).split())
    shutil.rmtree(tmp_path / ".venv")
    # The tests themselves are what .ci/run runs; here, that they can be found and loaded.
    found = run("sh", "-c", f"{test_it} --collect-only -q", cwd=tmp_path)
    assert "test_commands_of_the_readme_run_in_a_fresh_copy" not in found  # a wheel test
    assert re.search(r"^tests/test_cli.py::", found, re.MULTILINE)


def environment(folder: Path, what: str) -> Path:
    """A virtual environment with what pip is told to install; its folder of programs."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    constraints = ROOT / "constraints.txt"
    run(programs / "python", "-m", "pip", "install", "--quiet", "-c", constraints, what, cwd=folder)
    return programs


def assert_upgraded(programs: Path, release: Release, location: str, folder: Path) -> None:
    custledger = [programs / "custledger", "--ledger", location, "--actor", ACTOR]
    said = run(*custledger, "upgrade", cwd=folder)
    assert f"went from schema {release.schema} to " in said
    assert "Nothing is amiss" in run(*custledger, "verify", cwd=folder)
    assert run(*custledger, "export", cwd=folder).splitlines() == release.facts["export"]
    run(*custledger, "record", "sale", "Ann", "12.50", cwd=folder)
    assert "up to date" in run(*custledger, "upgrade", cwd=folder)


def shipped(folder: str) -> set[str]:
    files = (ROOT / folder).rglob("*")
    return {
        file.relative_to(ROOT).as_posix()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }


def run(*command: Path | str, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        # What is installed counts, not what this process can reach.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
