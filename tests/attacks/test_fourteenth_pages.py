"""The fourteenth attack: links of HTML pages that repeat the parameters of the request."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.testing import Client

HTML = {"Accept": "text/html"}
LONG = 60_000
"""Nearly the longest head of a request."""
PLAIN = 150_000
"""The bytes of a page with the shortest parameters, at most."""
NAMES = [f"kind_{letter}" for letter in "abcdefgh"]
HOSTILE = "\"'><script>alert(1)</script>"


class Note(StreamedDocument):
    """An item with fields of few values, which have facets, and a position."""

    kind_a = StringField()
    kind_b = StringField()
    kind_c = StringField()
    kind_d = StringField()
    kind_e = StringField()
    kind_f = StringField()
    kind_g = StringField()
    kind_h = StringField()
    text = StringField()
    size = FloatField()


class Notes(StreamHandler):
    """A public stream with many filters."""

    model = Note
    path = "/notes"
    filters = (*NAMES, "kind_b__in", "text", "text__in", "size", "size__gte")


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a client of a program with some items."""
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    items = [
        {name: f"value {(number + at) % 12}" for at, name in enumerate(NAMES)}
        for number in range(40)
    ]
    for number, item in enumerate(items):
        sent = item | {"text": "é" * (LONG // 6) if number % 2 else "short"}
        assert client.post("/notes", json=sent).status == 201
    return client


PARAMETERS = {
    "columns": "fields=" + ",".join(["text"] * (LONG // 5)),
    "a value": "text=" + quote("é" * (LONG // 6)),
    "values": "&".join(f"text__in={at}{'x' * 1000}" for at in range(49)),
    "bounds": "since=2018-01-01T00:00:00Z&fields=" + "size," * 10_000 + "text",
    "encoded": "fields=" + "%74%65%78%74%2C" * (LONG // 15) + "text",
}


@pytest.mark.parametrize("query", PARAMETERS.values(), ids=PARAMETERS)
def test_a_page_does_not_repeat_long_parameters_for_each_link(client: Client, query: str) -> None:
    """Each value and each bar had a link with all of them: 10 MB for a URL of 64 KB."""
    answer = client.get(f"/notes?limit=1&{query}", headers=HTML)
    assert answer.status == 200
    assert len(answer.body) < PLAIN + 25 * len(query)


@pytest.mark.parametrize("query", ["", "kind_b__in=value+2&kind_b__in=value+3"])
def test_a_page_has_its_links_where_the_parameters_are_short(client: Client, query: str) -> None:
    """As any reader has them."""
    page = client.get(f"/notes?{query}", headers=HTML).body.decode()
    assert "kind_c=value%20" in page
    assert page.count('aria-label="Without ') == len(query.split("&")) * bool(query)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/notes?{name}={{}}" for name in ("text", "text__in", "size", "fields", "since", "x")),
        *(
            "/notes?order={}",
            "/notes?bbox={}",
            "/notes?before={}",
            "/notes?{}=1",
            "/notes?limit={}",
        ),
        *("/notes/{}", "/{}", "/notes?remember=yes&fields=text&x={}"),
    ],
)
def test_no_parameter_becomes_markup(client: Client, path: str) -> None:
    """Neither in a page nor in that of an error, nor in where a form leads."""
    answer = client.get(path.format(quote(HOSTILE, safe="")), headers=HTML)
    assert answer.status in (200, 303, 400, 404)
    assert b"<script>alert" not in answer.body
    assert not answer.headers.get("location", "/").startswith("//")


@pytest.mark.parametrize(
    "cookie", [f"columns={quote(HOSTILE)}", "columns=" + "text." * 9000, "columns=%2e%ff; columns="]
)
def test_no_cookie_of_columns_is_more_than_columns(client: Client, cookie: str) -> None:
    """It names fields that the stream has, or nothing."""
    answer = client.get("/notes", headers=HTML | {"Cookie": cookie})
    assert answer.status == 200
    assert b"<script>alert" not in answer.body
    assert len(answer.body) < PLAIN
