"""Fixtures that the tests share, and the rule that CI skips nothing."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.commands import Shell
from tests.postgres import LentServerError, NoServerError, Server, own_server, running_server

__all__ = [
    "LEFT_OUT",
    "NothingSkipped",
    "data_folder",
    "durable_server",
    "location",
    "postgres_server",
    "postgres_url",
    "shell",
]

LEFT_OUT = "left out: "
"""A skip whose reason begins so is documented in the README and allowed in CI."""

DATA_VARIABLE = "CUSTLEDGER_TEST_DATA"

IN_CI = os.environ.get("CI") == "true"

# A busy machine misses deadlines; in CI the same commit tries the same examples.
hypothesis.settings.register_profile(
    "custledger", deadline=None, derandomize=IN_CI, max_examples=50
)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("custledger")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server, one a pytest process."""
    try:
        with running_server() as server:
            yield server
    except NoServerError as error:
        pytest.skip(str(error))  # In CI the hook below turns it into a failure.


@pytest.fixture(scope="session")
def durable_server() -> Iterator[Server]:
    """A server of the tests' own that keeps what it committed, and can be crashed."""
    try:
        with own_server() as server:
            yield server
    except LentServerError as error:
        pytest.skip(f"{LEFT_OUT}{error}")


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new ledger can be made: a path for SQLite, then a URL for PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell in an empty folder."""
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def data_folder(pytestconfig: pytest.Config) -> Path:
    """The full data sets: a folder that is not part of the project (see docs/contributing.md)."""
    beside = pytestconfig.rootpath.parent / "shared" / "data"
    folder = Path(os.environ.get(DATA_VARIABLE, beside))
    if not folder.is_dir():
        pytest.skip(f"{LEFT_OUT}the data sets are not at hand; {DATA_VARIABLE} names their folder")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Arm the rule where CI runs; as a plugin it covers the package's doctests too."""
    if IN_CI:
        config.pluginmanager.register(NothingSkipped(), "nothing-skipped")


class NothingSkipped:
    """A skipped test, or a file that skips itself, is a failure unless it is documented."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge a test; an expected failure is reported as a skip too, and is none."""
        report = yield
        if not hasattr(report, "wasxfail"):
            self._judge(report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Judge a file."""
        report = yield
        self._judge(report)
        return report

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped:
            return
        place = report.longrepr
        reason = (place[2] if isinstance(place, tuple) else str(place)).removeprefix("Skipped: ")
        if not reason.startswith(LEFT_OUT):
            report.outcome = "failed"
            report.longrepr = f"skipped, and CI skips nothing: {reason}"
