"""JSON Web Tokens: whose word counts, by which algorithm, and what forgers try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import sys
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import Account, BadCredentials, Caller, JWTAuth
from brubeck.errors import ConfigError
from tests.auth.world import World, outcome, request

KEY = "a secret of thirty-two bytes, or more"
PAIR = ec.generate_private_key(ec.SECP256R1())
PRIVATE = PAIR.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC = (
    PAIR.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
INVALID = "The token is not valid."
SCHEME = JWTAuth(KEY, algorithms=["HS256"], audience="notes", issuer="https://id.example")


def claims(**more: Any) -> dict[str, Any]:
    """Return good claims, with others in their place; None takes one away."""
    good = {
        "sub": "7",
        "aud": "notes",
        "iss": "https://id.example",
        "exp": time.time() + 60,
        "preferred_username": "dave",
        "scope": "read write",
    }
    return {name: value for name, value in (good | more).items() if value is not None}


def token(key: str = KEY, algorithm: str = "HS256", kid: str | None = None, **more: Any) -> str:
    """Return a token of good claims, with others in their place."""
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(claims(**more), key, algorithm, headers=headers)


def told(made: str, scheme: JWTAuth = SCHEME) -> Caller | str | None:
    """Return what a scheme says of a token."""
    return outcome(scheme, request(authorization=f"Bearer {made}"), World())


def raw(header: object, payload: object = None, signature: str = "") -> str:
    """Return a token of any parts."""
    parts = (header, claims() if payload is None else payload)
    encoded = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts
    ]
    return ".".join([*encoded, signature])


def test_a_token_says_who_asks() -> None:
    """By its claims."""
    assert told(token()) == Caller("7", "dave", frozenset({"read", "write"}), "jwt:7")


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ({"scope": None}, set()),
        ({"scope": ""}, set()),
        ({"scope": None, "scp": ["read", "write"]}, {"read", "write"}),
        ({"scope": None, "scp": "read"}, {"read"}),
        ({"scope": "a", "scp": ["b"]}, {"a"}),
    ],
)
def test_scopes_are_a_text_or_a_list(said: dict[str, Any], scopes: set[str]) -> None:
    """In ``scope`` or ``scp``."""
    caller = told(token(**said))
    assert isinstance(caller, Caller)
    assert set(caller.scopes) == scopes


@pytest.mark.parametrize(
    "wrong",
    [
        *({"aud": "other"}, {"aud": None}, {"aud": ["other"]}, {"iss": "other"}, {"iss": None}),
        *({"exp": None}, {"exp": "soon"}, {"exp": float("inf")}, {"nbf": 2**40}),
        *({"sub": None}, {"sub": ""}, {"sub": 7}, {"scope": 7}, {"scope": {"read": True}}),
        *({"scope": None, "scp": ["read", 7]}, {"iat": "x"}, {"aud": 7}),
    ],
    ids=str,
)
def test_claims_that_are_not_as_they_must_be(wrong: dict[str, Any]) -> None:
    """Though the signature is good."""
    unchecked = jwt.PyJWS().encode(json.dumps(claims(**wrong)).encode(), KEY, "HS256")
    assert told(unchecked) == INVALID


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
def test_half_a_character_is_no_name(half: str) -> None:
    """JSON can escape it, but no storage and no header can hold it."""
    assert told(token(sub=half)) == INVALID
    caller = told(token(preferred_username=half))
    assert isinstance(caller, Caller)
    assert caller.username == ""


def test_a_token_ends_with_its_time() -> None:
    """Give or take the leeway."""
    past = token(exp=time.time() - 10)
    assert told(past) == "The token has expired."
    lenient = JWTAuth(KEY, algorithms=["HS256"], audience="notes", leeway=60)
    assert isinstance(told(past, lenient), Caller)


def test_a_token_without_signature_is_nothing() -> None:
    """Whatever its header says of that."""
    for name in ("none", "None", "NONE", "nOnE", "", "HS256"):
        assert told(raw({"alg": name, "typ": "JWT"})) == INVALID


def test_only_algorithms_of_the_list_count() -> None:
    """The token has no say in it."""
    assert told(token("x" * 64, "HS512")) == INVALID
    assert told(jwt.encode(claims(), KEY * 2, "HS512")) == INVALID


def test_a_public_key_is_no_secret() -> None:
    """The old trick: HMAC with the public key as its secret."""
    scheme = JWTAuth(PUBLIC, algorithms=["ES256"], audience="notes")
    assert isinstance(told(token(PRIVATE, "ES256"), scheme), Caller)
    head = raw({"alg": "HS256", "typ": "JWT"}).removesuffix(".")
    forged = hmac.digest(PUBLIC.encode(), head.encode(), hashlib.sha256)
    signature = base64.urlsafe_b64encode(forged).decode().rstrip("=")
    assert told(f"{head}.{signature}", scheme) == INVALID
    with pytest.raises(ConfigError, match="pair"):
        JWTAuth(PUBLIC, algorithms=["HS256"])


@pytest.mark.parametrize(
    "algorithms", [[], ["none"], ["HS256", "none"], ["HS256", "RS256"], ["HS265"], [""], "none"]
)
def test_a_list_that_is_not_safe_is_refused(algorithms: Any) -> None:
    """When the scheme is made."""
    with pytest.raises(ConfigError):
        JWTAuth(KEY, algorithms=algorithms)


def test_a_short_secret_is_refused() -> None:
    """It could be guessed (RFC 7518, section 3.2)."""
    with pytest.raises(ConfigError, match="32 bytes"):
        JWTAuth("secret", algorithms=["HS256"])
    with pytest.raises(ConfigError, match="64 bytes"):
        JWTAuth({"a": KEY}, algorithms=["HS256", "HS512"])


def test_keys_are_rotated_by_their_ids() -> None:
    """From a mapping, or from whatever a callable finds."""
    keys = {"old": KEY, "new": KEY.upper()}
    for found in (keys, lambda kid: keys.get(kid or "")):
        scheme = JWTAuth(found, algorithms=["HS256"], audience="notes")
        assert isinstance(told(token(KEY, kid="old"), scheme), Caller)
        assert isinstance(told(token(KEY.upper(), kid="new"), scheme), Caller)
        assert told(token(KEY, kid="new"), scheme) == INVALID
        assert told(token(KEY, kid="newer"), scheme) == INVALID
        assert told(token(KEY), scheme) == INVALID


def test_a_look_up_says_who_it_is() -> None:
    """And the scopes are those that both have."""
    known = {"7": Account("u7", "dave", scopes=frozenset({"read", "admin"}))}
    scheme = JWTAuth(
        KEY, algorithms=["HS256"], audience="notes", lookup=lambda said: known.get(said["sub"])
    )
    assert told(token(), scheme) == Caller("u7", "dave", frozenset({"read"}), "jwt:7")
    assert told(token(sub="8"), scheme) == INVALID


@pytest.mark.parametrize("sent", ["", "brb_x", "a.b", "a.b.c.d", "a.b.c.d.e"])
def test_what_has_another_shape_is_left_to_others(sent: str) -> None:
    """An opaque token, for one; an encrypted one is nothing that we could read."""
    assert told(sent) is None
    assert outcome(SCHEME, request(authorization=f"Basic {token()}"), World()) is None
    assert outcome(SCHEME, request(), World()) is None


@pytest.mark.parametrize(
    "forged",
    [
        "..",
        "a.b.c",
        "\xff.\xff.\xff",
        raw([]),
        raw(None),
        raw({}),
        raw({"alg": 7}),
        raw({"alg": ["HS256"]}),
        raw({"alg": "HS256", "kid": 7}),
        raw({"alg": "HS256", "crit": ["exp"]}),
        raw({"alg": "HS256", "b64": False, "crit": ["b64"]}),
        f"{raw({'alg': 'HS256'}, [1])}{'A' * 43}",
        "A" * 16_000 + "..",
        "W1tb" * 3000 + ".W1tb.W1tb",
    ],
    ids=itertools.count(),
)
def test_nonsense_is_bad_credentials(forged: str) -> None:
    """Never anything else."""
    assert told(forged) == INVALID


def test_swapped_parts_are_bad_credentials() -> None:
    """The claims of one token under the signature of another."""
    (head, mine, _), (_, _, theirs) = (token(sub=each).split(".") for each in ("7", "8"))
    assert told(f"{head}.{mine}.{theirs}") == INVALID


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_bad_credentials_or_left_to_others(one: str, two: str, three: str) -> None:
    """Whatever is between two dots."""
    sent = f"{one}.{two}.{three}".encode("utf-8", "replace").decode("latin-1")
    clean = "".join(each for each in sent if each.isprintable())
    assert told(clean) in (INVALID, None)


def test_the_challenge_of_a_bad_token_says_so() -> None:
    """As that of any bearer token."""
    with pytest.raises(BadCredentials) as caught:
        SCHEME.authenticate(request(authorization="Bearer a.b.c"), World())
    assert caught.value.challenge == 'Bearer realm="brubeck", error="invalid_token"'
    assert SCHEME.challenge == 'Bearer realm="brubeck"'
    assert SCHEME.openapi() == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def test_without_pyjwt_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the scheme is made, not at the first request."""
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ConfigError, match=r"pip install 'brubeck\[jwt\]'"):
        JWTAuth(KEY, algorithms=["HS256"])
