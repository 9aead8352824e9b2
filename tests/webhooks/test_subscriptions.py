"""Subscriptions over HTTP: made, listed, changed, by their owners alone."""

from __future__ import annotations

from base64 import b64encode
from importlib import import_module
from typing import Any

import pytest
from openapi_spec_validator import validate

from brubeck import Brubeck
from brubeck.auth import JWTAuth
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.streams import SharedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.webhooks import Subscription, Webhooks, deliver
from brubeck.webhooks.connection import WebhooksConnection
from tests.webhooks.programs import SCHEMES, Bulletins, Hooked, Journal, Quake, Quakes

jsonschema = import_module("jsonschema")
URL = "https://example.com/hook"


@pytest.fixture(scope="module")
def hooked() -> Hooked:
    """Return a program with webhooks as they are in production."""
    return Hooked(allow_private=False)


@pytest.fixture(scope="module")
def ella(hooked: Hooked) -> Client:
    """Return a client of a user."""
    return hooked.user()


def test_a_secret_is_in_no_answer_but_that_of_its_own_path(hooked: Hooked, ella: Client) -> None:
    """Not in pages, items, changes, exports, HTML; nor in what it answers to a new one."""
    answer = ella.post(hooked.path, json={"url": URL, "stream": hooked.source.path})
    hook = answer.json()["data"]["id"]
    secret = hooked.secret(ella, hook)
    assert secret.startswith("whsec_")
    found = [answer.body]
    paths = ("", f"/{hook}", "/changes", "/changes?after=0", ".csv", ".ndjson", "/deliveries")
    found += [ella.get(f"{hooked.path}{each}").body for each in paths]
    html = {"Accept": "text/html"}
    found += [ella.get(f"{hooked.path}{each}", headers=html).body for each in ("", f"/{hook}")]
    for body in found:
        assert secret.encode() not in body
        assert b'"secret":' not in body
        assert b"start_cursor" not in body
    assert ella.get(f"{hooked.path}/{hook}/secret").headers["Cache-Control"] == "no-store"
    assert ella.post(hooked.path, json={"secret": "whsec_", "url": URL}).status == 422


def test_a_subscription_of_another_owner_is_not_there(hooked: Hooked, ella: Client) -> None:
    """Neither to read nor to act upon; nor without credentials."""
    hook, joe = hooked.subscribe(ella, URL), hooked.user("joe")
    for client, status in ((joe, 404), (Client(hooked.app), 401)):
        assert client.get(f"{hooked.path}/{hook}").status == status
        assert client.get(f"{hooked.path}/{hook}/secret").status == status
        for action in ("rotate", "test", "redeliver"):
            assert client.post(f"{hooked.path}/{hook}/{action}", json={"since": 0}).status == status
    assert joe.get(hooked.path).json()["data"] == []
    assert hooked.stored(hook).test is None
    assert ella.get(f"{hooked.path}/{hook}/rotate").status == 405
    assert ella.post(f"{hooked.path}/no-such-hook/rotate").status == 404
    ella.delete(f"{hooked.path}/{hook}")
    assert ella.post(f"{hooked.path}/{hook}/rotate").status == 410


def test_a_reader_of_a_shared_subscription_does_not_act_on_it() -> None:
    """A model of the program may have readers; the secret is the owner's."""

    class Shared(Subscription, SharedDocument):
        """A subscription that others may see."""

    hooked = Hooked(model=Shared)
    ella, joe = hooked.user(), hooked.user("joe")
    joe_id = joe.user.id  # type: ignore[attr-defined]
    hook = hooked.subscribe(ella, URL, readers=[joe_id])
    assert joe.get(f"{hooked.path}/{hook}").status == 200
    assert joe.get(f"{hooked.path}/{hook}/secret").status == 403
    assert joe.post(f"{hooked.path}/{hook}/rotate").status == 403


