"""A password that a browser remembers goes with whatever a page asks for; forms of others fail."""

from __future__ import annotations

import base64

import pytest

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.auth import Account, BasicAuth, UserHandlingMixin, authenticated
from brubeck.dictshield.fields import StringField
from brubeck.streams import AuthStreamHandler, StreamedDocument
from brubeck.testing import Client
from tests.passwords import CHEAP

LINE = CHEAP.hash("take five")
BASIC = {"Authorization": "Basic " + base64.b64encode(b"dave:take five").decode()}
FORM_TYPES = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:8080"},
)


def basic() -> BasicAuth:
    """Return a scheme that knows dave."""
    account = Account("1", "dave", LINE)
    return BasicAuth(lookup=lambda name: account if name == "dave" else None)


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(AuthStreamHandler):
    """Notes of people with passwords, shown on another origin's pages, too."""

    model = Note
    path = "/notes"
    schemes = (basic(),)
    cors = ("https://app.example",)


class Page(WebMessageHandler, UserHandlingMixin):
    """A form."""

    schemes = (basic(),)

    @authenticated
    def post(self) -> Response:
        """Write something."""
        self.set_status(200)
        return self.render()


def sent(path: str, content_type: str, told: dict[str, str]) -> int:
    """Return the status of a write."""
    client = Client(Brubeck(handler_tuples=[("^/page$", Page)], streams=[Notes]))
    headers = BASIC | told | ({"Content-Type": content_type} if content_type else {})
    return client.post(path, body=b'{"text": "x"}', headers=headers).status


@pytest.mark.parametrize("told", ELSEWHERE)
@pytest.mark.parametrize("content_type", FORM_TYPES)
@pytest.mark.parametrize("path", ["/notes", "/page"])
def test_a_form_of_another_site_writes_nothing(
    path: str, content_type: str, told: dict[str, str]
) -> None:
    """The browser would have sent the password with it, unasked."""
    assert sent(path, content_type, told) == 403


@pytest.mark.parametrize("told", [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "none"}])
def test_programs_and_pages_of_ours_write(told: dict[str, str]) -> None:
    """As they did."""
    assert sent("/notes", "", told) == 201
    assert sent("/notes", "application/json", told) == 201
    assert sent("/page", "text/plain", told) == 200


def test_what_a_browser_asks_for_first_is_for_cors_to_say() -> None:
    """JSON is nothing that a form could send; an origin that is named may send anything."""
    assert sent("/notes", "application/json", {"Origin": "https://other.example"}) == 201
    assert sent("/notes", "", {"Origin": "https://app.example"}) == 201
