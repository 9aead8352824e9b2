"""Signed requests that others had a hand in: nonsense, proxies, any client."""

from __future__ import annotations

import base64
import hashlib
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import SignatureAuth
from brubeck.auth.errors import BadCredentials
from brubeck.auth.replay import SeenNonces
from brubeck.auth.signed_messages import (
    check_digest,
    read_signatures,
)
from tests.auth.signing import PAULS, TARGET, WRONG, signed
from tests.auth.world import World, outcome, request


@pytest.fixture
def scheme() -> SignatureAuth:
    """Return a scheme that has seen no nonce."""
    return SignatureAuth()


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
