"""Documents as HTML forms: values, errors, and nothing unescaped."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    ListField,
    MillisecondField,
    StringField,
    TimeStampField,
)
from brubeck.dictshield.forms import Form, FormPunch

EVIL = "\"'><script>alert(1)</script>&"


class Author(EmbeddedDocument):
    """Somebody who writes."""

    name = StringField(required=True)


class Something(Document):
    """A document with an input of every kind."""

    _private_fields = ["owner"]
    owner = StringField()
    title = StringField(max_length=40, required=True)
    password = StringField()
    mood = StringField(choices=["blue", EVIL])
    done = BooleanField()
    weight = FloatField(min_value=0)
    tags = ListField(StringField())
    free = DictField()
    made = MillisecondField()
    author = EmbeddedDocumentField(Author)


class _Seen(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> dict[str, str | None]:
        return next(attrs for _, attrs in self.tags if attrs.get("name") == name)


def test_a_blank_form_has_a_line_for_each_visible_field() -> None:
    """Internal and private fields are left out; each field has the input that fits it."""
    seen = _Seen(Form(Something).as_div())
    kinds = {attrs["name"]: attrs.get("type", tag) for tag, attrs in seen.tags if "name" in attrs}
    assert kinds == {
        "title": "text",
        "password": "password",
        "mood": "select",
        "done": "checkbox",
        "weight": "number",
        "tags": "textarea",
        "free": "textarea",
        "made": "text",
        "author.name": "text",
    }
    assert seen.named("title") == {
        "type": "text",
        "name": "title",
        "maxlength": "40",
        "required": None,
    }
    assert seen.named("weight")["min"] == "0"


@pytest.mark.parametrize("how", ["as_p", "as_div"])
def test_values_are_shown_and_escaped(how: str) -> None:
    """No value, choice, class name or error can become markup."""
    something = Something(
        title=EVIL, mood=EVIL, done=True, tags=[EVIL], free={EVIL: EVIL}, author={"name": EVIL}
    )
    html = getattr(Form(Something), how)(
        something, EVIL, input_class=EVIL, errors=[("/title", EVIL), ("/author/name", EVIL)]
    )
    seen = _Seen(html)
    assert "<script" not in html
    assert seen.named("title")["value"] == EVIL
    assert seen.named("author.name")["value"] == EVIL
    assert ("option", {"value": EVIL, "selected": None}) in seen.tags
    assert "checked" in seen.named("done")
    assert seen.named("title")["class"] == EVIL
    assert seen.text.count(EVIL) >= 4


def test_private_fields_are_left_out_of_lists_of_documents_too() -> None:
    """A list of documents is shown as its owner may see it, moments as JSON has them."""

    class Shift(EmbeddedDocument):
        _private_fields = ["secret"]
        begun = TimeStampField()
        secret = StringField()

    class Week(Document):
        shifts = ListField(EmbeddedDocumentField(Shift))
        mixed = ListField([EmbeddedDocumentField(Shift), StringField()])

    shift = {"begun": 60, "secret": "hunter2"}
    values = {"shifts": [shift], "mixed": [shift, "a"]}
    for given in (values, Week(**values)):
        seen = _Seen(Form(Week).as_p(given))
        assert "hunter2" not in seen.text
        assert seen.text.count('[{"begun":60}') == 2


@pytest.mark.parametrize(
    "value",
    [5, [], object(), {1: 2}, 10**5000, float("nan")],
    ids=lambda value: type(value).__name__,
)
def test_a_form_shows_whatever_it_is_given(value: object) -> None:
    """Values that fit no field do not break the form that is to show what is wrong with them."""
    names = ("title", "password", "mood", "done", "weight", "tags", "free", "made", "author")
    something = Something(**dict.fromkeys(names, value))
    for given in (something, dict.fromkeys(names, value)):
        assert Form(Something).as_p(given).count("<p>") == 9


def test_a_password_is_never_shown() -> None:
    """What was typed into a password field does not come back."""
    assert "hunter2" not in Form(Something).as_p({"password": "hunter2"})


def test_errors_stand_at_their_fields() -> None:
    """A caught exception puts each of its sentences beside the input it is about."""
    values = {"title": "", "weight": "heavy", "tags": [5], "author": {"name": ""}}
    with pytest.raises(ShieldException) as caught:
        Something.from_python(values)
    html = Form(Something).as_div(values, errors=caught.value)
    seen = _Seen(html)
    for name in ("title", "weight", "tags", "author.name"):
        assert seen.named(name)["aria-invalid"] == "true"
        assert seen.named(name)["aria-describedby"] == f"{name}-errors"
    assert seen.text.count("This field is required.") == 2
    assert seen.named("weight")["value"] == "heavy"
    assert "aria-invalid" not in seen.named("made")


def test_a_form_can_be_styled_and_cut() -> None:
    """Classes go where they are asked for, and fields can be skipped or unhidden."""
    form = Form(Something, private_fields=["title"], name_map={"owner": "hidden"})
    seen = _Seen(form.as_div(None, "row", "label", "value", skip_fields=["author", "mood"]))
    assert seen.tags[0] == ("div", {"class": "row"})
    assert seen.tags[1] == ("label", {"class": "label"})
    assert seen.named("owner") == {"class": "value", "type": "hidden", "name": "owner"}
    assert "title" not in {attrs.get("name") for _, attrs in seen.tags}


def test_a_form_is_for_its_own_class() -> None:
    """A document of another class, or no class at all, is refused."""
    with pytest.raises(FormPunch):
        Form(Something).as_p(Author())
    with pytest.raises(FormPunch):
        Form(int)  # type: ignore[arg-type]
