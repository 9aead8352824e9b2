"""Requests: parsed when asked for; forms, arguments, proxies; what cannot be read is a 400."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem, Request
from brubeck.http.forms import Form, FormLimits, parse_multipart, parse_urlencoded
from brubeck.http.media import accepts_gzip, best_match
from brubeck.http.proxies import Client, TrustedProxies
from brubeck.http.request import decode_path

FORM = (
    b"--X\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\none\r\ntwo\r\n--X\r\n'
    b'Content-Disposition: form-data; name="f"; filename="n.bin"\r\n'
    b"Content-Type: image/png\r\n\r\n\0\xff--X\r\n--X--\r\n"
)
TYPE = "multipart/form-data; boundary=X"


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


@pytest.mark.parametrize("target", ["", "a", "*", "h:443", "ftp://h/a", "/a%00", "/%C3", "/a%7F"])
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


def pieces(body: bytes, size: int) -> list[bytes]:
    """Return a body in pieces of a size."""
    return [body[start : start + size] for start in range(0, len(body), size)]


def shown(form: Form) -> tuple[object, object]:
    """Return what a form holds."""
    files = [(f.name, f.filename, f.content_type, f.file.read(), f.size) for f in form.files]
    return form.fields, files


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_form_is_read_in_any_pieces(size: int) -> None:
    """Byte by byte as well as whole."""
    assert shown(parse_multipart(pieces(FORM, size), TYPE)) == (
        [("a", "one\r\ntwo")],
        [("f", "n.bin", "image/png", b"\0\xff--X", 5)],
    )


@given(st.data())
def test_no_mutation_of_a_form_is_another_error(data: st.DataObject) -> None:
    """It is a form, or a problem."""
    raw = bytearray(FORM)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_multipart([bytes(raw)], TYPE)
    except Problem as problem:
        assert problem.status in (400, 413)  # noqa: PT017, either way is right


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        (FormLimits(parts=1), FORM),
        (FormLimits(field_size=5), FORM),
        (FormLimits(file_size=3), FORM),
    ],
)
def test_a_form_has_limits(limits: FormLimits, body: bytes) -> None:
    """Of parts, of a field, of a file: 413."""
    with pytest.raises(Problem) as caught:
        parse_multipart([body], TYPE, limits=limits)
    assert caught.value.status == 413


def test_files_go_where_they_are_told() -> None:
    """This layer opens nothing by itself."""
    opened: list[BinaryIO] = []

    def sink() -> BinaryIO:
        opened.append(BytesIO())
        return opened[-1]

    form = parse_multipart([FORM], TYPE, sink=sink)
    assert [file.file for file in form.files] == opened


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 71, "text/plain"]
)
def test_a_form_names_its_boundary(kind: str) -> None:
    """Or it is none."""
    with pytest.raises(Problem):
        parse_multipart([FORM], kind)


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
        (
            {"Forwarded": 'for=9.9.9.9, for="[2001:db8::1]:80";proto=HTTPS;host="b:1"'},
            Client("2001:db8::1", "https", "b:1"),
        ),
        ({"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "5.6.7.8"}, Client("1.2.3.4", "http", "")),
        ({"Forwarded": ";;;=,for"}, Client("10.0.0.1", "http", "")),
    ],
)
def test_a_trusted_proxy_is_believed(headers: dict[str, str], wanted: Client) -> None:
    """Back to the nearest host that is not one."""
    trusted = TrustedProxies(["10.0.0.0/8"])
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
