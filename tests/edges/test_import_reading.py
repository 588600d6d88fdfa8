"""Files as they come: encodings, delimiters, damage; and what each row becomes."""

import csv
import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from custledger.core.money import Money
from custledger.core.records import EntryKind
from custledger.edges.importing.parsing import load_mapping, parse_mapping
from custledger.edges.importing.records import open_reading
from custledger.edges.importing.report import Tally
from custledger.errors import ImportFileError
from tests.edges.import_help import read_file, reasons, write

MONEY = "customer,kind,amount,currency,occurred_at,due_on\n"
PAYMENT = "C1,payment,5.00,EUR,2026-01-31,\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (MONEY, "has a header and no rows"),
        (
            "customer,kind,amount,currency,occurred_at,amount\n" + PAYMENT,
            'more than one column "amount"',
        ),
        ("who,what\n1,2\n", "is in none of custledger's own layouts"),
        (MONEY.replace("due_on", "dueon") + PAYMENT, 'has the column "dueon"'),
        (b"PK\x03\x04rest", "save the sheet as CSV"),
        (b"\x1f\x8b\x08\x00damaged", "damaged or cut gzip"),
        ((MONEY + PAYMENT).encode("utf-16-le"), 'encoding = "utf-16-le"'),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_the_remedy(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(ImportFileError, match=told.replace("(", r"\(")):
        read_file(write(tmp_path, content))


def test_a_file_that_is_not_there_or_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="There is no file"):
        read_file(tmp_path / "nowhere.csv")
    with pytest.raises(ImportFileError, match="is not a file"):
        read_file(tmp_path)


def test_a_cut_gzip_file_is_refused_before_any_row_is_read(tmp_path: Path) -> None:
    packed = gzip.compress((MONEY + PAYMENT * 1000).encode())
    with pytest.raises(ImportFileError, match="cut gzip"):
        read_file(write(tmp_path, packed[:-20]))


