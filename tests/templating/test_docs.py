"""The page on templates is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.testing import Client

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
HTML = re.findall(r"^```html\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_programs_answer_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, each going on from the one before."""
    (tmp_path / "templates").mkdir()
    for name, text in zip(("success.html", "errors.html"), HTML, strict=True):
        (tmp_path / "templates" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {"__name__": "shown"}

    def client(code: str) -> Client:
        exec(code, known)
        app = known["app"]
        assert isinstance(app, Brubeck)
        return Client(app)

    first, function, errors = PYTHON
    asked = client(first)
    assert asked.get("/brubeck").text == "<h1>Take five, J2 D2!</h1>"
    assert asked.get("/brubeck?name=<b>").text == "<h1>Take five, &lt;b&gt;!</h1>"
    assert asked.post("/brubeck").text.startswith("<h1>405 Method Not Allowed</h1>")
    assert client(function).get("/function").text == "<h1>Take five, Paul!</h1>"
    reply = client(errors).get("/nowhere")
    assert reply.status == 404
    assert reply.text == "<h1>404 Not Found</h1>\n<p>No resource exists at /nowhere.</p>"
