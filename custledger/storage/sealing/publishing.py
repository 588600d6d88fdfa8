"""Publishing the newest checkpoint: to one place, or to each of those that do not have it yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from custledger.core.clock import from_microseconds, to_microseconds
from custledger.core.trail.anchoring import Anchor, AnchorState
from custledger.core.trail.seals import Anchored, PublishedNote
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.sealing import checkpoints

__all__ = ["publish", "publish_where_missing"]


def publish(context: Context, anchor: Anchor) -> Anchored:
    """Publish the newest signed checkpoint, and keep what proves that it is there."""
    with context.read() as connection:
        newest = checkpoints.newest_note(connection)
    if newest is None:
        raise BadInputError(
            "No checkpoint has been signed yet. Seal the ledger first: `custledger seal`."
        )
    token = anchor.publish(newest.note)
    moment = to_microseconds(context.now())
    at = from_microseconds(moment)
    anchored = Anchored(newest.n, anchor.kind, anchor.place, token, at)
    with context.database.write() as connection:
        checkpoints.add_anchor(connection, context.ledger, anchored, moment)
    return anchored


def publish_where_missing(context: Context, anchors: Sequence[Anchor]) -> list[str]:
    """Publish the newest checkpoint in each place that lacks it; returns what went wrong.

    Each place is tried, whatever became of the others.
    """
    if not anchors:
        return []
    with context.read() as connection:
        newest = checkpoints.newest_note(connection)
        done = [] if newest is None else checkpoints.anchors(connection, newest.n)
    if newest is None:
        return []
    wrong = []
    for anchor in anchors:
        try:
            if not _has(anchor, newest, done):
                publish(context, anchor)
        except Exception as error:  # whatever an anchor raises, the next one is tried
            wrong.append(f"{anchor.kind} {anchor.place}: {error}")
    return wrong


def _has(anchor: Anchor, newest: PublishedNote, done: Iterable[Anchored]) -> bool:
    """Whether the place has this very note: two keys may have signed the same seals."""
    tokens = [a.token for a in done if (a.kind, a.place) == (anchor.kind, anchor.place)]
    return any(anchor.check(newest.note, t).state is not AnchorState.FAILS for t in tokens)
