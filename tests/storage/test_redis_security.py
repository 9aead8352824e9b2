"""Logging in to Redis, Sentinels and a cluster, over TLS with certificates of both sides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from brubeck.errors import ConfigError
from brubeck.storage import Put, RecordSchema, Storage, Unavailable, Written, open_storage
from tests.servers.certificates import PASSWORD, Certificates
from tests.servers.redis import RedisServer, redis_cluster
from tests.servers.sentinel import SERVICE, Sentinel

SECRET = "s3c/r&t +@:?"
LOGIN = f"app:{quote(SECRET, safe='')}@"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make what both sides trust."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make what neither trusts."""
    return Certificates(tmp_path_factory.mktemp("others"))


@contextmanager
def running(server: RedisServer) -> Iterator[RedisServer]:
    """Run a Redis that only the user app may enter."""
    try:
        server.run()
        lock(server)
        yield server
    finally:
        server.kill()


def lock(server: RedisServer) -> None:
    """Let in nobody but the user app."""
    with server.client() as client:
        rules = ("on", f">{SECRET}", "~brubeck:*", "&brubeck:*", "+@all")
        client.execute_command("ACL", "SETUSER", "app", *rules)
        client.execute_command("ACL", "SETUSER", "default", "resetpass")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[RedisServer]:
    """Yield a Redis that speaks TLS alone."""
    with running(RedisServer(tmp_path_factory.mktemp("redis"), tls=certificates)) as server:
        yield server


def writes(url: str) -> bool:
    """Tell whether a storage of a URL takes a write and has it afterwards."""
    storage: Storage
    with closing(open_storage(url)) as storage:
        put = Put(id="a", created_at=1, body=b'{"id":"a"}', token=url)
        (outcome,) = storage.records("notes", RecordSchema()).write([put])
        (found,) = storage.records("notes", RecordSchema()).get(["a"])
        return isinstance(outcome, Written) or found is not None


def refused(url: str) -> str:
    """Return the error of a storage of a URL, which shows no secret."""
    with pytest.raises(Unavailable) as caught:
        writes(url)
    assert "s3c" not in str(caught.value)
    return str(caught.value)


def test_a_redis_is_entered_by_certificate_and_password(
    server: RedisServer, certificates: Certificates
) -> None:
    """Both as the URL says, and the key may be encrypted."""
    url = server.url.replace("://", f"://{LOGIN}")
    assert writes(f"{url}?{certificates.query}")
    protected = f"keyfile={certificates.protect()}&keyfile_password={quote(PASSWORD)}"
    files = f"cafile={certificates.cafile}&certfile={certificates.certfile}"
    assert writes(f"{url}?{files}&{protected}")


def test_who_lacks_one_of_them_is_not_let_in(
    server: RedisServer, certificates: Certificates, others: Certificates
) -> None:
    """An authority, a certificate, a password: the error says which."""
    url = server.url.replace("://", f"://{LOGIN}")
    ca = f"cafile={certificates.cafile}"
    files = f"certfile={certificates.certfile}&keyfile={certificates.keyfile}"
    assert "certificate" in refused(f"{url}?{files}")
    assert "certificate" in refused(f"{url}?cafile={others.cafile}&{files}")
    refused(f"{url}?{ca}")
    refused(f"{url}?{ca}&certfile={others.certfile}&keyfile={others.keyfile}")
    assert "Authentication required" in refused(f"{server.url}?{ca}&{files}")
    wrong = server.url.replace("://", "://app:s3cnot@")
    assert "invalid username-password" in refused(f"{wrong}?{ca}&{files}")


def test_the_name_in_a_certificate_is_compared(tmp_path: Path) -> None:
    """Unless the URL says that it shall not be."""
    certificates = Certificates(tmp_path, name="DNS:elsewhere")
    with running(RedisServer(tmp_path, tls=certificates)) as server:
        url = f"{server.url.replace('://', f'://{LOGIN}')}?{certificates.query}"
        assert "certificate" in refused(url)
        assert "certificate" in refused(f"{url}&check_hostname=true")
        assert writes(f"{url}&check_hostname=false")


def test_a_cluster_is_entered_by_certificate_and_password(
    tmp_path: Path, certificates: Certificates
) -> None:
    """Each of its nodes."""
    with redis_cluster(tmp_path, tls=certificates) as masters:
        for master in masters:
            lock(master)
        where = f"127.0.0.1:{masters[0].port}"
        assert writes(f"rediss+cluster://{LOGIN}{where}?{certificates.query}")
        assert "Authentication required" in refused(
            f"rediss+cluster://{where}?{certificates.query}"
        )
        refused(f"redis+cluster://{LOGIN}{where}")


@pytest.mark.parametrize("guards_too", [True, False])
def test_sentinels_are_entered_by_a_login_of_their_own(
    tmp_path: Path, certificates: Certificates, guards_too: bool
) -> None:
    """And by TLS, where they speak it like the servers."""
    with running(RedisServer(tmp_path, tls=certificates)) as master:
        sentinel = Sentinel(tmp_path, master, quorum=1)
        sentinel.protect(SECRET, certificates, own=guards_too)
        try:
            sentinel.run()
            where = f"127.0.0.1:{sentinel.port}/{SERVICE}/0?{certificates.query}"
            who = f"sentinel_username=watcher&sentinel_password={quote(SECRET, safe='')}"
            tls = "" if guards_too else "&sentinel_tls=false"
            assert writes(f"rediss+sentinel://{LOGIN}{where}&{who}{tls}")
            for each in (f"{LOGIN}{where}{tls}", f"{where}&{who}{tls}"):
                assert "Authentication required" in refused(f"rediss+sentinel://{each}")
            refused(f"rediss+sentinel://{LOGIN}{where}&{who}&sentinel_tls={not guards_too}")
        finally:
            sentinel.kill()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://host/0?cafile={}", "write rediss://"),
        ("redis+cluster://host?check_hostname=false", "write rediss[+]cluster://"),
        ("redis+sentinel://host/quakes?certfile={}", "write rediss[+]sentinel://"),
        ("rediss://host/0?sentinel_password=s3cret", "an option of redis[+]sentinel://"),
        ("rediss://host/0?cafile=/no/where", "there is none at /no/where"),
        ("rediss://host/0?keyfile={}", 'belongs to a "certfile"'),
        ("rediss://host/0?cafile={}", "the certificates cannot be used"),
        ("rediss://host/0?check_hostname=perhaps", "must be true or false"),
        ("rediss://host/0?tlsCAFile={}", "has no option"),
        ("rediss+sentinel://host/quakes?sentinel_tls=si", "must be true or false"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, url: str, said: str) -> None:
    """When the URL is read, in words without secrets."""
    (tmp_path / "file").write_text("no certificate")
    with pytest.raises(ConfigError, match=said) as caught:
        open_storage(url.format(tmp_path / "file"))
    assert "s3c" not in str(caught.value)