def test_a_page_of_another_site_acts_on_nothing(hooked: Hooked, ella: Client) -> None:
    """A browser sends the password of a user along, whoever wrote the form."""
    hook = hooked.subscribe(ella, URL)
    name = ella.user.username  # type: ignore[attr-defined]
    hooked.app.accounts.users.set_password(name, "pass it on")
    basic = b64encode(f"{name}:pass it on".encode()).decode()
    browser = Client(hooked.app, {"Authorization": f"Basic {basic}"})
    foreign = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    for action in ("rotate", "test", "redeliver"):
        path = f"{hooked.path}/{hook}/{action}"
        assert browser.post(path, body=b'{"since":0}', headers=foreign).status == 403
        assert browser.post(path, json={"since": 0}).status in (200, 202)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.com/", "begins with https"),
        ("ftp://example.com/", "begins with https"),
        ("https://ella:pass@example.com/", "no user name"),
        ("https://example.com/#part", "no user name, no password and no fragment"),
        ("https:///path", "name of a host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "is no URL"),
        ("https://example.com/\r\nHost: a", "ASCII"),
        ("https://exämple.com/", "ASCII"),
        ("https://127.0.0.1/", "private"),
        ("https://localhost/", "private"),
        ("https://a.localhost./", "private"),
        ("https://metadata.google.internal/", "private"),
        ("https://169.254.169.254/latest/meta-data/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://[64:ff9b::10.0.0.1]/", "private"),
    ],
)
def test_a_url_that_nothing_may_be_sent_to_is_refused(
    hooked: Hooked, ella: Client, url: str, rule: str
) -> None:
    """When the subscription is made, and when it is changed."""
    answer = ella.post(hooked.path, json={"url": url, "stream": hooked.source.path})
    assert answer.status == 422
    assert rule in answer.json()["errors"][0]["detail"]
    hook = hooked.subscribe(ella, URL)
    assert ella.patch(f"{hooked.path}/{hook}", json={"url": url}).status == 422


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"stream": "/elsewhere"}, "/stream"),
        ({"partition": "a"}, "/partition"),
        ({"query": "depth=3"}, "/query"),
        ({"query": "magnitude__gte=strong"}, "/query"),
        ({"query": "after=0"}, "/query"),
        ({"events": ["update"]}, "/events"),
        ({"start": "yesterday"}, "/start"),
        ({"secret": "whsec_a"}, "/secret"),
    ],
)
def test_a_subscription_that_could_get_nothing_is_refused(
    hooked: Hooked, ella: Client, fields: dict[str, Any], pointer: str
) -> None:
    """The error names the field."""
    body = {"url": URL, "stream": hooked.source.path, **fields}
    answer = ella.post(hooked.path, json=body)
    assert answer.status == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_what_the_server_sets_is_ignored_and_what_is_fixed_is_refused(
    hooked: Hooked, ella: Client
) -> None:
    """The state of the attempts is not the caller's to write."""
    hook = hooked.subscribe(ella, URL, failures=7, disabled_at=1)
    assert hooked.stored(hook).failures is None
    answer = ella.patch(f"{hooked.path}/{hook}", json={"failures": 7, "description": "mine"})
    assert answer.status == 200
    assert "failures" not in answer.json()["data"]
    for fixed in ({"stream": "/other"}, {"partition": "a"}, {"start": "beginning"}):
        assert ella.patch(f"{hooked.path}/{hook}", json=fixed).status == 422


def test_a_time_to_redeliver_from_is_a_time_that_has_been(hooked: Hooked, ella: Client) -> None:
    """Anything else is a 422 or, where it is no JSON, a 400."""
    path = f"{hooked.path}/{hooked.subscribe(ella, URL)}/redeliver"
    for since in ("yesterday", True, None, 253_402_300_799_000, "9999-01-01T00:00:00Z", -(10**30)):
        assert ella.post(path, json={"since": since}).status == 422, since
    wrong: list[Any] = [{}, [], {"since": 0, "until": 1}]
    for body in wrong:
        assert ella.post(path, json=body).status == 422
    assert ella.post(path, body=b"{").status == 400
    for since in ("now", 0, -1, "2026-01-01T00:00:00Z", 1_517_966_773_840):
        assert ella.post(path, json={"since": since}).status == 202, since


def test_a_caller_has_a_bounded_number_of_subscriptions() -> None:
    """Each of them costs the worker."""
    hooked = Hooked(max_subscriptions=3)
    ella, joe = hooked.user(), hooked.user("joe")
    hooked.subscribe(ella, URL)
    several = [{"url": URL, "stream": hooked.source.path}] * 3
    results = ella.post(hooked.path, json=several).json()["data"]
    assert [each["status"] for each in results] == [201, 201, 409]
    answer = ella.post(hooked.path, json={"url": URL, "stream": hooked.source.path})
    assert answer.status == 409
    hooked.subscribe(joe, URL)


