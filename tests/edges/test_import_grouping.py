"""Lines of an invoice: added exactly, rounded once, kept whole."""

from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.records import EntryKind
from tests.edges.import_help import SALES, read_file, reasons, write

HEADER = "invoice,customer,day,quantity,price\n"


def test_lines_are_added_exactly_and_rounded_once(tmp_path: Path) -> None:
    lines = "A,C1,2026-01-31,1,0.005\n" * 3 + "B,C1,2026-01-31,3,0.005\n"
    records, tally = read_file(write(tmp_path, HEADER + lines), SALES)
    assert [(r.facts["external_id"], r.facts["amount"].minor, r.exact) for r in records] == [
        ("A", 2, Decimal("0.015")),
        ("B", 2, Decimal("0.015")),
    ]
    for record in records:
        tally.add_sum(record)
    (total,) = tally.sums()
    assert (total.exact, total.rounded, total.rounding) == (
        Decimal("0.030"), Decimal("0.04"), Decimal("0.010"),
    )  # fmt: skip


def test_lines_need_not_stand_together(tmp_path: Path) -> None:
    lines = "A,C1,2026-01-31,1,1\nB,C1,2026-01-31,1,2\nA,C1,2026-01-31,1,4\n"
    records, _ = read_file(write(tmp_path, HEADER + lines), SALES)
    assert [(r.line, r.facts["amount"].minor) for r in records] == [(2, 500), (3, 200)]


def test_a_negative_group_becomes_a_refund_of_the_positive_amount(tmp_path: Path) -> None:
    lines = "A,C1,2026-01-31,2,1.50\nA,C1,2026-01-31,-3,1.50\n"
    records, _ = read_file(write(tmp_path, HEADER + lines), SALES)
    assert [(r.kind, r.facts["amount"].minor) for r in records] == [(EntryKind.REFUND, 150)]


def test_a_group_with_a_refused_line_is_left_out_whole(tmp_path: Path) -> None:
    lines = "A,C1,2026-01-31,1,1\nB,C1,2026-01-31,1,2\nA,C1,2026-01-31,one,4\nA,C1,2026-01-31,1,9\n"
    records, tally = read_file(write(tmp_path, HEADER + lines), SALES)
    assert [record.facts["external_id"] for record in records] == ["B"]
    assert [line for line, _ in reasons(tally)] == [4, 2]
    assert reasons(tally)[1][1] == (
        "Line 4, which belongs to it, was refused. Correct that line and import both again. "
        "All 2 lines of the group are left out."
    )


def test_two_customers_on_one_invoice_are_refused(tmp_path: Path) -> None:
    lines = "A,C1,2026-01-31,1,1\nA,C2,2026-01-31,1,2\n"
    records, tally = read_file(write(tmp_path, HEADER + lines), SALES)
    assert not records
    assert "differs from that in line 2" in reasons(tally)[0][1]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"),
            st.integers(-1000, 1000),
            st.decimals(0, 10_000, places=3, allow_nan=False),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_group_is_the_exact_sum_of_its_lines_rounded_once(
    lines: list[tuple[str, int, Decimal]],
) -> None:
    text = "".join(f"{key},C1,2026-01-31,{number},{price}\n" for key, number, price in lines)
    with TemporaryDirectory() as folder:
        records, tally = read_file(write(Path(folder), HEADER + text), SALES)
    assert not tally.rejected
    for record in records:
        total = sum(
            (n * price for key, n, price in lines if key == record.facts["external_id"]), Decimal(0)
        )
        assert record.exact == abs(total)
        assert record.kind is (EntryKind.REFUND if total < 0 else EntryKind.SALE)
        assert record.facts["amount"].amount == abs(total).quantize(
            Decimal("0.01"), ROUND_HALF_EVEN
        )
