"""Signed requests: the standard's own example, and all that may be wrong with one."""

from __future__ import annotations

import base64
import gc
import hashlib
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import Caller, SignatureAuth, SigningKey
from brubeck.auth.errors import BadCredentials
from brubeck.auth.replay import SeenNonces
from brubeck.auth.signed_messages import (
    check_digest,
    read_signatures,
    sign,
    signature_base,
    signed_headers,
)
from brubeck.http import Headers, Request
from brubeck.http.proxies import Client
from tests.auth.world import NOW, PAUL, SECRET, World, outcome, request

PAULS = Caller("u1", "paul", frozenset({"read", "write"}), "key:k1")
WRONG = "The signature is not valid."
OLD = "The signature is too old; sign the request anew."
AGAIN = "The request has come already; sign it anew, with another nonce."
URL = "https://api.example/notes?limit=2"
TARGET = "/notes?limit=2"

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


def signed(method: str = "GET", url: str = URL, body: bytes = b"", **said: Any) -> dict[str, str]:
    """Return the headers of a request that is signed well."""
    good: dict[str, Any] = {
        "key_id": "k1",
        "secret": SECRET.decode(),
        "created": NOW // 1000,
        "nonce": "n1",
    }
    made = signed_headers(method, url, body, **(good | said))
    return {name.replace("-", "_").lower(): value for name, value in made.items()}


def made_by_hand(
    components: list[str], asked: Request | None = None, **parameters: Any
) -> dict[str, str]:
    """Return the headers of a request that is signed with any components and parameters."""
    given = {"created": NOW // 1000, "keyid": "k1", "nonce": "n1"} | parameters
    kept = {name: value for name, value in given.items() if value is not None}
    base = signature_base(asked or request("GET", TARGET), components, kept)
    described = base.decode("latin-1").rpartition('"@signature-params": ')[2]
    value = base64.b64encode(sign(base, SECRET)).decode()
    return {"signature_input": f"s={described}", "signature": f"s=:{value}:"}


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


@pytest.mark.parametrize(
    "described",
    [
        *("", "x", "s", "s=", "s=()", "s=1", "s=:AA==:", 's=("@method"', "s=((", "\xff"),
        *('s=("@method"), t=("@method")', 't=("@method" "@target-uri")', "s=(a)", "s=(1)"),
        *('s=("@method";req "@target-uri")', 's=("@method" "@method")', "s=?1;created=1"),
        's=("@method" "@target-uri" "x-none");created=1500000000;keyid="k1";nonce="n"',
        's=("@method" "@target-uri" "Host");created=1500000000;keyid="k1";nonce="n"',
        's=("@method" "@target-uri" "@status");created=1500000000;keyid="k1";nonce="n"',
        's=("@method" "@target-uri" "");created=1500000000;keyid="k1";nonce="n"',
        "s=(" + " ".join(f'"x{n}"' for n in range(65)) + ")",
        "s=" + "(" * 100_000,
    ],
    ids=itertools.count(),
)
def test_nonsense_is_bad_credentials(world: World, scheme: SignatureAuth, described: str) -> None:
    """And never anything else; nor is either header good without the other."""
    value = signed()["signature"].replace("sig=", "s=")
    for headers in (
        {"signature_input": described, "signature": value},
        {"signature_input": described},
        {"signature": value},
        {**signed(), "signature": described},
        {**signed(), "signature": "sig=:AAAA:"},
        {**signed(), "signature": 'sig="x"'},
    ):
        assert isinstance(outcome(scheme, request("GET", TARGET, **headers), world), str)


@pytest.mark.parametrize("digest", ["", "x", "md5=:AAAA:", "sha-256=1", "sha-256=:AA==:", "("])
def test_a_digest_that_is_none_is_bad_credentials(digest: str) -> None:
    """Also where it is signed."""
    with pytest.raises(BadCredentials, match="Content-Digest"):
        check_digest(request("POST", "/", b"hello", content_digest=digest))


def test_every_digest_that_is_known_is_held_against_the_body() -> None:
    """One that is right makes up for none that is wrong; unknown ones are passed over."""
    right = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    check_digest(request("POST", "/", b"hello", content_digest=f"sha-256=:{right}:, md5=:AA==:"))
    both = f"sha-256=:{right}:, sha-512=:AA==:"
    with pytest.raises(BadCredentials):
        check_digest(request("POST", "/", b"hello", content_digest=both))


def test_a_request_that_is_not_signed_is_left_to_others(
    world: World, scheme: SignatureAuth
) -> None:
    """A digest alone signs nothing."""
    assert outcome(scheme, request(content_digest="sha-256=:AA==:"), world) is None
    assert scheme.challenge is None
    assert msgspec.json.encode(scheme.openapi())


PARTS = st.text(alphabet='s=()"@method; ,:AZaz09?*._-\\%', max_size=60)


@given(PARTS, PARTS)
def test_any_headers_are_read_or_refused(described: str, value: str) -> None:
    """With nothing between."""
    try:
        signatures = [read() for read in read_signatures(described, value)]
    except BadCredentials:
        return
    for signature in signatures:
        assert isinstance(signature.signed, bytes)
        assert len(set(signature.components)) == len(signature.components)


@given(
    st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=9),
    st.sampled_from(["GET", "DELETE"]),
    st.text(alphabet="abc/%20.~", max_size=9),
    st.none() | st.text(alphabet="abc=&%20?", max_size=9),
)
def test_what_a_client_signs_is_verified(
    nonce: str, method: str, path: str, query: str | None
) -> None:
    """Whatever the path, the query and the nonce."""
    target = f"/{path}" if query is None else f"/{path}?{query}"
    headers = signed(method, f"https://api.example{target}", nonce=nonce)
    assert outcome(SignatureAuth(), request(method, target, **headers), World()) == PAULS


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_no_nonce_passes_twice_however_little_is_remembered(uses: list[tuple[int, int]]) -> None:
    """What was forgotten is refused by its time."""
    seen, passed = SeenNonces(3), []
    for number, created in uses:
        # A nonce is signed together with its time: each pair is another request.
        if seen.first_use(f"{number}-{created}", created):
            passed.append((number, created))
    assert len(set(passed)) == len(passed)
    assert len(seen) <= 3


