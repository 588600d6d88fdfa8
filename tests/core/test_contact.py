"""Two ways to write the same mailbox or phone number are held to be the same."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.contact import check_region, contact_point, normalise
from custledger.core.records import ContactKind
from custledger.errors import BadInputError

EXAMPLES = {
    region: number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (number := phonenumbers.example_number(region)) is not None
}


@given(st.sampled_from(sorted(EXAMPLES)))
def test_national_and_international_writing_of_a_number_are_the_same(region: str) -> None:
    forms = {
        normalise(ContactKind.PHONE, phonenumbers.format_number(EXAMPLES[region], form), region)
        for form in (
            phonenumbers.PhoneNumberFormat.E164,
            phonenumbers.PhoneNumberFormat.INTERNATIONAL,
            phonenumbers.PhoneNumberFormat.NATIONAL,
            phonenumbers.PhoneNumberFormat.RFC3966,
        )
    }
    assert len(forms) == 1
    assert forms.pop().startswith("+")


@pytest.mark.parametrize("value", ["ext. 12", "01 23 45 67 89", "", "+", "call me"])
def test_number_that_cannot_be_read_keeps_its_letters_and_digits(value: str) -> None:
    assert normalise(ContactKind.PHONE, value) == "".join(
        c for c in value if c.isalnum() or c == "+"
    )


@pytest.mark.parametrize("value", ["Ann@Example.org", " ann@example.ORG ", "ANN@EXAMPLE.ORG"])
def test_case_of_a_mailbox_does_not_matter(value: str) -> None:
    assert normalise(ContactKind.EMAIL, value) == "ann@example.org"


@given(st.text(), st.sampled_from([k for k in ContactKind if k is not ContactKind.PHONE]))
def test_normal_form_is_its_own_normal_form(value: str, kind: ContactKind) -> None:
    once = normalise(kind, value)
    assert normalise(kind, once) == once


def test_contact_point_keeps_what_was_given() -> None:
    point = contact_point(ContactKind.PHONE, "01 23 45 67 89", "FR")
    assert (point.value, point.normalised) == ("01 23 45 67 89", "+33123456789")


@pytest.mark.parametrize("region", ["", "fr", "FRA", "France", "XX", "33"])
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(BadInputError, match="two capital letters, such as FR"):
        check_region(region)
