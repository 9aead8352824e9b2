"""Forms of items as a browser sends them: a field that nobody touches stays byte for byte."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.dictshield.fields import DictField, ListField, StringField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.explorer.notes import BROWSER

CHOICES: Final = ["a", " b", "c  d", "e ", "\tf", "g\nh", "i\r\nj", "k\rl", "<&\">'"]


class Text(StreamedDocument):
    """Texts with every kind of input."""

    touched = StringField(max_length=9)
    line = StringField(max_length=100)
    text = StringField()
    choice = StringField(choices=CHOICES)
    more = DictField()
    rows = ListField(StringField())


class Texts(StreamHandler):
    """Texts."""

    model = Text
    path = "/texts"


class Form(HTMLParser):
    """The form of an item with its values, read as HTML says (4.10.5, 4.10.7, 4.10.10, 4.10.11)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._name = ""
        self._text = ""
        self._option: dict[str, str | None] = {}
        self._inside = False
        # The preprocessing of the input stream knows one line end.
        self.feed(_one_line_end(page))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an input's value, or begin one that has it inside."""
        found = dict(attrs)
        if tag == "form":
            self._inside = found.get("class") == "document"
        elif self._inside and tag == "input":
            self.values[found["name"] or ""] = re.sub(r"[\r\n]", "", found["value"] or "")
        elif self._inside and tag in ("textarea", "select"):
            self._name, self._text = found["name"] or "", ""
        elif tag == "option":
            self._option, self._text = found, ""

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        """Note the value of what ends."""
        if not self._inside:
            return
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self.values[self._name] = _one_line_end(self._text.removeprefix("\n"))
        elif tag == "option" and (self._name not in self.values or "selected" in self._option):
            stripped = " ".join(re.split(r"[\t\n\f\r ]+", self._text)).strip()
            value = self._option.get("value", stripped)
            self.values[self._name] = value or ""

    def sent(self, **changed: str) -> str:
        """Return the body of the form: every line end in it is CR LF (HTML, 4.10.21.8)."""
        pairs = self.values | {f"item.{name}": value for name, value in changed.items()}
        return urlencode(
            {name: _one_line_end(value).replace("\n", "\r\n") for name, value in pairs.items()}
        )


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def submitted(client: Client, item_id: str, **changed: str) -> int:
    """Open an item's form, change some fields, save it, and return the status."""
    form = Form(client.get(f"/texts/{item_id}").text)
    headers = BROWSER | {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    return client.post("/texts", body=form.sent(**changed), headers=headers).status


TEXTS = st.text(st.sampled_from("ab \t\r\n\f\x0b\x1c\x85\u2028\ufeff'\"<&"), max_size=12)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "line": TEXTS,
        "text": TEXTS,
        "choice": st.sampled_from(CHOICES),
        "more": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "rows": st.lists(TEXTS, max_size=2),
    },
)


@given(DOCUMENTS)
def test_a_field_that_nobody_touches_stays(document: dict[str, Any]) -> None:
    """Whatever line ends and spaces it has; the field that is changed is changed."""
    app = Brubeck(streams=[Texts], storage="memory://")
    stream, client = app.stream(Texts), Client(app, BROWSER)
    stream.insert({"id": "t", "touched": "1", **document})
    before: Any = stream.get("t")
    assert submitted(client, "t", touched="2") == 303
    after: Any = stream.get("t")
    assert after.touched == "2"
    after.touched, after.updated_at = before.touched, before.updated_at
    assert after.encode() == before.encode()


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_can_be_saved(choice: str) -> None:
    """Also one with spaces that a browser leaves out of what it shows."""
    app = Brubeck(streams=[Texts], storage="memory://")
    stream, client = app.stream(Texts), Client(app, BROWSER)
    stream.insert({"id": "t", "choice": "a"})
    assert submitted(client, "t", choice=choice) == 303
    found: Any = stream.get("t")
    assert found.choice == choice


def test_a_text_that_is_changed_has_the_line_ends_of_json() -> None:
    """And is shown to have changed where another writer was first."""
    app = Brubeck(streams=[Texts], storage="memory://")
    stream, client = app.stream(Texts), Client(app, BROWSER)
    stream.insert({"id": "t", "line": "a\rb", "text": "x\ry"})
    assert submitted(client, "t", line="a\rbc") == 303
    found: Any = stream.get("t")
    assert (found.line, found.text) == ("a\nbc", "x\ry")