PROXIES = (
    '("@method" "@authority" "signature";key="s");created=1;keyid="lb";alg="ecdsa-p256-sha256"',
    '("@method" "@target-uri");created=1618884473;keyid="lb";nonce="p";alg="ed25519"',
    '("@method";req "@status");keyid="lb"',
    '("@method" "@target-uri");created=1;keyid="k1";nonce="n1"',
    "()",
)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("before", [False, True])
def test_a_signature_that_a_proxy_added_does_not_spoil_ours(
    scheme: SignatureAuth, proxy: str, before: bool
) -> None:
    """Wherever it stands, and whatever it covers (RFC 9421, section 4.3)."""
    own = signed()
    added = {"signature_input": f"proxy_sig={proxy}", "signature": "proxy_sig=:AAAA:"}
    pairs = {name: (added[name], own[name]) if before else (own[name], added[name]) for name in own}
    headers = {name: ", ".join(pair) for name, pair in pairs.items()}
    assert outcome(scheme, request("GET", TARGET, **headers), World()) == PAULS


@pytest.mark.parametrize("proxy", PROXIES)
def test_several_signatures_without_a_good_one_are_refused(
    scheme: SignatureAuth, proxy: str
) -> None:
    """Neither a number of them nor a forged one of ours is let through."""
    forged = signed(secret="another secret, as long as the right one")
    headers = {
        "signature_input": f"{forged['signature_input']}, proxy_sig={proxy}",
        "signature": f"{forged['signature']}, proxy_sig=:AAAA:",
    }
    assert outcome(scheme, request("GET", TARGET, **headers), World()) == WRONG
    many = {
        "signature_input": ", ".join(f"s{n}={proxy}" for n in range(9)),
        "signature": ", ".join(f"s{n}=:AAAA:" for n in range(9)),
    }
    said = outcome(scheme, request("GET", TARGET, **many), World())
    assert said == "A request has at most 8 signatures."
