"""Mapping files: what is accepted, and how a typing error is told."""

from pathlib import Path

import pytest

from custledger.edges.importing import Mapping, load_mapping
from custledger.edges.importing.parsing import parse_mapping
from custledger.errors import MappingError

MINIMAL = """
source = "shop"
[customer]
external_id = { column = "who" }
[[record]]
kind = "sale"
external_id = { column = "no" }
occurred_at = { column = "day" }
amount = { column = "total" }
currency = "EUR"
"""


def changed(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


@pytest.mark.parametrize(
    "name", ["online_retail", "bank_calls", "customers", "interactions", "money"]
)
def test_every_shipped_mapping_loads_by_its_name(name: str) -> None:
    assert isinstance(load_mapping(name), Mapping)


def test_needed_columns_are_listed_in_the_order_of_the_mapping() -> None:
    assert parse_mapping(MINIMAL).needed_columns() == ["who", "no", "day", "total"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source = ", "is not TOML"),
        (changed('source = "shop"', ""), "source: is missing"),
        (changed('source = "shop"', "source = 3"), "source: write text in quotes, not 3"),
        (changed("[customer]\nexternal_id", "[customer]\nid"), "customer: unknown: id"),
        (changed("[customer]", "[customers]"), "unknown: customers"),
        (
            changed('{ column = "who" }', '{ colum = "who" }'),
            "customer.external_id: unknown: colum",
        ),
        (changed('kind = "sale"', 'kind = "sales"'), "'sales' is not one of"),
        (changed('kind = "sale"', 'kind = "invoice"'), "record[1].due_on: is missing"),
        (changed('currency = "EUR"', ""), "record[1].currency: is missing"),
        (changed('currency = "EUR"', 'currency = "EUR"\nchannel = "phone"'), "record[1].channel"),
        (changed('{ column = "total" }', '{ columns = [], column = "" }'), "say once where"),
        (changed('{ column = "total" }', '{ column = "total", unit = "cents" }'), "amount.unit"),
        (changed('{ column = "day" }', '{ column = "day", time_zone = "Mars" }'), "'Mars' is not"),
        (changed('{ column = "no" }', "{ column = 'no', remove = '(' }"), "regular expression"),
        (changed('{ column = "no" }', '{ column = "no", unit = "minor" }'), "unknown: unit"),
        (changed('"EUR"', '"EURO"'), "not a currency of ISO 4217"),
        (changed('currency = "EUR"', 'currency = "EUR"\nfault = "them"'), "'them' is not one of"),
        (changed('"EUR"', '{ column = "c", default = "E" }'), "record[1].currency: currency: 'E'"),
        (changed('"EUR"', '{ column = "c", only_for = ["cash"] }'), "currency.only_for: is not"),
        (changed('kind = "sale"', 'kind = { column = "k", values = { A = "x" } }'), "kind: 'x'"),
        ('encoding = "klingon"\n' + MINIMAL, "encoding: 'klingon'"),
        ('delimiter = ";;"\n' + MINIMAL, "delimiter: write one character"),
        ('duplicates = "maybe"\n' + MINIMAL, "duplicates: 'maybe'"),
        ('layout = "ships"\n' + MINIMAL, "layout: 'ships'"),
        (MINIMAL + '[[skip]]\nname = "x"\ncolumn = "who"\n', "skip[1]: write one of equals"),
        (MINIMAL + '[[refuse]]\ncolumn = "who"\nequals = "0"\n', "refuse[1].reason: is missing"),
    ],
)
def test_a_mapping_error_names_the_key(text: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping(text, name="shop.toml")
    assert str(error.value).startswith("shop.toml")
    assert told in str(error.value)


def test_a_mapping_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="none of that name"):
        load_mapping("nowhere")
    with pytest.raises(MappingError, match="cannot be read"):
        load_mapping(tmp_path / "nowhere.toml")


def test_a_mapping_may_start_from_an_own_layout() -> None:
    mapping = parse_mapping('layout = "money"\nsource = "till"\ntime_zone = "Europe/Paris"\n')
    assert (mapping.source, mapping.time_zone) == ("till", "Europe/Paris")
    assert mapping.customer.source == "till"
    assert mapping.needed_columns()[:2] == ["customer", "kind"]


def test_comments_change_the_digest_so_that_a_changed_mapping_is_never_resumed() -> None:
    assert parse_mapping(MINIMAL).digest != parse_mapping(MINIMAL + "# more").digest
