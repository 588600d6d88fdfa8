"""The guide to importing names every key, and its mappings can be used."""

import re
from pathlib import Path

import pytest

from custledger.edges.importing import load_mapping
from custledger.edges.importing.parsing import LAYOUTS, parse_mapping
from custledger.edges.importing.vocabulary import (
    CUSTOMER_FACTS,
    INTERACTION_FACTS,
    KEYS_OF,
    MONEY_FACTS,
)

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "howto" / "import.md").read_text("utf-8")
KEYS = {
    *("layout", "source", "time_zone", "delimiter", "encoding", "duplicates", "other_columns"),
    *("numbers", "[[skip]]", "[[refuse]]", "[customer]", "[[record]]", "create"),
    *("kind", "when", "group_by", "if_negative", "reason", "name"),
    *("equals", "not_equals", "matches", "not_matches", "empty"),
    *(key for keys in KEYS_OF.values() for key in keys),
    *CUSTOMER_FACTS, *INTERACTION_FACTS, *MONEY_FACTS,
}  # fmt: skip


def test_every_key_of_a_mapping_is_in_the_guide() -> None:
    assert not [key for key in sorted(KEYS) if f"`{key}" not in GUIDE]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_column_of_the_own_layouts_is_in_the_guide(layout: str) -> None:
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| {layout} |"))
    assert set(re.findall(r"`(\w+)`", row)) == set(load_mapping(layout).named_columns())


def test_the_example_mapping_of_the_guide_is_accepted() -> None:
    (whole,) = re.findall(r"```toml\n(source = .*?)```", GUIDE, re.DOTALL)
    (tests,) = re.findall(r"```toml\n(\[\[skip\]\].*?)```", GUIDE, re.DOTALL)
    assert parse_mapping(whole).source == "my-shop"
    assert len(parse_mapping(whole + tests).refusals) == 1


@pytest.mark.parametrize("part", ["customers", "interactions", "money"])
def test_the_mappings_of_the_score_reference_are_accepted(part: str) -> None:
    path = ROOT / "tests" / "data" / "import" / f"reference_{part}.toml"
    assert load_mapping(path).source == "reference"
