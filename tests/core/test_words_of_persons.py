"""How a dossier tells of merges and flags."""

from __future__ import annotations

from custledger.core.dossier.words import Told, told

FIGURES = {"score": "61.250000", "score_low": "52.000000", "score_high": "70.000000"}


def test_merge_tells_with_whom_and_why() -> None:
    body = {"event": "merged", "other": "head", "into": "parent", "reason": "she told us"}
    assert told("merge", body, None) == Told(
        "The same person as another customer of ours",
        (("Reason", "she told us"), ("One with", "parent")),
    )


def test_flag_tells_what_it_rests_on_and_its_figures() -> None:
    body = {"event": "raised", "mark": "both", "as_of_day": 20_000, "policy_version": 2, **FIGURES}
    assert told("flag", body, None) == Told(
        "Flagged by the score, which decides nothing",
        (
            ("As of", "4 October 2024"),
            ("Policy version", "2"),
            ("Rests on", "both"),
            ("Score", "61.2"),
            ("Score high", "70.0"),
            ("Score low", "52.0"),
        ),
    )
    assert told("flag", {**body, "event": "cleared", "of": 3}, None).title == (
        "No longer flagged by the score"
    )


def test_erased_merge_and_flag_say_no_more_than_what_they_were() -> None:
    assert told("merge", {}, None) == Told("The same person as another customer of ours")
    assert told("flag", {}, None) == Told("Flag")
