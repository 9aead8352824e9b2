"""The client for tests: cookies, forms, logging in."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.auth import UserHandlingMixin, authenticated, same_site_only
from brubeck.testing import Client

SECRET = "a secret of this program"


class LogIn(WebMessageHandler):
    """Logs in and out by a form."""

    @same_site_only
    def post(self) -> Response:
        """Log in whoever knows the word."""
        if self.get_argument("password") != "open":
            return self.render_error(401)
        self.set_cookie("user", self.get_argument("username"), secret=SECRET, path="/notes")
        return self.redirect("/notes")

    def delete(self) -> Response:
        """Log out."""
        self.delete_cookie("user", path="/notes")
        return self.render()


class Notes(UserHandlingMixin, WebMessageHandler):
    """Shows who is there."""

    def get_current_user(self) -> Any:
        """Return the name in the cookie."""
        return self.get_cookie("user", secret=SECRET)

    @authenticated
    def get(self) -> Response:
        """Show the name."""
        self.set_body(str(self.current_user))
        return self.render()


class Echo(WebMessageHandler):
    """Shows the cookies and the form."""

    def get(self) -> Response:
        """Show the cookies."""
        self.set_body(self.message.header("cookie") or "none")
        return self.render()

    def post(self) -> Response:
        """Show the values of a field."""
        self.set_body(",".join(self.message.arguments["x"]))
        return self.render()


@pytest.fixture
def client() -> Client:
    """Return a client of a program with a form to log in."""
    routes = [("^/login$", LogIn), ("^/notes$", Notes), ("^/echo$", Echo)]
    return Client(Brubeck(handler_tuples=routes))


def test_logging_in_and_out(client: Client) -> None:
    """The cookie is kept for its path, and forgotten with the log-out."""
    assert client.get("/notes").status == 401
    assert client.log_in("/login", username="ella", password="open").status == 302
    assert client.get("/notes").text == "ella"
    assert client.get("/echo").text == "none"
    assert set(client.cookies) == {"user"}
    client.delete("/login")
    assert not client.cookies
    assert client.get("/notes").status == 401


def test_a_log_in_that_fails_says_so(client: Client) -> None:
    """A test that goes on without a user would test something else."""
    with pytest.raises(AssertionError, match="/login has set no cookie; its answer is 401"):
        client.log_in("/login", username="ella", password="sesame")


def test_a_header_that_is_given_comes_first(client: Client) -> None:
    """Before the cookies that were kept."""
    client.cookies["a"] = "1"
    assert client.get("/echo").text == "a=1"
    assert client.get("/echo", headers={"Cookie": "b=2"}).text == "b=2"
    client.headers["Cookie"] = "c=3"
    assert client.get("/echo").text == "c=3"


def test_a_form_is_encoded(client: Client) -> None:
    """With several values of a field, and any text."""
    assert client.post("/echo", form={"x": ["ä &=", "b"]}).text == "ä &=,b"
