"""Word of a briefing by chat, push message and so on, through the library Apprise.

Such services are other firms': a notification says that there is something to read and where, and
neither what nor about whom.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from custledger.core.briefings.content import CustomerBriefing
from custledger.core.briefings.pages import Briefing
from custledger.core.words import count, day_in_words, short_id
from custledger.errors import BadInputError, ExtraNeededError, NotSentError

__all__ = ["notification_of", "notify"]


def notification_of(briefing: Briefing) -> tuple[str, str]:
    """The title and the text that announce a briefing; a customer is named by the short id."""
    if isinstance(briefing, CustomerBriefing):
        whose = short_id(briefing.customer_id)
        about, command = f"about customer {whose}", f"custledger brief --customer {whose}"
    else:
        about, command = f"about {count(len(briefing.customers), 'customer')}", "custledger brief"
    title = f"Briefing for staff, {day_in_words(briefing.as_of)}"
    return title, f"There is a briefing {about}, version {briefing.version}. Read it: {command}"


def notify(briefing: Briefing, services: Sequence[str]) -> int:
    """Announce a briefing through services, given as Apprise's URLs; returns how many took it.

    Needs the extra ``custledger[notify]`` (ExtraNeededError). Raises BadInputError for what is no
    such URL, before anything is sent, and NotSentError naming the services that did not take it. A
    URL may hold a password: messages show none.
    """
    if isinstance(services, str):
        services = (services,)
    senders = [_service(url, number) for number, url in enumerate(services, start=1)]
    if not senders:
        raise BadInputError("Name at least one service, as a URL of Apprise such as ntfy://topic.")
    title, text = notification_of(briefing)
    failed = [sender for sender in senders if not _sent(sender, title, text)]
    if failed:
        names = ", ".join(_shown(sender) for sender in failed)
        took = len(senders) - len(failed)
        raise NotSentError(
            f"{names} did not take the notification; {count(took, 'other')} did. See that the "
            "address and its password are right, then send it there again."
        )
    return len(senders)


def _service(url: str, number: int) -> Any:
    try:
        import apprise
    except ImportError as error:
        raise ExtraNeededError(
            "Notifying by chat and the like needs a package that is not installed. Install it: "
            "pip install 'custledger[notify]'."
        ) from error
    found = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if found is None:
        raise BadInputError(
            f"Service number {number} is no URL that Apprise knows. Write it like ntfy://topic; "
            "its documentation lists all kinds."
        )
    return found


def _sent(sender: Any, title: str, text: str) -> bool:
    # What Apprise logs quotes addresses, and its reasons come back as False.
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        return bool(sender.notify(title=title, body=text))
    finally:
        logger.disabled = before


def _shown(sender: Any) -> str:
    return str(sender.url(privacy=True)).partition("?")[0]