def test_a_column_that_the_mapping_names_must_be_in_the_file(tmp_path: Path) -> None:
    mapping = 'source = "x"\n[customer]\nexternal_id = { column = "id" }\nname = { column = "n" }\n'
    with pytest.raises(ImportFileError, match='has no column "n", which mapping names'):
        read_file(write(tmp_path, "id,name\n1,Ann\n"), mapping)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_detected(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [("external_id", "name"), ("1", "Zoë Müller"), ("2", "Garçon Ærø"), ("3", "Ann")]
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    records, tally = read_file(write(tmp_path, text.encode(encoding)))
    assert [record.facts["name"] for record in records] == ["Zoë Müller", "Garçon Ærø", "Ann"]
    assert tally.rejected == 0


def test_a_wrong_declared_encoding_is_refused_as_a_whole(tmp_path: Path) -> None:
    text = "external_id,name\n" + "1,Ann\n" * 50_000 + "2,Zoë\n"
    path = write(tmp_path, text.encode("latin-1"))
    with pytest.raises(ImportFileError, match="is not utf-8 text: byte 300,022 cannot be read"):
        read_file(path, 'layout = "customers"\nsource = "x"\nencoding = "utf-8"\n')


def test_gzip_is_recognised_by_its_first_bytes(tmp_path: Path) -> None:
    records, _ = read_file(write(tmp_path, gzip.compress((MONEY + PAYMENT).encode())))
    assert [record.facts["amount"] for record in records] == [Money(500, "EUR")]


def test_each_unusable_row_is_told_by_its_line_and_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        MONEY
        + PAYMENT
        + "C1,payment,5.00\n"
        + "C1,payment,-5.00,EUR,2026-01-31,\n"
        + "C1,payment,5.00,EURO,2026-01-31,\n"
        + "\n"
        + "C1,payment,5.00,EUR,2026-02-30,\n"
        + "C1,payment,5.00,EUR,2026-01-31T10:00:00,\n"
        + "C1,gift,5.00,EUR,2026-01-31,\n"
        + "C1,interaction,5.00,EUR,2026-01-31,\n"
        + "C1,invoice,5.00,EUR,2026-01-31,\n"
        + "C1,payment,5.00,EUR,2026-01-31,2026-02-28\n"
        + ",payment,5.00,EUR,2026-01-31,\n"
        + "C\0,payment,5.00,EUR,2026-01-31,\n"
        + "C1,payment,,EUR,2026-01-31,\n",
    )
    records, tally = read_file(path)
    assert [record.line for record in records] == [2]
    told = dict(reasons(tally))
    assert list(told) == [3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    for line, part in {
        3: "3 fields, the header 6",
        4: "is negative, and the kind",
        5: "not a currency of ISO 4217",
        7: "is not a date that exists",
        8: "has no time zone",
        9: "'gift' is not one of",
        10: "is no money entry",
        11: "due_on is empty",
        12: "due_on does not belong to a payment",
        13: "names no customer",
        14: "NUL",
        15: "amount is empty",
    }.items():
        assert part in told[line]


def test_a_ten_megabyte_field_is_one_rejected_row(tmp_path: Path) -> None:
    huge = "x" * 10_000_000
    rows = [f"C1,payment,{huge},EUR,2026-01-31,\n", f'"{huge}",payment,5,EUR,2026-01-31,\n']
    path = write(tmp_path, MONEY + PAYMENT + "".join(rows) + PAYMENT)
    records, tally = read_file(path)
    assert [record.line for record in records] == [2, 5]
    assert [line for line, _ in reasons(tally)] == [3, 4]
    assert all(f"longer than {csv.field_size_limit():,}" in reason for _, reason in reasons(tally))
    assert max(len(cell) for r in tally.rejections for cell in r.content) < 3000


def test_rows_inside_an_overlong_quotation_are_not_taken_for_rows(tmp_path: Path) -> None:
    forged = PAYMENT * 20_000
    path = write(tmp_path, f'{MONEY}"{forged}",payment,5,EUR,2026-01-31,\n{PAYMENT}')
    records, tally = read_file(path)
    assert [record.line for record in records] == [20_003]
    assert reasons(tally)[0][1].startswith("Lines 2 to 20002: a field is longer")


def test_a_quotation_that_is_never_closed_is_told_with_its_extent(tmp_path: Path) -> None:
    path = write(tmp_path, MONEY + PAYMENT + 'C1,"payment,5.00,EUR,2026-01-31,\n' + PAYMENT * 3)
    records, tally = read_file(path)
    assert [record.line for record in records] == [2]
    assert reasons(tally) == [
        (3, "Lines 3 to 6: the quotation marks do not pair (unexpected end of data); perhaps a "
         "quotation is never closed. Correct it in the file.")
    ]  # fmt: skip


def test_a_field_may_span_lines_and_the_row_is_named_by_its_first(tmp_path: Path) -> None:
    text = 'external_id,name,staff_note\n1,Ann,"one\ntwo"\n2,,x\n'
    records, tally = read_file(write(tmp_path, text))
    assert records[0].facts["staff_note"] == "one\ntwo"
    assert records[1].line == 4
    assert tally.rejected == 0


def test_the_own_layout_of_interactions_reads_every_fact(tmp_path: Path) -> None:
    header = (
        "external_id,customer,occurred_at,known_at,channel,direction,purpose,conduct,fault,"
        "handling_minutes,staff,hourly_rate,currency,summary,customer_words,staff_note,case,product,"
        "cause,tags"
    )
    row = (
        "I1,C1,2026-01-31T10:00:00Z,2026-02-01T10:00:00Z,Phone,out,complaint,verbal abuse,ours,2.5,"
        "Bo,30,EUR,late,you again,note,K1,lamp,post,hardship"
    )
    records, _ = read_file(write(tmp_path, f"{header}\n{row}\n"))
    assert records[0].kind is EntryKind.INTERACTION
    assert records[0].customer == "C1"
    assert records[0].facts == {
        "external_id": "I1", "source": "custledger", "channel": "phone", "direction": "out",
        "occurred_at": datetime(2026, 1, 31, 10, tzinfo=UTC),
        "known_at": datetime(2026, 2, 1, 10, tzinfo=UTC),
        "purpose": "complaint", "conduct": "verbal_abuse", "fault": "ours",
        "handling_time": timedelta(seconds=150), "staff": "Bo", "hourly_rate": Money(3000, "EUR"),
        "summary": "late", "customer_words": "you again", "staff_note": "note", "case": "K1",
        "product": "lamp", "cause": "post", "tags": ("hardship",),
    }  # fmt: skip


def test_equal_rows_without_an_id_get_ids_of_their_own_and_the_same_ones_again(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, MONEY + PAYMENT + PAYMENT + PAYMENT.replace("5.00", "6.00"))
    once, again = read_file(path)[0], read_file(path)[0]
    ids = [record.facts["external_id"] for record in once]
    assert len(set(ids)) == 3
    assert [record.facts["external_id"] for record in again] == ids


def test_an_id_made_of_the_content_does_not_depend_on_columns_that_nobody_reads(
    tmp_path: Path,
) -> None:
    plain = read_file(write(tmp_path, MONEY + PAYMENT))[0]
    rejects = "line,reason," + MONEY + "17,was wrong," + PAYMENT
    corrected = read_file(write(tmp_path, rejects))[0]
    assert corrected[0].facts["external_id"] == plain[0].facts["external_id"]


def test_a_customer_joined_on_the_day_of_the_first_record_wherever_it_stands(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, MONEY + PAYMENT + PAYMENT.replace("2026-01", "2024-03"))
    reading = open_reading(path, None, zone_name="UTC")
    implied = [r for r in reading.records(Tally(reading.table.header)) if r.implied]
    assert [(r.customer, r.facts["joined_on"]) for r in implied] == [("C1", date(2024, 3, 31))]


def test_a_spreadsheets_damaged_ids_and_unknown_customers_are_refused(tmp_path: Path) -> None:
    text = (
        "vru+line\tcall_id\tcustomer_id\tdate\toutcome\tser_start\tser_time\tserver\n"
        "AA0101\t1\t27997683\t990101\tAGENT\t6:55:43\t54\tMICHAL\n"
        "AA0101\t2\t6.02E+11\t990101\tAGENT\t6:55:43\t54\tMICHAL\n"
        "AA0101\t3\t0\t990101\tAGENT\t6:55:43\t54\tMICHAL\n"
        "AA0101\t4\t0\t990101\tHANG\t0:00:00\t0\tNO_SERVER\n"
        "AA0102\t1\t27997683\t990101\tAGENT\t7:55:43\t6\tNO_SERVER\n"
    )
    records, tally = read_file(write(tmp_path, text), load_mapping("bank_calls"))
    assert [record.facts["external_id"] for record in records] == ["AA0101-1", "AA0102-1"]
    assert [record.facts.get("staff") for record in records] == ["MICHAL", None]
    assert tally.skipped == {"not handled by a person": 1}
    assert [line for line, _ in reasons(tally)] == [3, 4]
    assert "spreadsheet" in reasons(tally)[0][1]
    assert "unknown" in reasons(tally)[1][1]


def test_exact_duplicates_are_dropped_only_if_the_mapping_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, MONEY + PAYMENT * 3)
    assert len(read_file(path)[0]) == 3
    records, tally = read_file(path, 'layout = "money"\nsource = "x"\nduplicates = "drop"\n')
    assert (len(records), tally.duplicates, tally.rows) == (1, 2, 3)


def test_minor_units_and_value_maps_are_converted(tmp_path: Path) -> None:
    mapping = parse_mapping(
        'source = "stripe"\n[customer]\nexternal_id = { column = "c" }\n[[record]]\n'
        'kind = { column = "t", values = { charge = "payment", dispute = "chargeback" } }\n'
        'external_id = { template = "{t}-{n}" }\noccurred_at = { column = "d" }\n'
        'amount = { column = "a", unit = "minor" }\ncurrency = { column = "u" }\n'
    )
    path = write(
        tmp_path, "n,t,c,d,a,u\n1,charge,X,2026-01-31,1250,eur\n2,dispute,X,2026-01-31,300,jpy\n"
    )
    found, tally = read_file(path, mapping)
    assert [(r.kind, r.facts["external_id"], r.facts["amount"]) for r in found] == [
        (EntryKind.PAYMENT, "charge-1", Money(1250, "EUR")),
        (EntryKind.CHARGEBACK, "dispute-2", Money(300, "JPY")),
    ]
    for record in found:
        tally.add_sum(record)
    assert [(s.currency, s.exact) for s in tally.sums()] == [
        ("JPY", Decimal(300)),
        ("EUR", Decimal("12.50")),
    ]
