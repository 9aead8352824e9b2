"""Guards that failed open beside those of the twenty-first attack."""

from __future__ import annotations

import re
from typing import Any

import pytest

from brubeck import Brubeck, Problem, WebMessageHandler, signing
from brubeck.auth import Account, BasicAuth, JWTAuth, UserHandlingMixin, authenticated
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.webhooks import Webhooks
from brubeck.webhooks.documents import Subscription
from brubeck.webhooks.messages import keys_of
from tests.attacks.people import Badge

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
KEY = "a secret of thirty-two bytes, or more"


class Patient(StreamedDocument):
    """An item of which nothing is for the public."""

    _public_fields = ()
    name = StringField()
    diagnosis = StringField()


class Note(StreamedDocument):
    """An item."""

    text = StringField()
    author = StringField()


class Todo(Document):
    """A document of an AutoAPI."""

    title = StringField()


def api_of(**members: Any) -> Client:
    """Return a client of an AutoAPI with these members."""
    app = Brubeck(storage="memory://")
    app.register_api(type("Todos", (AutoAPIBase,), {"model": Todo, **members}))
    return Client(app)


# Fields.


def test_an_empty_list_of_public_fields_shows_none() -> None:
    """It hid nothing, where the document's own methods show nothing."""
    patients: Any = type("Patients", (StreamHandler,), {"model": Patient, "path": "/patients"})
    app = Brubeck(streams=[patients], storage="memory://")
    app.stream(patients).insert({"name": "Ann", "diagnosis": "flu"})
    shown = Client(app).get("/patients").json()["data"][0]
    assert not {"name", "diagnosis"} & shown.keys()


class Shown(StreamedDocument):
    """A document that shows one of its two fields."""

    _public_fields = ["name"]
    name = StringField()
    phone = StringField()


class Phones(StreamedDocument):
    """A document that shows what another one hides."""

    _public_fields = ["phone"]
    phone = StringField()


@pytest.mark.parametrize("bases", [(Shown, Phones), (Phones, Shown)])
def test_what_one_class_does_not_show_no_other_one_shows(bases: tuple[type, ...]) -> None:
    """Of several lists of public fields."""
    model: Any = type("Person", bases, {})
    assert set(model._public_fields) == {"name"}


# Users.


@pytest.mark.parametrize("name", ["active", "is_active", "is_authenticated"])
def test_a_user_who_is_none_any_more_is_none(name: str) -> None:
    """An account that was switched off was let in by a look-up of the program's own."""
    found = type("Found", (), {name: False})()

    class Page(WebMessageHandler, UserHandlingMixin):
        def get_current_user(self) -> Any:
            return found

        @authenticated
        def get(self) -> Any:
            self.set_body("SECRET")
            return self.render()

    client = Client(Brubeck(handler_tuples=[("^/$", Page)]))
    assert client.get("/").status == 401
    found = Account("7", active=False)
    assert client.get("/").status == 401
    found = Account("7")
    assert client.get("/").text == "SECRET"


def test_a_decorator_of_methods_is_for_no_function_of_any_arguments() -> None:
    """Also where an argument that is not used is called so."""

    def report(_app: Any, message: Any) -> None:
        del message

    with pytest.raises(ConfigError, match="is for methods of handlers"):
        authenticated(report)


def test_an_answer_that_a_method_finishes_with_is_the_answer() -> None:
    """A helper that refused so was ignored."""

    class Page(WebMessageHandler):
        def get(self) -> Any:
            self.refuse()
            self.set_body("SECRET")
            return self.render()

        def refuse(self) -> None:
            self.finish(self.render_error(403))

    reply = Client(Brubeck(handler_tuples=[("^/$", Page)])).get("/")
    assert (reply.status, "SECRET" in reply.text) == (403, False)


# Look-ups.


@pytest.mark.parametrize("kind", [JWTAuth, BasicAuth])
def test_a_look_up_that_an_own_init_does_not_hand_over_is_refused(kind: Any) -> None:
    """It is named as one would name it, and nobody called it."""

    def lookup(self: Any, claims: Any) -> None:
        del self, claims

    def forgets(self: Any) -> None:
        kind.__init__(self, KEY, algorithms=["HS256"])

    def hands_over(self: Any) -> None:
        more = {"algorithms": ["HS256"]} if kind is JWTAuth else {}
        kind.__init__(self, KEY, **more, lookup=self.lookup)

    with pytest.raises(ConfigError, match="lookup is never read"):
        type("Sso", (kind,), {"lookup": lookup, "__init__": forgets})
    type("Sso", (kind,), {"lookup": lookup, "__init__": hands_over})()