def test_reading_a_secret_takes_the_right_to_write() -> None:
    """Who has it can write messages that are believed."""
    hooked = Hooked(scopes={"read": "hooks:read", "write": "hooks:write"})
    ella = hooked.user("ella", ("hooks:read", "hooks:write"))
    hook = hooked.subscribe(ella, URL)
    user = ella.user  # type: ignore[attr-defined]
    token, _ = hooked.app.accounts.tokens.create(user, scopes=["hooks:read"])
    reader = Client(hooked.app, {"Authorization": f"Bearer {token}"})
    assert reader.get(f"{hooked.path}/{hook}").status == 200
    assert reader.get(f"{hooked.path}/{hook}/secret").status == 403
    assert reader.post(f"{hooked.path}/{hook}/rotate").status == 403


def test_a_stream_that_asks_for_a_scope_is_for_those_that_have_it() -> None:
    """Also when a subscription is enabled again."""
    hooked = Hooked(base=Bulletins)
    ella, joe = hooked.user("ella", ("bulletin:read",)), hooked.user("joe")
    hook = hooked.subscribe(ella, URL)
    answer = joe.post(hooked.path, json={"url": URL, "stream": hooked.source.path})
    assert answer.status == 403
    assert "right to read" in answer.json()["detail"]
    ella.patch(f"{hooked.path}/{hook}", json={"paused": True})
    hooked.app.accounts.users.set_scopes(ella.user.username, [])  # type: ignore[attr-defined]
    assert ella.patch(f"{hooked.path}/{hook}", json={"paused": False}).status == 403


class Guarded(Quakes):
    """A stream with a rule of its own."""

    path = "/guarded"

    def admit(self, context: Any) -> None:
        """Ask something of the request."""


class ByToken(Journal):
    """A stream with other callers."""

    path = "/by-token"
    schemes = (JWTAuth(key="k" * 32, algorithms=["HS256"]),)  # type: ignore[assignment]


class Forgetful(Subscription):
    """A subscription that hides something else instead."""

    _private_fields = ["note"]
    note = StringField()


@pytest.mark.parametrize(
    ("declared", "rule"),
    [
        ({"sources": ()}, "sources is a tuple"),
        ({"sources": Quakes}, "sources is a tuple"),
        ({"sources": (Quake,)}, "not of <class"),
        ({"sources": (StreamHandler,)}, "has no model"),
        ({"sources": (Guarded,)}, "Guarded has its own admit"),
        ({"sources": (ByToken,)}, "ByToken does not know the callers"),
        ({"schemes": ()}, "has no schemes"),
        ({"owned": False}, "is owned and not read_only"),
        ({"read_only": True}, "is owned and not read_only"),
        ({"path": "/<owner>/hooks"}, "takes no argument"),
        ({"model": Quake}, "must be a Subscription"),
        ({"model": Forgetful}, "model shows .*secret"),
        ({"retries": 5}, "retries is a tuple of seconds"),
        ({"retries": (0,)}, "retries is a tuple of seconds"),
        ({"timeout": "15s"}, "timeout is a number"),
        ({"give_up_after": "soon"}, "give_up_after"),
        ({"allow_private": "yes"}, "allow_private is True or False"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(declared: dict[str, Any], rule: str) -> None:
    """When the class is made."""
    given = {"sources": (Quakes,), "schemes": SCHEMES, **declared}
    with pytest.raises(ConfigError, match=rule):
        type("Wrong", (Webhooks,), given)


def test_the_sources_are_served_and_shared() -> None:
    """A process that sends would see nothing of others."""
    declaration: Any = type("Hooks", (Webhooks,), {"sources": (Quakes,), "schemes": SCHEMES})
    with pytest.raises(ConfigError, match="does not serve"):
        deliver(Brubeck(streams=[declaration], storage="memory://"))
    app = Brubeck(streams=[Quakes, declaration], storage="memory://")
    with pytest.raises(ConfigError, match="store that processes share"):
        WebhooksConnection(app)
    assert [each.path for each in app.streams] == ["/quakes", "/webhooks/deliveries", "/webhooks"]


def test_the_actions_are_described(hooked: Hooked, ella: Client) -> None:
    """In a description that is valid, with the answers that there are."""
    described = ella.get("/openapi.json").json()
    validate(described)
    hook = hooked.subscribe(ella, URL)
    bodies: dict[str, Any] = {"redeliver": {"since": "now"}}
    for name in ("secret", "rotate", "test", "redeliver"):
        ((method, operation),) = described["paths"][f"{hooked.path}/{{id}}/{name}"].items()
        path = f"{hooked.path}/{hook}/{name}"
        answer = ella.get(path) if method == "get" else ella.post(path, json=bodies.get(name))
        found = operation["responses"][str(answer.status)]["content"]["application/json"]
        jsonschema.validate(answer.json(), found["schema"])
        assert operation["security"]
        assert operation["summary"]
