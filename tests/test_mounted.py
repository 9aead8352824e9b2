"""A program below a prefix: routes match what comes after it, and every link has it in front."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults

import pytest

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client

PREFIXES = ["", "/app", "/a/b", "/caf%C3%A9"]
TYPES = [
    "application/json",
    "text/html",
    "application/atom+xml",
    "application/feed+json",
]


class Visit(WebMessageHandler):
    """Sets a cookie."""

    def get(self) -> Response:
        """Return a page with a cookie."""
        self.set_cookie("seen", "yes")
        self.set_body("hello")
        return self.render()


class Task(Document):
    """A document of an AutoAPI."""

    title = StringField()

    class Meta:
        id_field = StringField


def program() -> Brubeck:
    """Return a program with a stream, one of partitions, an AutoAPI and a page."""
    streams = [
        type("Notes", (StreamHandler,), {"model": StreamedDocument, "path": "/notes"}),
        type("Posts", (StreamHandler,), {"model": StreamedDocument, "path": "/u/<who>/posts"}),
    ]
    app = Brubeck(handler_tuples=[("^/visit$", Visit)], streams=streams)
    app.register_api(type("Tasks", (AutoAPIBase,), {"model": Task}))
    return app


class Mounted:
    """A client of a program that a WSGI server, or a proxy, has mounted below a prefix."""

    def __init__(self, prefix: str, how: str) -> None:
        self.prefix, self.how = prefix, how
        self.app = program()
        self.app.configure(server={"trusted_proxies": "127.0.0.1"})

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        """Return status, headers and body."""
        path, _, query = path.partition("?")
        name = self.prefix.encode().decode()
        if self.how == "proxy":
            headers["X-Forwarded-Prefix"], name = self.prefix, ""

        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": unquote_to_bytes(name).decode("latin-1"),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
            "wsgi.input": io.BytesIO(body),
        }
        environ |= {f"HTTP_{key.upper().replace('-', '_')}": each for key, each in headers.items()}
        setup_testing_defaults(environ)
        started: list[Any] = []
        chunks = self.app.wsgi(environ, lambda *each: started.append(each))
        return int(started[0][0][:3]), dict(started[0][1]), b"".join(chunks).decode()


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("how", ["wsgi", "proxy"])
def test_every_link_leads_back(prefix: str, how: str) -> None:
    """Pages in each shape, items, changes, an AutoAPI, cookies and the description."""
    here = Mounted(prefix, how)
    for path in ("/notes", "/u/ella/posts"):
        for number in range(3):
            status, headers, _ = here.ask("POST", path, b'{"id":"n%d"}' % number)
            assert (status, headers["Location"]) == (201, f"{prefix}{path}/n{number}")
        status, headers, text = here.ask("GET", f"{path}?limit=1")
        paging = json.loads(text)["paging"]
        assert status == 200
        assert paging["next"].startswith(f"{prefix}{path}?")
        assert paging["changes"].startswith(f"{prefix}{path}/changes?")
        after = paging["changes"].removeprefix(prefix)
        assert here.ask("GET", after)[0] == 200
        assert here.ask("GET", paging["next"].removeprefix(prefix))[0] == 200
        for kind in TYPES:
            status, headers, text = here.ask("GET", f"{path}?limit=1", Accept=kind)
            assert status == 200
            for link in re.findall(r"[\"\x27>](?:http://127\.0\.0\.1)?(/[^\"\x27<>]*)", text):
                if link.startswith(("/notes", "/u/")):
                    assert prefix == "", f"{kind}: {link}"
        gone = json.loads(here.ask("GET", f"{path}/changes?after=5~gone")[2])
        assert gone["restart"] == f"{prefix}{path}"
    status, headers, _ = here.ask("POST", "/task", b'{"id":"a","title":"x"}')
    assert (status, headers["Location"]) == (201, f"{prefix}/task/a")
    cookie = here.ask("GET", "/visit")[1]["Set-Cookie"]
    assert f"Path={prefix or '/'};" in cookie
    described = json.loads(here.ask("GET", "/openapi.json")[2])
    assert described.get("servers") == [{"url": prefix or "/"}]
    assert here.ask("GET", f"{prefix}/notes" if prefix else "/none")[0] == 404


def test_a_page_that_is_kept_has_the_links_of_its_prefix() -> None:
    """The same program may be reached under two prefixes at once."""
    here, there = Mounted("/one", "wsgi"), Mounted("/two", "wsgi")
    there.app = here.app
    for number in range(3):
        here.ask("POST", "/notes", b'{"id":"n%d"}' % number)
    for _ in range(3):
        for each in (here, there):
            paging = json.loads(each.ask("GET", "/notes?limit=1")[2])["paging"]
            assert paging["next"].startswith(each.prefix)


def test_nobody_else_names_a_prefix() -> None:
    """A header from a stranger is not believed."""
    reply = Client(program()).get("/notes", headers={"X-Forwarded-Prefix": "/evil"})
    assert "/evil" not in reply.text
