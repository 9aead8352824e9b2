"""Signed requests: the standard's own example, and all that may be wrong with one."""

from __future__ import annotations

import base64
import gc
from typing import Any

import pytest

from brubeck.auth import Caller, SignatureAuth, SigningKey
from brubeck.auth.errors import BadCredentials
from brubeck.auth.signed_messages import (
    check_digest,
    sign,
    signature_base,
)
from brubeck.http import Headers, Request
from brubeck.http.proxies import Client
from tests.auth.signing import AGAIN, OLD, PAULS, TARGET, URL, WRONG, made_by_hand, signed
from tests.auth.world import NOW, PAUL, SECRET, World, outcome, request

SHARED = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
"""The shared secret of RFC 9421, appendix B.1.5."""
EXAMPLE = Request(
    "POST",
    "/foo?param=Value&Pet=dog",
    Headers(
        {
            "Host": "example.com",
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIi"
            "Yllu7BNNyealdVLvRwEmTHWXvJwew==:",
            "Content-Length": "18",
        }
    ),
    b'{"hello": "world"}',
    client=Client("", "https"),
)
"""The request of RFC 9421, appendix B.2."""


@pytest.fixture
def scheme() -> SignatureAuth:
    """Return a scheme that has seen no nonce."""
    return SignatureAuth()


def test_the_example_of_the_standard_is_signed_so() -> None:
    """RFC 9421, appendix B.2.5, to the byte."""
    parameters = {"created": 1618884473, "keyid": "test-shared-secret"}
    components = ["date", "@authority", "content-type"]
    base = signature_base(EXAMPLE, components, parameters)
    assert base.decode() == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"@signature-params": ("date" "@authority" "content-type")'
        ';created=1618884473;keyid="test-shared-secret"'
    )
    value = base64.b64encode(sign(base, SHARED)).decode()
    assert value == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


def test_the_digest_of_the_standard_is_that_of_its_body() -> None:
    """RFC 9421, appendix B.2; and of another body it is not."""
    check_digest(EXAMPLE)
    other = Request("POST", "/foo", EXAMPLE.headers, b'{"hello": "World"}')
    with pytest.raises(BadCredentials, match="not that of the body"):
        check_digest(other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("@method", "POST"),
        ("@target-uri", "https://example.com/foo?param=Value&Pet=dog"),
        ("@authority", "example.com"),
        ("@scheme", "https"),
        ("@request-target", "/foo?param=Value&Pet=dog"),
        ("@path", "/foo"),
        ("@query", "?param=Value&Pet=dog"),
    ],
)
def test_components_are_derived_as_the_standard_has_it(name: str, value: str) -> None:
    """RFC 9421, section 2.2."""
    line = signature_base(EXAMPLE, [name], {}).decode().partition("\n")[0]
    assert line == f'"{name}": {value}'


def test_a_target_with_its_host_is_the_same_target(world: World, scheme: SignatureAuth) -> None:
    """As a proxy is sent it (RFC 9112, section 3.2.2)."""
    asked = request("GET", f"https://api.example{TARGET}", **signed())
    assert outcome(scheme, asked, world) == PAULS


def test_an_authority_has_no_port_that_says_nothing() -> None:
    """RFC 9421, section 2.2.3."""
    for host, scheme, told in (
        ("Example.COM:443", "https", "example.com"),
        ("example.com:80", "http", "example.com"),
        ("example.com:80", "https", "example.com:80"),
    ):
        asked = Request("GET", "/", Headers({"Host": host}), client=Client("", scheme))
        line = signature_base(asked, ["@authority"], {}).decode().partition("\n")[0]
        assert line == f'"@authority": {told}'


def test_a_signed_request_is_let_in(world: World, scheme: SignatureAuth) -> None:
    """As the account of its key."""
    assert outcome(scheme, request("GET", TARGET, **signed()), world) == PAULS


def test_a_signed_body_is_let_in(world: World, scheme: SignatureAuth) -> None:
    """With its digest."""
    headers = signed("POST", URL, b"hello")
    assert outcome(scheme, request("POST", TARGET, b"hello", **headers), world) == PAULS


