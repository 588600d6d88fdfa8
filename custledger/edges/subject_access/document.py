"""The report as a document: sections of paragraphs, lists, rows and entries, in the order read.

The page and the text are made of the same document, so that neither says more than the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from custledger.core.clock import to_microseconds, zone
from custledger.core.words import count, day_in_words, moment_in_words
from custledger.edges.subject_access.report import (
    AccessBriefing,
    AccessComplaint,
    AccessContest,
    AccessDecision,
    AccessEntry,
    AccessPerson,
    AccessReport,
    AccessReportRequest,
    AccessScore,
    AccessSource,
)

__all__ = ["Block", "Bullets", "Card", "Paragraph", "Rows", "Section", "document"]


class Paragraph(NamedTuple):
    """A paragraph; a ``notice`` stands out."""

    text: str
    notice: bool = False


class Bullets(NamedTuple):
    """A list of sentences."""

    texts: tuple[str, ...]


class Rows(NamedTuple):
    """Labels and what belongs to them."""

    rows: tuple[tuple[str, str], ...]


class Card(NamedTuple):
    """Something that happened: when, its number, a title, and what is said of it."""

    when: str
    number: str
    title: str
    notices: tuple[str, ...] = ()
    account: str = ""
    customer_words: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    foot: str = ""
    file: str = ""
    past: bool = False
    anchor: str = ""


Block = Paragraph | Bullets | Rows | Card


class Section(NamedTuple):
    """A part of the document with its title."""

    title: str
    blocks: tuple[Block, ...]


def document(report: AccessReport) -> tuple[Section, ...]:
    """The sections, in the order in which somebody who is no expert reads them."""
    made = (
        _section("Who we are, and what the data are for", _foreword(report)),
        _section("Who you are to us", map(_person, report.people)),
        _section("Your score", _score(report.score)),
        _section("Decisions about you", _decisions(report.decisions)),
        _section("What staff are told about you", _briefing(report.briefing)),
        _section("Your complaints", map(_complaint, report.complaints)),
        _section("What you disputed", map(_contest, report.contests)),
        _section("What you asked", map(_request, report.requests)),
        _section("What was recorded", _entries(report)),
        _section("What is recorded elsewhere", _elsewhere(report.elsewhere)),
        _section("Where it comes from", _sources(report.sources)),
        _section("Who gets it", [Bullets(report.recipients)]),
        _section("How long it is kept", _periods(report)),
        _section("Your rights", [Bullets(report.rights)]),
    )
    return tuple(section for section in made if section.blocks)


def _section(title: str, blocks: object) -> Section:
    return Section(title, tuple(blocks))  # type: ignore[arg-type]


def _foreword(report: AccessReport) -> Iterator[Block]:
    for part in report.foreword.split("\n\n"):
        if part.strip():
            yield Paragraph(part.strip())


def _person(person: AccessPerson) -> Block:
    if person.state == "erased":
        return Paragraph(
            f"What was held under the id {person.id} was erased. What stays is that there was "
            "something, when it was recorded, and who erased it and why."
        )
    rows = [("Name", person.name), ("Status", person.status)]
    rows += [("With us since", day_in_words(person.joined_on))] if person.joined_on else []
    rows += [("Contact", text) for text in person.contact_points]
    rows += [("Held as", str(person.id))]
    rows += [("State", "taken back: it no longer counts")] if person.state == "taken back" else []
    return Rows(tuple(rows))


def _score(score: AccessScore | None) -> Iterator[Block]:
    if score is None:
        yield Paragraph("There is no score of you.")
        return
    yield Paragraph(f"As of {day_in_words(score.as_of)}. {score.headline}")
    if score.undisputed is not None:
        yield Paragraph(
            f"It includes what you dispute. Without that it would be {score.undisputed:.1f}.",
            notice=True,
        )
    if score.reasons:
        yield Paragraph("Why: these points add up to the score.")
        yield Rows(tuple((f"{r.points:+.1f}", _cited(r.text, r.entries)) for r in score.reasons))
    if score.changes:
        yield Paragraph("What would change it: any one of these would bring it to 50 or below.")
        yield Bullets(tuple(change.text for change in score.changes))
    elif score.score_low > _LINE:
        yield Paragraph("No single change would bring it to 50 or below today.")
    else:
        yield Paragraph("It is not surely above 50, so nothing has to change.")
    if score.missing:
        yield Paragraph("What is missing before it could count in full:")
        yield Bullets(score.missing)
    yield Paragraph(f"How it is made (score policy, version {score.policy_version}):")
    yield Bullets(score.how)


_LINE: Final = 50.0
_MOST_CITED: Final = 12


def _cited(text: str, entries: Sequence[str]) -> str:
    if not entries:
        return text
    more = f" and {len(entries) - _MOST_CITED} earlier" if len(entries) > _MOST_CITED else ""
    return f"{text} ({' '.join(entries[-_MOST_CITED:])}{more})"


def _decisions(decisions: Sequence[AccessDecision]) -> Iterator[Block]:
    if not decisions:
        yield Paragraph("Nothing was decided about you: you are served like anybody else.")
    for d in decisions:
        rows = [("Decided by", f"{d.made_by}; a person, not a program")]
        rows += [("Why", d.reasons)] if d.reasons else []
        rows += [("Rests on", " ".join(d.rests_on))] if d.rests_on else []
        rows += [("Score", d.score)] if d.score else []
        rows += [("Ends by itself on", f"{day_in_words(d.review_on)}, unless extended")]
        rows += [("Notice", d.notice)] if d.notice else []
        rows += [("How to appeal", d.appeal_route)] if d.appeal_route else []
        rows += [("Appeal", d.appeal)] if d.appeal else []
        rows += [("Review", text) for text in d.reviews]
        rows += [("Out of the ordinary", text) for text in d.marks]
        yield Card(
            when=day_in_words(d.made_on),
            number=d.ref,
            title=f"{d.kind.capitalize()} ({d.state})",
            account=d.told,
            rows=tuple(rows),
            past=d.state in ("lapsed", "ended", "overturned"),
        )


def _briefing(briefing: AccessBriefing | None) -> Iterator[Block]:
    if briefing is None:
        return
    if not briefing.told:
        yield Paragraph("Nothing in particular: you are served like anybody else.")
    else:
        yield Bullets(briefing.told)
    if briefing.advice:
        yield Paragraph("How staff are asked to deal with you:")
        yield Bullets(briefing.advice)
    elif briefing.advice_left_out:
        yield Paragraph("Advice for staff on how to deal with it is left out here.", notice=True)


def _complaint(complaint: AccessComplaint) -> Block:
    rows = [("Outcome", complaint.outcome)] if complaint.outcome else []
    rows += [("Reasons", complaint.reasons)] if complaint.reasons else []
    rows += [("What you got", complaint.remedy)] if complaint.remedy else []
    if complaint.resolved_on is not None:
        rows.append(("Resolved", day_in_words(complaint.resolved_on)))
    return Card(
        when=day_in_words(complaint.received_on),
        number=complaint.ref,
        title=f"Complaint ({complaint.state})",
        account=complaint.account,
        customer_words=complaint.customer_words,
        rows=tuple(rows),
    )


def _contest(contest: AccessContest) -> Block:
    came = {
        "open": f"We look into it, and tell you by {day_in_words(contest.due_on)}.",
        "rectified": "You were right, and it was put right.",
        "refused": "It stays as it is.",
    }[contest.state]
    closed = contest.closed_on
    rows = [] if closed is None else [("Decided", f"{day_in_words(closed)}, {contest.decided_by}")]
    rows += [("Reasons", contest.reasons)] if contest.reasons else []
    return Card(
        when=day_in_words(contest.received_on),
        number=contest.ref,
        title=f"You dispute {contest.entry}",
        notices=(came,),
        customer_words=contest.words,
        rows=tuple(rows),
    )


def _request(request: AccessReportRequest) -> Block:
    rows = [("How", request.how), ("Answer due by", day_in_words(request.due_on))]
    if request.extended_because:
        rows.append(("Takes longer because", request.extended_because))
    if request.closed_on is not None:
        rows.append((request.state.capitalize(), day_in_words(request.closed_on)))
    if request.refusal:
        rows.append(("Reasons", request.refusal))
    title = "You asked what is held about you"
    return Card(day_in_words(request.received_on), request.ref, title, rows=tuple(rows))


def _entries(report: AccessReport) -> Iterator[Block]:
    yield Paragraph(
        f"{count(len(report.entries), 'entry', 'entries')}, in the order in which things happened, "
        "in the words of the staff. An entry never changes: a correction is a new entry, and the "
        "old one stays readable. What was erased is gone; that it was there stays."
    )
    if report.withheld:
        verb = "is" if report.withheld == 1 else "are"
        yield Paragraph(
            f"{count(report.withheld, 'text')} written for staff only {verb} left out here. You "
            "may ask for them: they may be kept back only where they would harm somebody else.",
            notice=True,
        )
    if report.names_left_out:
        yield Paragraph("Staff are named by their role, because their names are data about them.")
    for entry in report.entries:
        yield _card(entry, report.zone)


def _card(entry: AccessEntry, zone_name: str) -> Card:
    foot = f"Recorded by {entry.recorded_by}, {_moment(entry.recorded_at, zone_name)}"
    foot += f"; imported from {entry.imported_from}" if entry.imported_from else ""
    notices = []
    if entry.state == "erased":
        notices.append(f"Erased for good by {entry.by}.")
    elif entry.state != "current":
        notices.append(f"{entry.state.capitalize()} by {entry.by}; it no longer counts.")
    if entry.disputed:
        notices.append("You dispute this; nobody decided on it yet.")
    if entry.withheld:
        notices.append(f"{count(entry.withheld, 'text')} for staff only left out here.")
    return Card(
        when=_moment(entry.happened_at, zone_name),
        number=entry.ref,
        title=entry.title,
        notices=tuple(notices),
        account=entry.account,
        customer_words=entry.customer_words,
        rows=entry.facts,
        notes=entry.notes,
        foot=foot,
        file=entry.file,
        past=entry.state != "current",
        anchor=f"e{entry.ref.replace('#', '-').strip('-')}",
    )


def _moment(moment: datetime, zone_name: str) -> str:
    ahead = moment.astimezone(zone(zone_name)).utcoffset()
    minutes = round(ahead.total_seconds() / 60) if ahead else 0
    return moment_in_words(to_microseconds(moment), minutes)


def _elsewhere(texts: Sequence[str]) -> Iterator[Block]:
    if texts:
        yield Bullets(tuple(texts))


def _sources(sources: Sequence[AccessSource]) -> Iterator[Block]:
    texts = ["Recorded by the firm's staff and programs, unless an entry says otherwise."]
    for s in sources:
        entries = count(s.entries, "entry", "entries")
        if s.imported_on is None:
            texts.append(f"{entries} taken over from: {s.source}.")
        else:
            day = day_in_words(s.imported_on)
            texts.append(f"{entries} imported on {day} from {s.source} ({s.file_name}).")
    yield Bullets(tuple(texts))


def _periods(report: AccessReport) -> Iterator[Block]:
    if report.periods:
        yield Rows(tuple((p.what, f"{p.period}. {p.ground}") for p in report.periods))
        rest = "No period is set for"
    else:
        rest = "No periods are set. This is kept until it is no longer needed"
    if report.without_end:
        yield Paragraph(f"{rest}: {'; '.join(report.without_end)}.")
