"""The report on ourselves: our own fault first, numbers beside rates, few cases marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.complaints.events import Outcome
from custledger.core.exchange import UNITS_A_MINOR
from custledger.core.records import Fault
from custledger.core.worth.ourselves import By, Deed, Happening, Ourselves, OurselvesRow, report_of

MAY = (2026 - 1970) * 12 + 4


def report(entries: Sequence[Happening], *by: By) -> Ourselves:
    return report_of(entries, by, since=None, until=date(2026, 11, 22), currency="EUR")


def worth(minor: int | None) -> int | None:
    return None if minor is None else minor * UNITS_A_MINOR


def sale(product: str = "", month: int = MAY, minor: int | None = 100_00) -> Happening:
    return Happening(Deed.SALE, month, product, worth=worth(minor))


STORY = [
    *[sale("sofa")] * 25,
    *[sale("lamp")] * 4,
    sale(),
    Happening(Deed.CONTACT, MAY, "sofa", "delivery", Fault.OURS),
    Happening(Deed.CONTACT, MAY, "sofa", "delivery", Fault.UNKNOWN),
    Happening(Deed.CONTACT, MAY, "lamp", "", Fault.CUSTOMER),
    Happening(Deed.REFUND, MAY, "sofa", "delivery", Fault.OURS, worth(40_00)),
    Happening(Deed.LOSS, MAY, "lamp", "cracked glass", Fault.SHARED, worth(5_00)),
    Happening(Deed.COMPLAINT, MAY, "sofa", "delivery", outcome=Outcome.UPHELD),
    Happening(Deed.COMPLAINT, MAY, "sofa", "smell"),
]


def test_row_of_a_product_is_told_whole() -> None:
    found = report(STORY, By.PRODUCT)
    assert [row.product for row in found.rows] == ["sofa", "lamp", ""]
    assert found.rows[0] == OurselvesRow(
        product="sofa",
        cause=None,
        month=None,
        currency="EUR",
        ours=2,
        shared=0,
        judged=2,
        unjudged=1,
        ours_share=1.0,
        refunds=1,
        refunds_minor=40_00,
        refunds_ours=1,
        refunds_ours_minor=40_00,
        complaints=2,
        upheld=1,
        partly_upheld=0,
        not_upheld=0,
        withdrawn=0,
        undecided=1,
        sales=25,
        sales_minor=2_500_00,
        refund_rate=0.04,
        refund_share=0.016,
        complaint_rate=0.08,
        few="our share",
        unconverted=0,
    )
    assert found.rows[1].few == "our share, refunds, complaints"
    assert (found.total.ours, found.total.judged, found.total.ours_share) == (2, 4, 0.5)


def test_causes_are_set_against_all_sales_since_a_sale_has_none() -> None:
    found = report(STORY, By.CAUSE)
    assert [(row.cause, row.ours, row.sales) for row in found.rows] == [
        ("delivery", 2, 30),
        ("smell", 0, 30),
        ("cracked glass", 0, 30),
        ("", 0, 30),
    ]
    by_both = report(STORY, By.PRODUCT, By.CAUSE)
    assert [(row.product, row.cause, row.sales) for row in by_both.rows] == [
        ("sofa", "delivery", 25),
        ("sofa", "smell", 25),
        ("lamp", "cracked glass", 4),
        ("lamp", "", 4),
    ]


def test_months_are_in_order_and_none_is_left_out() -> None:
    found = report([sale(month=MAY + 3), sale(month=MAY)], By.MONTH)
    assert [(row.month, row.sales) for row in found.rows] == [
        ("2026-05", 1),
        ("2026-06", 0),
        ("2026-07", 0),
        ("2026-08", 1),
    ]


def test_rate_of_nothing_is_none_and_of_few_is_marked_even_where_it_is_zero() -> None:
    nothing = report([], By.PRODUCT)
    assert (nothing.rows, nothing.total.ours_share, nothing.total.few) == ((), None, "")
    few = report([sale("sofa")] * 19, By.PRODUCT).rows[0]
    assert (few.refund_rate, few.few) == (0.0, "refunds, complaints")
    assert report([sale("sofa")] * 20, By.PRODUCT).rows[0].few == ""


def test_amount_without_a_rate_is_left_out_and_counted() -> None:
    found = report([sale(minor=None), sale(minor=1_00)], By.PRODUCT).total
    assert (found.sales, found.sales_minor, found.unconverted) == (2, 1_00, 1)


entries = st.lists(
    st.builds(
        Happening,
        st.sampled_from(Deed),
        st.integers(MAY, MAY + 5),
        st.sampled_from(["", "sofa", "lamp"]),
        st.sampled_from(["", "smell"]),
        st.sampled_from(Fault),
        st.one_of(st.none(), st.integers(0, 10**6).map(worth)),
        st.sampled_from([None, *Outcome]),
        st.integers(1, 3),
    ),
    max_size=30,
)
_SUMMED = ("ours", "shared", "judged", "unjudged", "refunds", "refunds_minor", "complaints")


@given(entries, st.sets(st.sampled_from(By)), st.randoms())
def test_rows_add_up_to_the_total_whatever_the_order(
    found: list[Happening], by: set[By], random: object
) -> None:
    told = report(found, *sorted(by))
    for name in _SUMMED:
        assert sum(getattr(row, name) for row in told.rows) == getattr(told.total, name)
    if By.CAUSE not in by:
        assert sum(row.sales for row in told.rows) == told.total.sales
    assert report(found[::-1], *sorted(by)) == told
    for row in (*told.rows, told.total):
        assert row.ours + row.shared <= row.judged
        assert (row.ours_share is None) == (row.judged == 0)


def test_amounts_are_rounded_once_and_entries_that_are_alike_may_be_told_together() -> None:
    third = UNITS_A_MINOR // 3 + 1
    one_by_one = [Happening(Deed.SALE, MAY, "sofa", worth=third)] * 3
    together = Happening(Deed.SALE, MAY, "sofa", worth=3 * third, number=3)
    found = report(one_by_one, By.PRODUCT)
    assert found == report([together], By.PRODUCT)
    assert (found.total.sales, found.total.sales_minor) == (3, 1)
