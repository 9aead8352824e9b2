"""The documentation at ``/docs``: offline, in a browser, with what handlers do, too."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from brubeck import Brubeck, Response, WebMessageHandler, render
from brubeck.dictshield.fields import StringField
from brubeck.routing import path_template
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.servers.browser import person, running_chromium
from tests.servers.programs import Program, brubeck_run


class Quake(StreamedDocument):
    """An item."""

    place = StringField()


class Quakes(StreamHandler):
    """A stream."""

    model = Quake
    path = "/quakes"


class Greeting(WebMessageHandler):
    """Greet people."""

    def get(self, name: str) -> Response:
        """Greet somebody by name.

        Without an umlaut.
        """
        self.set_body(f"Hello, {name}")
        return self.render()

    def post(self, name: str) -> Response:
        return self.get(name)


def take(_application: object, _message: object) -> Response:
    """Take five."""
    return render("five", 200, "OK", {})


def program() -> Brubeck:
    """Return a program with a stream, a handler and a function."""
    routes = [(r"^/greetings/(?P<name>[^/]+)$", Greeting), (r"^/(?:a|b)x", Greeting)]
    made = Brubeck(streams=[Quakes], handler_tuples=routes, storage="memory://")
    made.add_route("^/take$", method=["GET", "POST"])(take)
    return made


app = program()


def test_handlers_and_functions_are_described() -> None:
    """By their docstrings, with the arguments of the pattern; odd patterns are left out."""
    found = Client(program()).get("/openapi.json").json()
    validate(found)
    greeting = found["paths"]["/greetings/{name}"]
    assert greeting["get"]["summary"] == "Greet somebody by name."
    assert greeting["get"]["description"] == "Without an umlaut."
    assert greeting["post"]["summary"] == "Greet people."
    assert [each["name"] for each in greeting["parameters"]] == ["name"]
    assert set(found["paths"]["/take"]) == {"get", "post"}
    assert found["paths"]["/take"]["post"]["summary"] == "Take five."
    assert not [path for path in found["paths"] if "docs" in path or path[-1] == "x"]


def test_a_program_without_streams_shows_nothing() -> None:
    """It has not asked for it."""
    client = Client(Brubeck(handler_tuples=[("^/$", Greeting)]))
    assert client.get("/docs").status == client.get("/openapi.json").status == 404


def test_a_route_of_ones_own_comes_first() -> None:
    """Whichever was added first."""
    made = program()
    made.add_route("^/docs$")(take)
    assert Client(made).get("/docs").text == "five"


@pytest.mark.parametrize("name", ["", "/start.js", "/swagger-ui-bundle.js", "/swagger-ui.css"])
def test_each_file_is_there_plain_and_compressed(name: str) -> None:
    """With a tag of its own, and a policy that lets nothing in from elsewhere."""
    client = Client(program())
    plain = client.get(f"/docs{name}")
    packed = client.get(f"/docs{name}", headers={"Accept-Encoding": "gzip"})
    assert plain.status == packed.status == 200
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["ETag"] != packed.headers["ETag"]
    known = {"If-None-Match": plain.headers["ETag"]}
    assert client.get(f"/docs{name}", headers=known).status == 304
    assert "default-src 'none'" in plain.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["/", "/LICENSE", "/../served.py", "/x.js", "/start.js/"])
def test_nothing_else_is_there(name: str) -> None:
    """Only the page and its files."""
    assert Client(program()).get(f"/docs{name}").status == 404


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^/$", ("/", [])),
        (r"^/v1\.0/x$", ("/v1.0/x", [])),
        (r"^/x/(?P<a>[^/]+)/y/(?P<b>\d+)$", ("/x/{a}/y/{b}", ["a", "b"])),
        (r"^/x/((a|b)+)$", ("/x/{argument1}", ["argument1"])),
        (r"^/x/?$", ("/x", [])),
        (r"^/x/(?P<a>\w+)?$", None),
        (r"^/x|/y$", None),
        (r"^/x/.*$", None),
        (r"^/x/[a-z]$", None),
        (r"^/(?:x|y)$", None),
        (r"^/x\d$", None),
    ],
)
def test_a_pattern_for_people(pattern: str, expected: Any) -> None:
    """Or None, where it stands for more than one path."""
    assert path_template(pattern) == expected


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    """Yield the program as it is served."""
    with brubeck_run("tests.description.test_viewer:app") as running:
        yield running


def test_a_person_tries_an_operation_out(server: Program) -> None:
    """In a browser that reaches nobody else, without an error in its console."""
    complaints: list[str] = []
    asked: set[str] = set()
    with running_chromium() as browser, person(browser) as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"http://127.0.0.1:{server.port}/docs")
        page.wait_for_selector("html[data-ready]")
        page.get_by_text("Greet somebody by name.").first.click()
        page.get_by_placeholder("name").fill("Ella")
        page.get_by_role("button", name="Execute").first.click()
        page.wait_for_selector("text=Hello, Ella")
    assert complaints == []
    own = (f"http://127.0.0.1:{server.port}/", "data:")
    assert [url for url in asked if not url.startswith(own)] == []
