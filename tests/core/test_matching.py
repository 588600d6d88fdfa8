"""Who may be one person with several names: what speaks for it, and what only looks so."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.matching import (
    Candidates,
    Likeness,
    Match,
    Party,
    Point,
    SharedPoint,
    Strength,
    candidates_among,
    is_role_mailbox,
    likeness,
)
from custledger.core.records import ContactKind

MAIL, PHONE, PLACE = ContactKind.EMAIL, ContactKind.PHONE, ContactKind.ADDRESS
ANN = "ann@example.org"


def party(number: int, name: str, *points: tuple[ContactKind, str], **external: str) -> Party:
    return Party(
        UUID(int=number),
        name,
        frozenset(Point(*point) for point in points),
        frozenset(external.items()),
    )


def test_same_name_and_a_mailbox_of_their_own_are_strong_evidence() -> None:
    found = candidates_among(
        [party(1, "Ann Miller", (MAIL, ANN)), party(2, "Miller, Ann", (MAIL, ANN))]
    )
    said = f"The same e-mail address ({ANN}), which nobody else has, and the same name."
    names = ("Ann Miller", "Miller, Ann")
    assert found == Candidates(
        (Match(UUID(int=1), UUID(int=2), names, Strength.STRONG, (said,)),), ()
    )


def test_different_names_at_one_phone_are_a_household_and_no_match() -> None:
    found = candidates_among(
        [party(1, "Ann Miller", (PHONE, "+331")), party(2, "Ben Miller", (PHONE, "+331"))]
    )
    why = "different names, perhaps of a household"
    ids, names = (UUID(int=1), UUID(int=2)), ("Ann Miller", "Ben Miller")
    assert found == Candidates((), (SharedPoint(PHONE, "+331", ids, names, why),))


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ((MAIL, "info@example.org"), "the mailbox of a function"),
        ((MAIL, ANN), "held by 3 customers"),
        ((PLACE, "1 high street"), "several may live or work"),
    ],
)
def test_what_several_can_share_makes_nobody_one_by_itself(
    point: tuple[ContactKind, str], why: str
) -> None:
    found = candidates_among(
        [party(n, name, point) for n, name in enumerate(("Ann Lee", "Ben Moss", "Cleo Park"))]
    )
    assert found.matches == ()
    [shared] = found.shared
    assert shared.names == ("Ann Lee", "Ben Moss", "Cleo Park")
    assert why in shared.why


def test_same_name_at_a_shared_mailbox_is_fair_evidence_and_no_more() -> None:
    mailbox = (MAIL, "info@example.org")
    found = candidates_among([party(1, "Ann Lee", mailbox), party(2, "ANN LEE", mailbox)])
    assert [m.strength for m in found.matches] == [Strength.FAIR]
    assert "can be shared" in found.matches[0].evidence[0]


def test_same_id_in_two_sources_is_a_weak_hint_and_only_where_the_names_fit() -> None:
    found = candidates_among(
        [
            party(1, "Ann Lee", shop="1001"),
            party(2, "Ben Moss", crm="1001"),
            party(3, "A. Lee", crm="1002"),
            party(4, "Ann Lee", till="1002"),
        ]
    )
    weak = {m.names: m.evidence for m in found.matches}
    assert weak == {
        ("A. Lee", "Ann Lee"): ("The id 1002 in crm and in till, and the names fit.",),
        ("Ann Lee", "Ann Lee"): ("The same name.",),
    }
    assert {m.strength for m in found.matches} == {Strength.WEAK}


def test_name_that_many_have_is_no_evidence() -> None:
    assert len(candidates_among([party(n, "Ann Lee") for n in range(3)]).matches) == 3
    assert candidates_among([party(n, "Ann Lee") for n in range(4)]) == Candidates()


def test_mailbox_of_thousands_is_compared_by_name_and_not_all_with_all() -> None:
    mailbox = (MAIL, "none@example.org")
    many = [party(n, f"Customer {n // 2}", mailbox) for n in range(4_000)]
    found = candidates_among(many)
    assert len(found.matches) == 2_000
    assert {m.strength for m in found.matches} == {Strength.FAIR}
    assert len(found.shared) == 1


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("Ann Miller", "ann  MILLER", "same"),
        ("Jürgen Müller", "MULLER Jurgen", "same"),
        ("Ann Miller", "Ann B. Miller", "alike"),
        ("Ann Miller", "A Miller", "alike"),
        ("A. B. Miller", "Ann Miller", "alike"),
        ("C. B. Miller", "Ann Miller", "different"),
        ("Ann", "Ann Miller", "different"),
        ("Ann Miller", "Ben Miller", "different"),
        ("A. M.", "Ann Miller", "different"),
        ("", "", "different"),
    ],
)
def test_likeness_of_names(one: str, other: str, how: str) -> None:
    assert likeness(one, other) is Likeness(how)
    assert likeness(other, one) is Likeness(how)


def test_role_mailboxes_are_known_in_several_languages() -> None:
    for address in ("info@a.org", "Office@a.org", "kontakt+web@a.de", "facturation@a.fr"):
        assert is_role_mailbox(address)
    assert not is_role_mailbox("infante@a.org")


_points = st.sampled_from(
    [Point(MAIL, "a@a.org"), Point(MAIL, "info@a.org"), Point(PHONE, "+331"), Point(PLACE, "x")]
)
_parties = st.lists(
    st.builds(
        lambda name, points, external: (name, points, external),
        st.sampled_from(["Ann Lee", "A. Lee", "Ben Lee", "Lee Ann"]),
        st.frozensets(_points),
        st.frozensets(st.tuples(st.sampled_from(["shop", "crm"]), st.just("7")), max_size=1),
    ),
    max_size=6,
)


@given(_parties)
def test_nobody_is_a_match_by_what_can_be_shared_alone(found: list) -> None:
    parties = [Party(UUID(int=n), *rest) for n, rest in enumerate(found)]
    by_id = {p.id: p for p in parties}
    candidates = candidates_among(parties)
    pairs = [(m.first, m.second) for m in candidates.matches]
    assert len(set(pairs)) == len(pairs)
    for match in candidates.matches:
        assert match.first.int < match.second.int
        assert likeness(*match.names) is not Likeness.DIFFERENT
        one, other = by_id[match.first], by_id[match.second]
        if match.strength is Strength.STRONG:
            own = [
                point
                for point in one.points & other.points
                if sum(point in p.points for p in parties) == 2 and point.kind is not PLACE
            ]
            assert [p for p in own if p.normalised != "info@a.org"]
    for one, other in combinations(parties, 2):
        if likeness(one.name, other.name) is Likeness.DIFFERENT:
            for point in one.points & other.points:
                shared = [s for s in candidates.shared if s.normalised == point.normalised]
                assert {one.id, other.id} <= set(shared[0].customers)