@pytest.mark.parametrize(
    ("method", "target", "body", "said"),
    [
        ("PUT", TARGET, b"hello", WRONG),
        ("POST", "/notes?limit=3", b"hello", WRONG),
        ("POST", "/notes", b"hello", WRONG),
        ("POST", "/notes/7?limit=2", b"hello", WRONG),
        ("POST", "/%6eotes?limit=2", b"hello", WRONG),
        ("POST", TARGET, b"hallo", "Content-Digest is not that of the body."),
        ("POST", TARGET, b"", "Content-Digest is not that of the body."),
    ],
)
def test_a_signature_is_good_for_its_own_request_alone(
    world: World, scheme: SignatureAuth, method: str, target: str, body: bytes, said: str
) -> None:
    """Whatever was changed on the way."""
    headers = signed("POST", URL, b"hello")
    assert outcome(scheme, request(method, target, body, **headers), world) == said


def test_another_digest_is_another_request(world: World, scheme: SignatureAuth) -> None:
    """Though it is that of the body that came."""
    headers = signed("POST", URL, b"hello") | {
        "content_digest": signed("POST", URL, b"hallo")["content_digest"]
    }
    assert outcome(scheme, request("POST", TARGET, b"hallo", **headers), world) == WRONG


def test_a_request_is_good_once(world: World, scheme: SignatureAuth) -> None:
    """Another nonce is another request; the same one asked again is the same."""
    asked = request("GET", TARGET, **signed())
    assert outcome(scheme, asked, world) == PAULS
    assert outcome(scheme, asked, world) == PAULS
    assert outcome(scheme, request("GET", TARGET, **signed()), world) == AGAIN
    assert outcome(scheme, request("GET", TARGET, **signed(nonce="n2")), world) == PAULS


def test_a_request_that_is_asked_again_ends_with_its_key(
    world: World, scheme: SignatureAuth
) -> None:
    """A feed may be open for longer than a signature is young, but not than its key is good."""
    asked = request("GET", TARGET, **signed())
    assert outcome(scheme, asked, world) == PAULS
    world.clock.advance(10**9)
    assert outcome(scheme, asked, world) == PAULS
    del world.keys["k1"]
    assert outcome(scheme, asked, world) == WRONG


def test_a_request_that_is_over_is_forgotten(world: World, scheme: SignatureAuth) -> None:
    """What was accepted is kept no longer than the request is."""
    outcome(scheme, request("GET", TARGET, **signed()), world)
    gc.collect()
    assert not scheme._accepted


def test_a_bad_request_spends_no_nonce(world: World, scheme: SignatureAuth) -> None:
    """Or anybody could spend those of others."""
    assert outcome(scheme, request("GET", "/other", **signed()), world) == WRONG
    assert outcome(scheme, request("GET", TARGET, **signed()), world) == PAULS


def test_accounts_that_remember_nonces_are_asked(scheme: SignatureAuth) -> None:
    """With a name that fits anywhere, for as long as the request could be sent again."""
    asked: list[tuple[int, float]] = []

    class Remembering(World):
        def first_use(self, nonce: str, seconds: float) -> bool:
            asked.append((len(nonce), seconds))
            return len(asked) == 1

    world = Remembering()
    assert outcome(scheme, request("GET", TARGET, **signed()), world) == PAULS
    assert outcome(scheme, request("GET", TARGET, **signed(nonce="n2")), world) == AGAIN
    assert asked == [(64, 330), (64, 330)]


