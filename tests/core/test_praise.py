"""Consent to be quoted: under the name agreed to, and while it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.dossier.words import Told, told
from custledger.core.records import EntryRef
from custledger.core.worth.praise import Consent, NameShown, consent_on, name_shown

REF = EntryRef(UUID(int=1), 3)
MAY = date(2026, 5, 1)
CONSENT = Consent(REF, MAY, "by mail", NameShown.INITIALS, "A. M.", until=date(2026, 7, 1))


def test_consent_holds_from_its_day_until_the_day_on_which_it_no_longer_does() -> None:
    days = [date(2026, 4, 30), MAY, date(2026, 6, 30), date(2026, 7, 1)]
    assert [CONSENT.in_force(day) for day in days] == [False, True, True, False]


def test_withdrawn_consent_does_not_hold_on_the_day_of_its_withdrawal() -> None:
    gone = replace(CONSENT, withdrawn_on=MAY)
    assert not gone.in_force(MAY)


def test_newest_consent_counts_and_an_older_one_does_not_come_back() -> None:
    newer = replace(CONSENT, given_on=date(2026, 6, 1), until=date(2026, 6, 2), name="")
    both = (CONSENT, newer)
    assert consent_on(both, date(2026, 5, 31)) == CONSENT
    assert consent_on(both, date(2026, 6, 1)) == newer
    assert consent_on(both, date(2026, 6, 2)) is None
    assert consent_on((), MAY) is None


@given(st.text(min_size=1), st.sampled_from(NameShown))
def test_no_more_of_the_name_is_shown_than_was_agreed_to(name: str, shown: NameShown) -> None:
    found = name_shown(name, shown)
    parts = name.split()
    if shown is NameShown.ANONYMOUS:
        assert found == ""
    elif shown is NameShown.FIRST_NAME:
        assert found == (parts[0] if parts else "")
    elif shown is NameShown.INITIALS:
        assert found.replace(".", "").replace(" ", "") in (
            "".join(part[0] for part in parts),
            "".join(part[0] for part in parts).replace(".", ""),
        )


def test_praise_and_referrals_read_well_in_a_dossier_and_name_nobody_else() -> None:
    consented = {"event": "consented", "of": 2, "how": "by mail", "shown_name": "first_name"}
    assert told("praise", {"event": "praised", "words": "Nice!", "channel": "visit"}, None) == (
        Told("Praise", (), "", "Nice!")
    )
    assert told("praise", consented | {"name": "Ann", "until_day": 0}, None) == Told(
        "Consent to be quoted",
        (
            ("Name", "Ann"),
            ("Until", "1 January 1970"),
            ("How", "by mail"),
            ("Shown name", "first name"),
        ),
    )
    assert told("praise", {"event": "withdrawn", "of": 2}, None) == Told(
        "Consent to be quoted withdrawn"
    )
    referral = {"event": "referred", "other": str(UUID(int=7)), "note": "at the fair"}
    assert told("referral", referral, None) == Told(
        "Came through another customer", (("Note", "at the fair"),)
    )
