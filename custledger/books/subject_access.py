"""The book of subject access: who asked to see what is held, by when, and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from custledger.core.calendar.wall_clock import end_of_day, local_day
from custledger.core.checks import check_moment, check_reason, check_required, check_text
from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.due import DueItem, DueKind
from custledger.core.privacy.subject_access import (
    AccessRequest,
    AccessStep,
    answer_refusals,
    check_digest,
    extension_refusals,
    is_request,
    request_from,
)
from custledger.core.records import EntryKind, EntryRef
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import void
from custledger.storage.events import append_event, cases, events_of, events_where, listed
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of
from custledger.storage.tables import EventRow

__all__ = ["SubjectAccessBook"]

_event = table_of(EventRow)
_KIND = EntryKind.SUBJECT_ACCESS

RequestLike = AccessRequest | EntryRef


class SubjectAccessBook:
    """Requests under Article 15 GDPR, or another law like it: received, extended, answered.

    What is handed out is made by ``custledger.edges.subject_access``.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def request(
        self,
        customer: CustomerLike,
        *,
        how: str,
        received_at: datetime | None = None,
        note: str = "",
    ) -> AccessRequest:
        """Record that a customer asked; the month runs from the day it arrived (default now).

        ``how`` it came: by mail, at the counter. No form is needed, and no reason. ``note`` is for
        staff only.
        """
        said, staff = check_required(how, "how"), check_text(note, "note")
        with self._context.write() as journal:
            at, day = self._when(journal, received_at, "received_at")
            key = self._key(journal.connection, customer)
            lock_chains(journal.connection, self._context.ledger, [key])
            body = {"event": "requested", "how": said, "received_day": day}
            staff_body: dict[str, Any] | None = {"note": staff} if staff else None
            written = append_event(journal, key, _KIND, body, occurred_at=at, staff_body=staff_body)
            return request_from([written])

    def extend(
        self, request: RequestLike, *, reason: str, told_at: datetime | None = None
    ) -> AccessStep:
        """Record that the customer was told why it takes longer: up to two further months.

        It is refused after the first month, and a second time.
        """
        body = {"event": "extended", "reason": check_required(reason, "reason")}
        return self._step(request, body, told_at, extension_refusals)

    def answer(
        self, request: RequestLike, *, how: str, at: datetime | None = None, digest: str = ""
    ) -> AccessStep:
        """Record that the customer has the answer; ``digest`` is the SHA-256 of what was sent.

        A late answer is recorded as well, and shown as late. It is refused a second time.
        """
        body = {"event": "answered", "how": check_required(how, "how")}
        if check_digest(digest):
            body["mark"] = digest
        return self._step(request, body, at, answer_refusals)

    def refuse(
        self, request: RequestLike, *, reason: str, at: datetime | None = None
    ) -> AccessStep:
        """Record that the request was refused, and why, in words that the customer was told.

        Only one that is manifestly unfounded or excessive may be, and the firm has to show that
        (Art. 12(5) GDPR). Tell the customer of the supervisory authority too (Art. 12(4)).
        """
        body = {"event": "refused", "reason": check_required(reason, "reason")}
        return self._step(request, body, at, answer_refusals)

    def void(self, request: RequestLike, *, reason: str) -> None:
        """Take a request that was recorded by mistake back, with all that came of it."""
        ref, why = _ref(request), check_reason(reason)
        with self._context.write() as journal:
            self._read(journal.connection, ref)
            for event in listed(journal.connection, self._context, _KIND, ref):
                void(journal, self._context, EventRow, event.id, why)

    def get(self, request: RequestLike) -> AccessRequest:
        """The request as it stands; NotFoundError if there is none."""
        with self._context.read() as connection:
            return self._read(connection, request)

    def of(self, customer: CustomerLike) -> list[AccessRequest]:
        """A customer's requests, oldest first; those of merged customers too."""
        with self._context.read() as connection:
            key = self._key(connection, customer)
            group = group_of(connection, key)
            found = cases(events_of(connection, self._context, _KIND, group))
            return [request_from(events) for events in found.values() if is_request(events)]

    def open(self, as_of: date | None = None) -> list[AccessRequest]:
        """The requests that wait for an answer as of a day, the earliest due first."""
        day = date_of_day(self._context.day(as_of))
        waiting = [
            r
            for r in self.all()
            if r.received_on <= day and (r.closed_on is None or r.closed_on > day)
        ]
        return sorted(waiting, key=lambda r: (r.due_on, r.id))

    def overdue(self, as_of: date | None = None) -> list[AccessRequest]:
        """Those of the open ones whose last day is over as of a day."""
        day = date_of_day(self._context.day(as_of))
        return [r for r in self.open(as_of) if day > r.due_on]

    def passed(self, *, since: datetime | None, as_of: datetime) -> list[DueItem]:
        """The requests that became overdue after ``since`` and by ``as_of``.

        With ``since=None``, those that are overdue still.
        """
        zone = self._context.zone
        found = []
        for request in self.all():
            at = max(end_of_day(request.due_on, zone), request.recorded_at)
            closed = request.closed_on
            over = closed is not None and (since is None or closed <= request.due_on)
            if (since is None or since < at) and at <= as_of and not over:
                text = (
                    f"Access request #{request.id.seq} was due by {day_in_words(request.due_on)}."
                )
                key = f"access:{request.id}:{request.due_on}"
                found.append(
                    DueItem(at, DueKind.ACCESS_OVERDUE, key, text, request.customer_id, request.id)
                )
        return sorted(found, key=lambda item: (item.passed_at, item.key))

    def all(self) -> list[AccessRequest]:
        """Every one, oldest first."""
        with self._context.read() as connection:
            found = cases(events_where(connection, self._context, _event.c.kind == _KIND))
        return [request_from(events) for events in found.values() if is_request(events)]

    def _step(
        self,
        request: RequestLike,
        body: dict[str, Any],
        at: datetime | None,
        refusals_of: Callable[[AccessRequest, date], Sequence[Refusal]],
    ) -> AccessStep:
        with self._context.write() as journal:
            moment, day = self._when(journal, at, "at")
            ref = _ref(request)
            key = self._context.identities.key(journal.connection, ref.subject)
            if key is not None:
                lock_chains(journal.connection, self._context.ledger, [key])
            before = self._read(journal.connection, ref)
            refusals = tuple(refusals_of(before, date_of_day(day)))
            if refusals or key is None:
                return AccessStep(False, before, refusals)
            said: Mapping[str, Any] = {**body, "of": ref.seq, "on_day": day}
            append_event(journal, key, _KIND, said, occurred_at=moment)
            return AccessStep(True, self._read(journal.connection, ref))

    def _read(self, connection: Connection, request: RequestLike) -> AccessRequest:
        ref = _ref(request)
        events = listed(connection, self._context, _KIND, ref)
        if not is_request(events):
            raise NotFoundError(f"{ref} is no request for access. See `custledger access list`.")
        return request_from(events)

    def _when(self, journal: Journal, at: datetime | None, name: str) -> tuple[int, int]:
        """The moment in microseconds and the day in the ledger's zone; never one to come."""
        moment = journal.recorded_at if at is None else check_moment(at, name)
        if moment > journal.recorded_at:
            raise BadInputError(f"{name} lies in the future; give the time when it happened.")
        day = local_day(from_microseconds(moment), self._context.zone)
        return moment, self._context.day(day)

    def _key(self, connection: Connection, customer: CustomerLike) -> int:
        key = subject_key(connection, self._context, customer)
        return customer_key(connection, self._context, customer) if key is None else key


def _ref(request: object) -> EntryRef:
    ref = getattr(request, "id", request)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name a request by its record or its id, not {request!r}.")
    return ref
