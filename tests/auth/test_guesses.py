"""Guessing passwords gets slower and slower, and shuts out nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event

import pytest

from brubeck import Brubeck
from brubeck.auth import BasicAuth
from brubeck.auth.guesses import (
    FORGOTTEN,
    LONGEST_WAIT,
    OF_A_NAME,
    OF_A_NETWORK,
    SUSPECTED,
    Guesses,
)
from brubeck.http import Headers, Problem, Request, Response
from brubeck.http.proxies import Client
from brubeck.models import StoredAccounts
from brubeck.storage import open_storage
from brubeck.streams import AuthStreamHandler, OwnedDocument

RIGHT = "Basic ZGF2ZTp0YWtlIGZpdmU="
WRONG = "Basic ZGF2ZTp3cm9uZw=="


class Watch:
    """A clock that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def fail(guesses: Guesses, address: str = "1.2.3.4", name: str = "dave") -> float:
    """Let an attempt fail; return how many seconds it would have had to wait, 0 if none."""
    try:
        with guesses.attempt(address, name):
            return 0.0
    except Problem as problem:
        return float(problem.headers["Retry-After"])


def test_guessing_gets_slower() -> None:
    """Free at first, then twice as long each time, up to five minutes."""
    watch = Watch()
    guesses = Guesses(now=watch)
    assert [fail(guesses) for _ in range(OF_A_NAME)] == [0.0] * OF_A_NAME
    waits = []
    for _ in range(12):
        waits.append(wait := fail(guesses))
        assert fail(guesses) == wait  # asking again makes it no longer
        watch.now += wait
        assert fail(guesses) == 0.0
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert max(waits) == LONGEST_WAIT
    watch.now += FORGOTTEN + 1
    assert fail(guesses) == 0.0


def test_a_network_waits_for_all_names_together() -> None:
    """Also one of IPv6, whatever its addresses."""
    guesses = Guesses(now=Watch())
    for number in range(OF_A_NETWORK):
        assert fail(guesses, f"2001:db8::{number:x}", f"name{number}") == 0.0
    assert fail(guesses, "2001:db8::ffff", "another") == 1.0
    assert fail(guesses, "2001:db8:1::1", "another") == 0.0


def test_a_right_password_is_no_failure() -> None:
    """And forgets those of its name; what failed for another reason counts for nothing."""
    guesses = Guesses(now=Watch())
    for _ in range(5):
        for _ in range(OF_A_NAME - 1):
            assert fail(guesses) == 0.0
        with guesses.attempt("1.2.3.4", "dave") as attempt:
            attempt.succeed()
    for _ in range(3 * OF_A_NAME):
        with pytest.raises(OSError, match="gone"), guesses.attempt("1.2.3.4", "ella"):
            raise OSError("gone")


def ask(app: Brubeck, address: str, credentials: str) -> Response:
    """Return the answer to somebody who comes with a password."""
    headers = Headers({"Authorization": credentials, "Host": "h"})
    return app.respond(Request("GET", "/j", headers, client=Client(address)))


def test_the_true_user_is_let_in_from_elsewhere() -> None:
    """The guesser waits, even with the right password, and nothing is hashed for it."""
    stream = type(
        "J",
        (AuthStreamHandler,),
        {"model": OwnedDocument, "path": "/j", "schemes": (BasicAuth(),)},
    )
    app = Brubeck(streams=[stream])
    app.accounts.users.create("dave", "take five")
    seen = {ask(app, "1.2.3.4", WRONG).status for _ in range(OF_A_NAME)}
    assert seen == {401}
    for credentials in (WRONG, RIGHT):
        reply = ask(app, "1.2.3.4", credentials)
        assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    assert ask(app, "5.6.7.8", RIGHT).status == 200


def test_a_password_is_guessed_in_one_place() -> None:
    """Whichever stream, scheme and form it is tried with, and in whichever spelling of the name."""
    streams = [
        type(name, (AuthStreamHandler,), {"model": OwnedDocument, "path": path, "schemes": schemes})
        for name, path, schemes in [("J", "/j", (BasicAuth(),)), ("K", "/k", (BasicAuth("k"),))]
    ]
    app = Brubeck(streams=streams)
    app.accounts.users.create("dave", "take five")
    headers = Headers({"Authorization": WRONG, "Host": "h"})
    statuses = []
    for path in ("/j", "/k") * (OF_A_NAME // 2) + ("/j", "/k"):
        request = Request("GET", path, headers, client=Client("1.2.3.4"))
        statuses.append(app.respond(request).status)
    assert statuses == [401] * OF_A_NAME + [429] * 2
    with pytest.raises(Problem, match="too many failed attempts"):
        app.accounts.log_in("DAVE", "take five", "1.2.3.4")


def test_a_quiet_network_passes_those_that_have_failed() -> None:
    """With thirty networks their attempts were before it: it waited for tens of seconds."""
    guesses = Guesses(now=Watch())
    networks = [f"10.0.{number}.1" for number in range(30)]
    assert [fail(guesses, each) for each in networks] == [0.0] * 30
    entered, proceed = Queue[str](), Event()

    def guess(address: str) -> None:
        with guesses.attempt(address, "dave"):
            entered.put(address)
            assert proceed.wait(20)

    with ThreadPoolExecutor(31) as pool:
        attempts = [pool.submit(guess, each) for each in networks]
        first = [entered.get(timeout=20) for _ in range(SUSPECTED)]
        attempts.append(pool.submit(guess, "192.0.2.1"))
        assert entered.get(timeout=20) == "192.0.2.1"
        assert entered.empty(), "of all that have failed two attempts are checked at once"
        proceed.set()
        for each in attempts:
            each.result(20)
    others = [entered.get(timeout=20) for _ in range(30 - SUSPECTED)]
    assert sorted([*first, *others]) == sorted(networks)


def test_an_endless_name_takes_no_memory() -> None:
    """What is counted is its beginning."""
    guesses = Guesses(now=Watch())
    for number in range(OF_A_NAME):
        assert fail(guesses, name="\ufdfa" * 5000 + str(number)) == 0.0
    assert fail(guesses, name="\ufdfa" * 5000) == 1.0


def test_a_form_to_log_in_is_limited_by_the_address_it_passes() -> None:
    """Without one nobody is shut out."""
    accounts = StoredAccounts(open_storage("memory://"))
    accounts.users.create("dave", "take five")
    for _ in range(OF_A_NAME):
        assert accounts.log_in("dave", "wrong", "1.2.3.4") is None
    with pytest.raises(Problem, match="too many failed attempts"):
        accounts.log_in("dave", "take five", "1.2.3.4")
    assert accounts.log_in("dave", "take five", "5.6.7.8") is not None
    assert accounts.log_in("dave", "take five") is not None