# An AutoAPI.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("may_read", "owner"), ("may_write", "owner"), ("owned", True), ("read_only", True)),
        *(("schemes", (Badge(),)), ("scopes", {"read": "todo:read"})),
    ],
)
def test_an_autoapi_has_no_rules_of_streams(name: str, value: object) -> None:
    """They were not read, and everybody could write."""
    with pytest.raises(ConfigError, match=f"Todos.{name} protects nothing"):
        api_of(**{name: value})
    if name in ("schemes", "scopes"):
        api_of(**{name: value, "prepare": lambda self: getattr(self, name)})


# Pages of other sites.


def _admit(self: Any, *context: Any) -> None:
    request = context[0].request if context else self.message
    if request.remote_addr != "127.0.0.1":
        raise Problem(403, "From our office alone.")


@pytest.mark.parametrize("guard", ["admit", "prepare", "an AutoAPI"])
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_page_of_another_site_writes_by_no_address(guard: str, kind: str | None) -> None:
    """A browser sends these to anybody, from wherever it stands, without asking first."""
    if guard == "an AutoAPI":
        client, target = api_of(prepare=_admit), "/todo"
    else:
        members = {"model": Note, "path": "/office", guard: _admit}
        office: Any = type("Office", (StreamHandler,), members)
        client, target = Client(Brubeck(streams=[office], storage="memory://")), "/office"
    sent = EVIL if kind is None else EVIL | {"Content-Type": kind}
    assert client.post(target, body=b"{}", headers=sent).status == 403
    assert client.post(target, json={}).status == 201
    assert client.post(target, json={}, headers={"Origin": "http://localhost"}).status == 201


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "X-User", "X-Tenant", "Session"],
)
def test_callers_that_only_a_hook_knows_have_keys_of_their_own(name: str) -> None:
    """One was answered with what another one had written."""

    class Notes(StreamHandler):
        model = Note
        path = "/notes"

        def admit(self, context: Any) -> None:
            self.user = context.request.header(name)

        def before_create(self, context: Any, document: Any) -> None:
            del context
            document.author = self.user

    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    written = [
        client.post("/notes", json={}, headers={name: each, "Idempotency-Key": "1"}).json()["data"]
        for each in ("ann", "bob", "ann")
    ]
    assert [each["author"] for each in written] == ["ann", "bob", "ann"]
    assert written[0] == written[2]


# Webhooks.


def test_a_hook_in_place_of_that_of_webhooks_calls_it() -> None:
    """Without it a subscription had no limit, no check of its URL and no secret."""

    def replaces(self: Any, context: Any, document: Any) -> None:
        del self, context, document

    def calls(self: Any, context: Any, document: Any) -> None:
        Webhooks.before_create(self, context, document)

    notes = type("Notes", (StreamHandler,), {"model": Note, "path": "/notes"})
    members = {"sources": (notes,), "schemes": (Badge(),)}
    with pytest.raises(ConfigError, match="replaces that of Webhooks"):
        type("Hooks", (Webhooks,), {**members, "before_create": replaces})
    type("Hooks", (Webhooks,), {**members, "before_create": calls})


@pytest.mark.parametrize("secret", [None, ""])
def test_a_message_is_signed_with_a_secret_or_not_sent(secret: str | None) -> None:
    """Anybody could have signed one with an empty key."""
    with pytest.raises(ValueError, match="no secret"):
        keys_of(Subscription(id="a", secret=secret), 0)


# Rules and keys.


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        *((True, 200), (False, 404), (None, 404), (re.match("a", "a"), 200)),
        *(((False, "archived"), 500), ("no", 500), (NotImplemented, 500), (1, 500)),
    ],
)
def test_a_rule_of_partitions_says_yes_or_no(answer: object, status: int) -> None:
    """A pair with its reason was a "yes"."""
    members = {"model": Note, "path": "/<room>", "partitions": staticmethod(lambda _: answer)}
    rooms: Any = type("Rooms", (StreamHandler,), members)
    assert Client(Brubeck(streams=[rooms], storage="memory://")).get("/a").status == status


def test_a_text_is_one_key() -> None:
    """Its first letter was."""
    signed = signing.sign({"user": "ann"}, "correct horse", purpose="p")
    assert signing.unsign(signed, ["correct horse"], purpose="p") == {"user": "ann"}
    with pytest.raises(signing.BadSignature):
        signing.unsign(signed, "c", purpose="p")
