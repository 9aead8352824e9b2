"""Sessions of other people, and looks at all keys of a Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from brubeck import Brubeck
from brubeck.auth import Account, CookieAuth
from brubeck.errors import ConfigError
from brubeck.storage import RecordSchema
from brubeck.storage.conformance.machine import put_new
from brubeck.storage.redis import RedisStorage
from brubeck.streams import AuthStreamHandler, OwnedDocument
from tests.servers import wait_until
from tests.servers.redis import RedisServer

Lookup = Callable[[str], Account | None]
OTHER_KEYS = 200_000


def of_staff(_: str) -> Account | None:
    """Return no account."""
    return None


def of_customers(_: str) -> Account | None:
    """Return no account either."""
    return None


def program(*schemes: CookieAuth) -> Brubeck:
    """Return a program with a stream for each scheme."""
    streams = [
        type(
            "Journal",
            (AuthStreamHandler,),
            {"model": OwnedDocument, "path": f"/journal{number}", "schemes": (each,)},
        )
        for number, each in enumerate(schemes)
    ]
    return Brubeck(streams=streams, storage="memory://", cookie_secret="k" * 32)


@pytest.mark.parametrize("lookups", [(of_staff, of_customers), (None, of_staff), (of_staff, None)])
def test_two_look_ups_do_not_share_a_cookie(lookups: tuple[Lookup | None, Lookup | None]) -> None:
    """A customer of a number was let in as the member of the staff of that number."""
    with pytest.raises(ConfigError, match="cookie 'session' have different look-ups"):
        _ = program(*(CookieAuth(lookup=each) for each in lookups)).wsgi
    _ = program(CookieAuth(lookup=lookups[0]), CookieAuth("other", lookup=lookups[1])).wsgi


def test_one_look_up_may_stand_in_several_schemes() -> None:
    """Also where they last for different times."""
    _ = program(CookieAuth(lookup=of_staff), CookieAuth(max_age=9, lookup=of_staff)).wsgi
    _ = program(CookieAuth(), CookieAuth(max_age=9)).wsgi


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a Redis with very many keys, of which none is a stream's."""
    server = RedisServer(tmp_path_factory.mktemp("crowded"), "--enable-debug-command", "local")
    server.run()
    try:
        with server.client() as client:
            client.execute_command("DEBUG", "POPULATE", OTHER_KEYS, "brubeck:attempts:x", 8)
        yield server
    finally:
        server.kill()


def test_a_look_at_streams_goes_through_all_keys_now_and_then(crowded: RedisServer) -> None:
    """It went through them at each look of each consumer, twice a second."""
    with crowded.client() as client, closing(RedisStorage(crowded.url)) as storage:
        storage.records("rooms:a", RecordSchema({})).write([put_new("x", 1)])
        assert storage.heads("rooms:").keys() == {"rooms:a"}

        def scans() -> int:
            return int(client.info("commandstats").get("cmdstat_scan", {"calls": 0})["calls"])

        before = scans()
        assert before >= OTHER_KEYS // 1000
        for _ in range(20):
            storage.heads("rooms:")
        assert scans() < before + 2 * (OTHER_KEYS // 1000)
        storage.records("rooms:b", RecordSchema({})).write([put_new("x", 1)])
        assert storage.heads("rooms:").keys() == {"rooms:a", "rooms:b"}  # its own at once
        with closing(RedisStorage(crowded.url)) as other:
            other.records("rooms:c", RecordSchema({})).write([put_new("x", 1)])
        wait_until(lambda: "rooms:c" in storage.heads("rooms:"), seconds=60)
