"""Word of a briefing by Apprise, to a real HTTP server: that there is one, and not what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from custledger.core.briefings.content import CustomerBriefing
from custledger.edges.notifying import notification_of, notify
from custledger.errors import BadInputError, NotSentError
from tests.core.briefing_cases import cases

# What Apprise imports of the standard library is its matter.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CASES = cases()
SECRET = "opensesame"


class Service(HTTPServer):
    """Takes notifications as JSON; answers with a status."""

    def __init__(self) -> None:
        self.status, self.taken = 200, list[Any]()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"json://olga:{SECRET}@127.0.0.1:{self.server_port}/staff"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


def test_service_is_told_that_there_is_a_briefing_and_where(service: Service) -> None:
    team, customer = CASES["team-both"], CASES["customer-conduct"]
    assert notify(team, [service.url]) == 1
    assert notify(customer, service.url) == 1
    told = [(one["title"], one["message"]) for one in service.taken]
    assert told == [
        (
            "Briefing for staff, 30 June 2026",
            f"There is a briefing about 2 customers, version {team.version}. "
            "Read it: custledger brief",
        ),
        (
            "Briefing for staff, 30 June 2026",
            f"There is a briefing about customer aaaaaaaa, version {customer.version}. "
            "Read it: custledger brief --customer aaaaaaaa",
        ),
    ]


@pytest.mark.parametrize("name", CASES)
def test_notification_names_nobody_and_says_nothing_of_what_is_known(name: str) -> None:
    briefing = CASES[name]
    text = " ".join(notification_of(briefing))
    told = (briefing,) if isinstance(briefing, CustomerBriefing) else briefing.customers
    for customer in told:
        assert customer.name not in text
        for line in (*customer.known, *customer.dealing):
            assert line not in text
    assert len(text) < 200


def test_service_that_does_not_take_it_is_named_without_its_password(service: Service) -> None:
    service.status = 500
    with pytest.raises(NotSentError, match=r"json://olga:.*0 others did") as told:
        notify(CASES["team-both"], [service.url])
    assert SECRET not in str(told.value)


def test_what_is_no_service_is_refused_before_anything_is_sent(service: Service) -> None:
    for bad in ("", "nonsense", f"nonsense://olga:{SECRET}@host"):
        with pytest.raises(BadInputError, match="number 2 is no URL") as told:
            notify(CASES["team-both"], [service.url, bad])
        assert SECRET not in str(told.value)
    with pytest.raises(BadInputError, match="at least one service"):
        notify(CASES["team-both"], [])
    assert service.taken == []


def test_without_the_extra_it_is_said_what_to_install() -> None:
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        "from custledger.edges.notifying import notify\n"
        "from tests.core.briefing_cases import cases\n"
        "from custledger.errors import ExtraNeededError\n"
        "try:\n    notify(cases()['team-both'], ['json://localhost'])\n"
        "except ExtraNeededError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "Notifying by chat and the like needs a package that is not installed. Install it: pip "
        "install 'custledger[notify]'.\n"
    )
