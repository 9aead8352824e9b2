"""Requests: parsed when asked for; forms, arguments, proxies; what cannot be read is a 400."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem, Request
from brubeck.http.forms import parse_urlencoded
from brubeck.http.media import accepts_gzip, best_match
from brubeck.http.proxies import Client, TrustedProxies
from brubeck.http.request import decode_path


def test_nothing_is_parsed_before_it_is_asked_for() -> None:
    """A request of nonsense can be made; each part complains by itself."""
    request = Request("POST", "/%FF?a=%FF", [(b"Cookie", b"=;")], b"{")
    assert request.cookies == {}
    for ask in ("path", "query_pairs", "arguments"):
        with pytest.raises(Problem):
            getattr(request, ask)
    with pytest.raises(Problem):
        request.json()


@pytest.mark.parametrize(
    ("method", "target", "path", "query"),
    [
        ("GET", "/a/b?c=d?e", "/a/b", "c=d?e"),
        ("GET", "http://h:1/a?b", "/a", "b"),
        ("GET", "HTTPS://h", "/", ""),
        ("OPTIONS", "*", "*", ""),
        ("GET", "/%2Fa//b", "//a//b", ""),
    ],
)
def test_every_form_of_target_is_read(method: str, target: str, path: str, query: str) -> None:
    """RFC 9112, section 3.2."""
    request = Request(method, target)
    assert (request.query, request.path, request.query) == (query, path, query)


@pytest.mark.parametrize(
    "target",
    [
        *("", "a", "*", "h:443", "ftp://h/a", "/a%00", "/%C3", "/a%7F", "/a#b", "/a?b#c"),
        *("http:///a", "http://u@h/a", "http://a,b/a", "http://h:99999/", "https://a b/"),
    ],
)
def test_no_other_target_is(target: str) -> None:
    """400."""
    with pytest.raises(Problem) as caught:
        Request("GET", target).path  # noqa: B018, reading it is the point
    assert caught.value.status == 400


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_a_query_says_what_was_put_in(pairs: list[tuple[str, str]]) -> None:
    """Any names and values that are text."""
    from urllib.parse import urlencode

    assert parse_urlencoded(urlencode(pairs)) == pairs


@given(st.binary(max_size=100))
def test_no_query_is_another_error(raw: bytes) -> None:
    """Whatever bytes it has."""
    try:
        parse_urlencoded(raw)
    except Problem as problem:
        assert problem.status == 400  # noqa: PT017, either way is right


@given(st.text(max_size=60))
def test_no_path_is_another_error(raw: str) -> None:
    """Whatever characters it has."""
    try:
        assert decode_path(raw) is not None
    except Problem as problem:
        assert problem.status == 400  # noqa: PT017, either way is right


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, "a/x"),
        ("", "a/x"),
        ("*/*", "a/x"),
        ("b/y", "b/y"),
        ("b/*;q=0.5, a/x;q=0.4", "b/y"),
        ("a/*;q=0, */*;q=0.1", "b/y"),
        ("A/X; level=1", "a/x"),
        ("a/x;q=0", None),
        ("a/x;q=nonsense", None),
        ("c/z", None),
        (",,;,", None),
    ],
)
def test_the_best_of_what_is_on_offer_is_chosen(accept: str | None, wanted: str | None) -> None:
    """By weight, then by how specific, then by our own order."""
    assert best_match(accept, ["a/x", "b/y"]) == wanted


@given(st.text(max_size=40))
def test_any_accept_is_read(accept: str) -> None:
    """Nonsense likes nothing, or what there is."""
    assert best_match(accept, ["a/x"]) in ("a/x", None)
    assert accepts_gzip(accept) in (True, False)


def test_gzip_is_taken_by_name_or_by_star() -> None:
    """And not when it weighs nothing."""
    assert [accepts_gzip(each) for each in ("gzip", "br, *", "gzip;q=0, *", "br", None)] == [
        *(True, True, False, False, False)
    ]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, Client("10.0.0.1", "http", "")),
        ({"X-Forwarded-For": "1.2.3.4"}, Client("1.2.3.4", "http", "")),
        ({"X-Forwarded-For": "9.9.9.9, 1.2.3.4, 10.0.0.2"}, Client("1.2.3.4", "http", "")),
        (
            {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "b"},
            Client("1.2.3.4", "https", "b"),
        ),
        ({"X-Forwarded-Proto": "gopher"}, Client("10.0.0.1", "http", "")),
        # One entry of each list for each trusted hop, from the right; the rest was somebody else's.
        (
            {
                "X-Forwarded-For": "9.9.9.9, 1.2.3.4, 10.0.0.2",
                "X-Forwarded-Proto": "gopher, https, http",
                "X-Forwarded-Host": "evil, public, inner",
            },
            Client("1.2.3.4", "https", "public"),
        ),
        (
            {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https, http"},
            Client("1.2.3.4", "http", ""),
        ),
        (
            {"X-Forwarded-For": "1.2.3.4, 10.0.0.2", "X-Forwarded-Proto": "https"},
            Client("1.2.3.4", "https", ""),
        ),
        ({"X-Forwarded-Host": "evil, public"}, Client("10.0.0.1", "http", "public")),
        (
            {
                "X-Forwarded-For": "1.2.3.4",
                "X-Forwarded-Host": "public",
                "X-Forwarded-Port": "8443",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Prefix": "/evil, /app/",
            },
            Client("1.2.3.4", "https", "public:8443", "/app"),
        ),
        (
            {"X-Forwarded-Host": "b", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"},
            Client("10.0.0.1", "https", "b"),
        ),
        (
            {"X-Forwarded-Host": "b:1", "X-Forwarded-Port": "x", "X-Forwarded-Prefix": "//evil"},
            Client("10.0.0.1", "http", "b:1"),
        ),
        ({"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "5.6.7.8"}, Client("5.6.7.8", "http", "")),
        ({"Forwarded": "for=1.2.3.4;host=evil"}, Client("10.0.0.1", "http", "")),
    ],
)
def test_a_trusted_proxy_is_believed(headers: dict[str, str], wanted: Client) -> None:
    """Back to the nearest host that is not one."""
    trusted = TrustedProxies(["10.0.0.0/8"])
    assert trusted.client(Client("10.0.0.1"), Headers(headers)) == wanted


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (
            {"Forwarded": 'for=9.9.9.9, for="[2001:db8::1]:80";proto=HTTPS;host="b:1"'},
            Client("2001:db8::1", "https", "b:1"),
        ),
        ({"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "5.6.7.8"}, Client("1.2.3.4", "http", "")),
        ({"Forwarded": ";;;=,for"}, Client("10.0.0.1", "http", "")),
        ({"X-Forwarded-For": "5.6.7.8", "X-Forwarded-Prefix": "/a"}, Client("10.0.0.1")),
    ],
)
def test_of_two_families_the_configured_one_counts(headers: dict[str, str], wanted: Client) -> None:
    """A proxy that sets one family passes the other on, as its caller sent it."""
    trusted = TrustedProxies(["10.0.0.0/8"], "forwarded")
    assert trusted.client(Client("10.0.0.1"), Headers(headers)) == wanted


def test_nobody_else_is_believed() -> None:
    """Not without trust, and not from a stranger."""
    headers = Headers({"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"})
    for networks in ([], ["192.168.0.0/16"]):
        direct = Client("10.0.0.1")
        assert TrustedProxies(networks).client(direct, headers) == direct
    assert TrustedProxies(["unix"]).client(Client(""), headers).address == "1.2.3.4"
    with pytest.raises(ConfigError, match="trusted_proxies"):
        TrustedProxies(["everybody"])


@pytest.mark.parametrize("network", ["10.0.0.0/8", "::ffff:0:0/96"])
def test_an_ipv4_address_within_ipv6_is_the_same(network: str) -> None:
    """That is how a socket for both shows it."""
    found = TrustedProxies([network]).client(
        Client("::ffff:10.0.0.1"), Headers({"X-Forwarded-For": "1.2.3.4"})
    )
    assert found.address == "1.2.3.4"


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60))
def test_any_forwarding_header_is_read(value: str) -> None:
    """Nonsense names nobody."""
    trusted = TrustedProxies(["10.0.0.0/8"])
    for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto"):
        assert trusted.client(Client("10.0.0.1"), Headers({name: value})) is not None


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/a", "header.example"),
        ("*", "header.example"),
        ("http://target.example/a", "target.example"),
        ("HTTPS://target.example:8443", "target.example:8443"),
        ("http://target.example?a=/b", "target.example"),
        ("http://[::1]:80/a", "[::1]:80"),
    ],
)
def test_the_host_of_the_target_wins(target: str, host: str) -> None:
    """Over the Host header (RFC 9112, section 3.2.2)."""
    assert Request("OPTIONS", target, Headers({"Host": "header.example"})).host == host


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "GZIP", "x"])
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"],
)
def test_a_body_with_a_content_coding_is_a_415(coding: str, content_type: str) -> None:
    """It would be taken for what it is not (RFC 9110, section 15.5.16)."""
    headers = Headers({"Content-Type": content_type, "Content-Encoding": coding})
    request = Request("POST", "/", headers, b"{}")
    read = request.json if content_type == "application/json" else lambda: request.form
    with pytest.raises(Problem) as caught:
        read()
    assert caught.value.status == 415
    assert caught.value.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["", "identity", "Identity, identity"])
def test_no_content_coding_is_as_good_as_identity(coding: str) -> None:
    """Some clients say so outright."""
    assert Request("POST", "/", Headers({"Content-Encoding": coding}), b"{}").json() == {}


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_refused_by_name(mark: str) -> None:
    """The words say what to leave out."""
    with pytest.raises(Problem, match="byte order mark") as caught:
        Request("POST", "/", Headers({}), "{}".encode(mark)).json()
    assert caught.value.status == 400
