"""What commands print of a database URL: never its password, and quoted for pasting."""

from __future__ import annotations

import shlex

import pytest
from sqlalchemy import make_url

from custledger.cli import main
from custledger.edges.upgrading import UpgradeReport
from custledger.storage.engine import shown
from tests.commands import Shell

SECRET = "hush!"


@pytest.fixture
def url(postgres_url: str) -> str:
    """A database URL with a password in both places that may hold one."""
    plain = make_url(postgres_url)
    given = plain.set(username=plain.username or "postgres", password=SECRET)
    return given.update_query_dict({"password": SECRET}).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("postgresql://olga:hush!@host/shop", "postgresql://olga:***@host/shop"),
        ("postgresql://olga:hu@sh!@host/shop", "postgresql://olga:***@host/shop"),
        ("postgresql://olga:hu/sh?!@host/shop", "postgresql://olga:***@host/shop"),
        ("postgresql://:hush!@host/shop", "postgresql://:***@host/shop"),
        ("postgresql://host/shop?password=hush!&a=b", "postgresql://host/shop?password=***&a=b"),
        ("postgresql://host/shop?sslpassword=hush!", "postgresql://host/shop?sslpassword=***"),
        ("postgresql://olga@host:5432/shop", "postgresql://olga@host:5432/shop"),
        ("postgresql://host:5432/shop", "postgresql://host:5432/shop"),
        ("folder:of@mine/shop.sqlite", "folder:of@mine/shop.sqlite"),
    ],
)
def test_location_is_shown_without_its_password(location: str, told: str) -> None:
    assert shown(location) == told


def test_report_of_an_upgrade_shows_no_password() -> None:
    for before in ("0001", "0002"):
        said = str(UpgradeReport("postgresql://olga:hush!@host/shop", before, "0002"))
        assert said.startswith("postgresql://olga:***@host/shop ")


def test_no_command_prints_the_password_of_a_url(shell: Shell, url: str) -> None:
    said = [shell.run(*words, "--ledger", url) for words in (["score"], ["upgrade"])]
    said += [shell.run("init", url), shell.run("init", url), shell.run("upgrade", url)]
    assert [one.code for one in said] == [3, 3, 0, 2, 0]
    for one in said:
        assert SECRET not in one.out + one.err
        assert "***" in one.out + one.err


def test_url_with_a_typing_error_is_told_without_its_password(shell: Shell) -> None:
    said = shell.refused(2, "init", f"postgresql://olga:{SECRET}@host:post/shop")
    assert SECRET not in said
    assert "postgresql://olga:***@host:post/shop" in said


@pytest.mark.parametrize("path", ["a b.sqlite", "$(touch oops).sqlite", "it's.sqlite"])
def test_command_that_is_suggested_can_be_pasted(shell: Shell, path: str) -> None:
    said = shell.refused(3, "score", "--ledger", path)
    program, *arguments = shlex.split(said.partition("Make one with: ")[2])
    assert program == "custledger"
    assert main(arguments) == 0
    assert (shell.folder / path).exists()
