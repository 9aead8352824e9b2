"""What hostile people send to handlers, or make them send, gets them nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import (
    BasicAuth,
    CookieAuth,
    UserHandlingMixin,
    authenticated,
    hash_password,
    passwords,
)
from brubeck.http import Response
from brubeck.http.response import response_head
from brubeck.models import StoredAccounts
from brubeck.testing import Client, Reply
from tests.auth.world import basic, request

KEYS = ["new key", "old key"]
SESSION = CookieAuth()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BREAKS = ["\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\0", "\r\n\r\n<script>"]


# Signed cookies.


class Cookies(WebMessageHandler, UserHandlingMixin):
    """Gives signed cookies, and tells what it makes of those that come back."""

    schemes = (SESSION,)

    def get(self) -> Response:
        user = self.get_cookie("user", "nobody", self.application.cookie_keys, max_age=60)
        self.set_body(str(user))
        return self.render()

    def post(self) -> Response:
        self.set_cookie("user", "paul", secret=KEYS)
        self.set_cookie("old", "dave", secret="old key")
        self.set_cookie("theirs", "eve", secret="another key")
        paul = StoredAccounts.of(self.application).users.find("paul")
        assert paul is not None
        SESSION.begin(self, paul.account())
        return self.render(200)

    @authenticated
    def put(self) -> Response:
        self.set_body(self.current_user.username)
        return self.render()


@pytest.fixture(scope="module")
def given_out() -> tuple[Client, dict[str, str]]:
    """Return a client, and the cookies that it was given by their names."""
    app = Brubeck(handler_tuples=[("^/$", Cookies)], cookie_secret=KEYS)
    app.accounts.users.create("paul", "take five")
    client = Client(app)
    lines = client.post("/").headers.get_all("Set-Cookie")
    return client, dict(line.partition(";")[0].split("=", 1) for line in lines)


Given = tuple[Client, dict[str, str]]


def user(client: Client, value: str) -> str:
    """Return who a handler takes somebody with this cookie for."""
    return client.get("/", headers={"Cookie": f"user={value}"}).text


def test_a_signed_cookie_is_read(given_out: Given) -> None:
    """Otherwise the tests below would show nothing; and a session is one."""
    client, cookies = given_out
    assert user(client, cookies["user"]) == "paul"
    headers = {"Cookie": f"session={cookies['session']}", "Origin": "http://localhost"}
    assert client.put("/", headers=headers).text == "paul"


@pytest.mark.parametrize("name", ["old", "theirs", "session"])
def test_a_cookie_is_good_under_its_own_name_alone(given_out: Given, name: str) -> None:
    """Whichever key has signed it; neither is a session any other cookie, nor the other way."""
    client, cookies = given_out
    assert user(client, cookies[name]) == "nobody"
    headers = {"Cookie": f"session={cookies['user']}", "Origin": "http://localhost"}
    assert client.put("/", headers=headers).status == 401


def test_a_cookie_of_another_key_is_none(given_out: Given) -> None:
    """One that has gone out of use is another; one that is still on the list is not."""
    _, cookies = given_out

    class Reading(WebMessageHandler):
        def get(self) -> Response:
            told = [
                self.get_cookie(name, "nobody", secret)
                for name in ("user", "old", "theirs")
                for secret in (KEYS, "old key", "new key")
            ]
            self.set_body(" ".join(told))
            return self.render()

    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    told = Client(Brubeck(handler_tuples=[("^/$", Reading)])).get("/", headers=headers).text
    assert told.split() == [
        *("paul", "nobody", "paul"),
        *("dave", "dave", "nobody"),
        *("nobody", "nobody", "nobody"),
    ]


def test_a_cookie_is_over_in_time(given_out: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    """By when it was signed, whatever the browser does with it."""
    client, cookies = given_out
    import time

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 62)
    assert user(client, cookies["user"]) == "nobody"


@given(st.data())
def test_no_part_of_a_cookie_and_no_change_of_it_is_good(
    given_out: Given, data: st.DataObject
) -> None:
    """Cut anywhere, or with another letter before the last, of which some bits say nothing."""
    client, cookies = given_out
    good = cookies["user"]
    at = data.draw(st.integers(0, len(good) - 2))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyzABC012-_."))
    changed = data.draw(st.sampled_from([good[:at] + letter + good[at + 1 :], good[:at]]))
    assert user(client, changed) == ("paul" if changed == good else "nobody")


@pytest.mark.parametrize("value", ["", ".", "..", "x", "paul", '"paul"', "a.b.c", "x" * 60_000])
def test_a_forged_cookie_is_none(given_out: Given, value: str) -> None:
    """However long it is."""
    client, cookies = given_out
    assert user(client, value) == "nobody"
    assert user(client, cookies["theirs"]) == "nobody"


# Passwords.


@pytest.fixture(scope="module")
def accounts() -> StoredAccounts:
    """Return accounts: one as usual, one that is not let in, one without a password."""
    made: StoredAccounts = Brubeck().accounts
    made.users.create("paul", "take five")
    made.users.create("gone", "take five")
    made.users.set_active("gone", False)
    made.users.create("silent")
    return made


def by_log_in(accounts: StoredAccounts, name: str, password: str) -> bool:
    return accounts.log_in(name, password) is not None


def by_basic(accounts: StoredAccounts, name: str, password: str) -> bool:
    app = Brubeck(accounts=accounts)
    try:
        asked = request(authorization=basic(name, password))
        return BasicAuth().authenticate(asked, app) is not None
    except Exception:  # noqa: BLE001, whatever it is, nobody was let in
        return False


@pytest.mark.parametrize("way", [by_log_in, by_basic])
@pytest.mark.parametrize(
    ("name", "password", "right"),
    [
        ("paul", "take five", True),
        ("paul", "take six", False),
        ("PAUL", "take six", False),
        ("nobody", "take five", False),
        ("gone", "take five", False),
        ("gone", "take six", False),
        ("silent", "take five", False),
        ("../paul", "take five", False),
    ],
)
def test_each_answer_costs_one_password_hash(
    accounts: StoredAccounts,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[StoredAccounts, str, str], bool],
    name: str,
    password: str,
    right: bool,
) -> None:
    """Of the same parameters, whoever it is: no clock tells who is known, or how wrong one was."""
    hashed: list[str] = []
    real = passwords._verify

    def verify(hasher: Any, line: str, password: bytes) -> bool | None:
        told = real(hasher, line, password)
        if told is not None:
            hashed.append(line)
        return told

    monkeypatch.setattr(passwords, "_verify", verify)
    passwords._recent.cache_clear()  # a right one that was just checked costs nothing
    assert way(accounts, name, password) is right
    usual = hash_password("x").rpartition("$")[0].rpartition("$")[0]
    assert [line.startswith(usual) for line in hashed] == [True]


# What would be a header of its own.


class Told(WebMessageHandler):
    """Puts what it is told where somebody might want it."""

    finished = 0

    def on_finish(self) -> None:
        Told.finished += 1

    def post(self, where: str) -> Response:
        told = self.get_argument("told", "", strip=False) or ""
        if where == "location":
            return self.redirect(told)
        if where == "header":
            self.headers["X-Told"] = told
        elif where == "name":
            self.headers[f"X-Told{told}"] = "x"
        elif where == "reason":
            self.set_status(200, told)
        elif where == "cookie":
            self.set_cookie("a", told)
        elif where == "cookie-name":
            self.set_cookie(f"a{told}", "b")
        else:
            self.set_cookie("a", "b", **{where: told})
        return self.render(None if where == "reason" else 200)


PLACES = ["location", "header", "name", "reason", "cookie", "cookie-name", "domain", "path"]


def post(where: str, told: str) -> Reply:
    """Return what is answered to somebody who tells a handler something."""
    from urllib.parse import urlencode

    client = Client(Brubeck(handler_tuples=[(r"^/([\w-]+)$", Told)]))
    return client.post(f"/{where}", body=urlencode({"told": told}), headers=FORM)


@pytest.mark.parametrize("told", BREAKS)
@pytest.mark.parametrize("where", PLACES)
def test_nothing_becomes_a_header_of_its_own(
    where: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In a URL it is encoded; anywhere else it is refused, and the log says which it was."""
    Told.finished = 0
    reply = post(where, told)
    assert Told.finished == 1
    assert "X-Evil" not in reply.headers
    assert reply.status == (302 if where == "location" else 500)
    if where == "location":
        assert not set(reply.headers["Location"]) & set("\r\n\0")
    else:
        assert "ValueError" in caplog.text
        assert "Set-Cookie" not in reply.headers
        assert told not in reply.text


@given(st.text())
def test_a_redirection_is_one_line_whatever_it_leads_to(told: str) -> None:
    """And printable ASCII, as a URL is."""
    head = response_head(post("location", told.encode("utf-8", "replace").decode())._response)
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r")
    (line,) = [line for line in head.split(b"\r\n") if line.startswith(b"Location: ")]
    assert line.isascii()
    assert b"\0" not in line


def test_a_form_of_very_many_fields_is_none() -> None:
    """Nor is a query."""
    client = Client(Brubeck(handler_tuples=[(r"^/([\w-]+)$", Told)]))
    assert client.post("/header", body="a=1&" * 1001, headers=FORM).status == 400
    assert client.post("/header?" + "a&" * 1001).status == 400
