"""Lines of the register of erasures: what is written is read back, and nothing else is taken."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.privacy.erasure import Ground
from custledger.core.privacy.register import ErasedEntry, RegisterLine, merged, parse_line
from custledger.core.records import Part
from custledger.errors import BadInputError

NUMBERS = st.integers(1, 2**31)
DIGESTS = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    ErasedEntry, NUMBERS, DIGESTS, st.dictionaries(st.sampled_from(Part), DIGESTS, min_size=1)
)
LINES = st.builds(
    RegisterLine,
    ledger=st.uuids(),
    subject=st.uuids(),
    entry=NUMBERS,
    hash=DIGESTS,
    ground=st.sampled_from([ground.value for ground in Ground]),
    recorded_at=st.integers(0, 2**52),
    entries=st.lists(ENTRIES, min_size=1, max_size=5).map(tuple),
)


@given(LINES)
def test_line_is_read_back_as_it_was_written(line: RegisterLine) -> None:
    assert parse_line(line.text()) == line
    assert parse_line(f"  {line.text()}\r\n") == line
    assert "\n" not in line.text()


@given(LINES, st.data())
def test_line_that_lost_a_character_is_refused_or_says_something_else(
    line: RegisterLine, data: st.DataObject
) -> None:
    text = line.text()
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + text[place + 1 :]
    try:
        assert parse_line(damaged) != line
    except BadInputError as error:
        assert "nothing was erased" in str(error)  # noqa: PT017 - both ways are right


@pytest.mark.parametrize(
    "text", ["", "null", "{}", '{"v":1}', '{"v":true}', "[]", "\ud800", "{" * 5000]
)
def test_what_is_no_line_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadInputError, match="no line of a register"):
        parse_line(text)


@pytest.mark.parametrize(
    ("true", "damaged"),
    [('"seqs":[2]', '"seqs":[3]'), ('"seqs"', '"sqs"'), ("-0000-0000-", "-00000000-")],
)
def test_line_that_was_damaged_where_nothing_is_read_is_refused_too(
    true: str, damaged: str
) -> None:
    entry = ErasedEntry(2, b"\x02" * 32, {Part.SHARED: b"\x03" * 32})
    line = RegisterLine(UUID(int=1), UUID(int=2), 5, b"\x01" * 32, "objection", 7, (entry,))
    with pytest.raises(BadInputError, match="no line of a register"):
        parse_line(line.text().replace(true, damaged, 1))


def test_bytes_of_a_line() -> None:
    entry = ErasedEntry(2, b"\x02" * 32, {Part.SHARED: b"\x03" * 32})
    line = RegisterLine(UUID(int=1), UUID(int=2), 5, b"\x01" * 32, "objection", 7, (entry,))
    assert line.text() == (
        '{"entries":[{"commits":{"shared":"'
        + "03" * 32
        + '"},"hash":"'
        + "02" * 32
        + '","seq":2}],'
        '"entry":5,"ground":"objection","hash":"' + "01" * 32 + '",'
        '"ledger":"00000000-0000-0000-0000-000000000001","recorded_at":7,"seqs":[2],'
        '"subject":"00000000-0000-0000-0000-000000000002","v":1}'
    )


@given(st.lists(LINES, max_size=4), st.lists(LINES, max_size=4), st.uuids())
def test_merged_register_has_every_line_of_both_once(
    ours: list[RegisterLine], theirs: list[RegisterLine], ledger: UUID
) -> None:
    ours, theirs = ([line._replace(ledger=ledger) for line in of] for of in (ours, theirs))
    before = [line.text() for line in [*theirs, *ours[:2]]]
    lines, kept = merged(ledger, [line.text() for line in ours], [*before, "", *before])
    places = {(line.subject, line.hash) for line in [*ours, *theirs]}
    assert {(line.subject, line.hash) for line in map(parse_line, lines)} == places
    assert len(lines) == len(ours) + kept
    assert merged(ledger, lines, before) == (lines, 0)