@pytest.mark.parametrize(
    ("created", "said"),
    [
        *((NOW // 1000 - 299, PAULS), (NOW // 1000 - 300, OLD), (0, OLD), (-5, OLD)),
        *((NOW // 1000 + 30, PAULS), (NOW // 1000 + 31, "The signature is from the future.")),
    ],
)
def test_a_signature_is_young(
    world: World, scheme: SignatureAuth, created: int, said: object
) -> None:
    """To the second, whatever the nonce."""
    assert outcome(scheme, request("GET", TARGET, **signed(created=created)), world) == said


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"expires": NOW // 1000 + 1}, PAULS),
        ({"expires": NOW // 1000}, OLD),
        ({"expires": "x"}, "expires is a whole number of seconds."),
        ({"created": None}, "A signature says created, keyid and nonce."),
        ({"created": "1"}, "A signature says created, keyid and nonce."),
        ({"created": True}, "A signature says created, keyid and nonce."),
        ({"keyid": None}, "A signature says created, keyid and nonce."),
        ({"nonce": None}, "A signature says created, keyid and nonce."),
        ({"nonce": 7}, "A signature says created, keyid and nonce."),
        ({"nonce": ""}, "A nonce has 1 to 256 characters."),
        ({"nonce": "x" * 257}, "A nonce has 1 to 256 characters."),
        ({"alg": "hmac-sha256"}, PAULS),
        ({"alg": "hmac-sha1"}, "The algorithm is hmac-sha256."),
        ({"keyid": "k2"}, WRONG),
        ({"keyid": ""}, WRONG),
        ({"tag": "app"}, PAULS),
    ],
)
def test_parameters_are_as_they_must_be(
    world: World, scheme: SignatureAuth, parameters: dict[str, Any], said: object
) -> None:
    """Though they are signed."""
    headers = made_by_hand(["@method", "@target-uri"], **parameters)
    assert outcome(scheme, request("GET", TARGET, **headers), world) == said


@pytest.mark.parametrize(
    ("components", "enough"),
    [
        (["@method", "@target-uri"], True),
        (["@request-target", "@authority", "@method", "host"], True),
        (["@method", "@authority", "@path", "@query"], True),
        ([], False),
        (["@method"], False),
        (["@target-uri"], False),
        (["@method", "@path", "@query"], False),
        (["@method", "@authority", "@path"], False),
    ],
)
def test_a_signature_covers_where_the_request_goes_to(
    world: World, scheme: SignatureAuth, components: list[str], enough: bool
) -> None:
    """Or it would be as good for another one."""
    told = outcome(scheme, request("GET", TARGET, **made_by_hand(components)), world)
    assert told == (PAULS if enough else "A signature covers @method and @target-uri.")


def test_without_a_query_none_has_to_be_covered(world: World, scheme: SignatureAuth) -> None:
    """But one that is added on the way has."""
    components = ["@method", "@authority", "@path"]
    headers = made_by_hand(components, request("GET", "/notes"))
    told = outcome(scheme, request("GET", "/notes?all", **headers), world)
    assert told == "A signature covers @method and @target-uri."
    assert outcome(scheme, request("GET", "/notes", **headers), world) == PAULS


def test_a_body_is_covered(world: World, scheme: SignatureAuth) -> None:
    """One that is added on the way too."""
    told = outcome(scheme, request("GET", TARGET, b"hello", **signed()), world)
    assert told == "A signature covers the content-digest of a body."


def test_a_key_has_an_account_scopes_and_an_end(world: World, scheme: SignatureAuth) -> None:
    """As a token has."""
    world.keys["k1"] = SigningKey("k1", SECRET, PAUL, frozenset({"read"}), NOW + 1)
    caller = outcome(scheme, request("GET", TARGET, **signed()), world)
    assert isinstance(caller, Caller)
    assert set(caller.scopes) == {"read"}
    world.clock.advance(1000)
    told = outcome(scheme, request("GET", TARGET, **signed(nonce="n2")), world)
    assert told == "The key has expired."


def test_a_key_without_a_secret_signs_nothing(world: World, scheme: SignatureAuth) -> None:
    """Or everybody could."""
    world.keys["k1"] = SigningKey("k1", b"", PAUL)
    assert outcome(scheme, request("GET", TARGET, **signed(secret="")), world) == WRONG


def test_a_look_up_of_ones_own_takes_the_place_of_the_accounts(world: World) -> None:
    """It is given the id of the key."""
    scheme = SignatureAuth(lookup={"mine": SigningKey("mine", b"secret", PAUL)}.get)
    headers = signed(key_id="mine", secret="secret")
    assert isinstance(outcome(scheme, request("GET", TARGET, **headers), world), Caller)
