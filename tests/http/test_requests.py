"""Requests: parsed when asked for; forms, arguments, proxies; what cannot be read is a 400."""

from __future__ import annotations

import os
from io import BytesIO, TextIOWrapper
from pathlib import Path
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
    """To one place for all of them; this layer opens nothing by itself."""
    opened: list[BytesIO] = []

    def sink() -> BinaryIO:
        opened.append(BytesIO())
        return opened[-1]

    two = FORM.removesuffix(b"--X--\r\n") + FORM
    form = parse_multipart([two], TYPE, sink=sink)
    (place,) = opened
    assert place.getvalue() == b"\0\xff--X" * 2
    first, second = (file.file for file in form.files)
    assert (first.read(2), second.read(), first.read()) == (b"\0\xff", b"\0\xff--X", b"--X")
    assert parse_multipart([b"--X--\r\n"], TYPE, sink=sink).files == []
    assert len(opened) == 1


def test_a_file_of_a_form_is_read_like_any_other() -> None:
    """Sought in, by lines, as text; and never more of it than there is."""
    head = b"--X\r\nContent-Disposition: form-data; name=f; filename="
    body = head + b"a\r\n\r\none\ntwo\n\r\n" + head + b"b\r\n\r\nthree\r\n--X--\r\n"
    first, second = (file.file for file in parse_multipart([body], TYPE).files)
    assert list(first) == [b"one\n", b"two\n"]
    assert second.read() == b"three"
    assert (first.seek(-4, os.SEEK_END), first.read(), first.tell()) == (4, b"two\n", 8)
    assert (first.seek(99), first.read()) == (99, b"")
    with pytest.raises(ValueError, match="before the beginning"):
        first.seek(-9, os.SEEK_END)
    assert first.seek(0) == 0
    with TextIOWrapper(first) as text:
        assert text.readlines() == ["one\n", "two\n"]
    assert (second.seek(0), second.read()) == (0, b"three")


def part(name: str, content: bytes = b"", **options: str) -> bytes:
    """Return one part of a form."""
    told = "".join(f'; {key}="{value}"' for key, value in options.items())
    return b'--X\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (
        name.encode(),
        told.encode(),
        content,
    )


END = b"--X--\r\n"


@pytest.mark.parametrize(
    ("told", "filename"),
    [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\notes\\take.txt", "take.txt"),
        ("a/b\\c", "c"),
        ("..", ""),
        ("a/..", ""),
        ("a/", ""),
        ("", ""),
        ("café ☃.txt", "café ☃.txt"),
    ],
)
def test_a_filename_is_no_path(told: str, filename: str) -> None:
    """Whoever takes it for the name of a file stays in the folder (RFC 7578, section 4.2)."""
    (file,) = parse_multipart([part("f", b"x", filename=told), END], TYPE).files
    assert (file.filename, file.size) == (filename, 1)


@pytest.mark.parametrize("char", ["\0", "\t", "\x1b", "\x7f"])
def test_a_filename_has_no_control_characters(char: str) -> None:
    """400; the name of a field may be any text, as in a query."""
    with pytest.raises(Problem) as caught:
        parse_multipart([part("f", b"x", filename=f"a{char}.txt"), END], TYPE)
    assert caught.value.status == 400
    assert parse_multipart([part(f"a{char}", b"x"), END], TYPE).fields == [(f"a{char}", "x")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([part("a")] * 1001 + [END], 413),
        ([part("a", filename="a")] * 1001 + [END], 413),
        ([b"--X\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n"], 413),
        ([b"--X\r\n", b"x" * 5000], 413),
        ([b"--X\r\n" + b"X-Many: x\r\n" * 9 + b"\r\n"], 413),
        ([part("a", b"x" * 600_000)] * 28 + [END], 413),
        ([part("a", b"x" * (1 << 20) + b"x"), END], 413),
        ([part("a", b"x")], 400),
        ([part("a", b"x"), b"--X"], 400),
        ([part("a", b"x"), b"--X\r\n"], 400),
        ([b""], 400),
        ([b"no boundary anywhere"] * 100, 400),
        ([b"--Y\r\n\r\n--Y--\r\n"], 400),
        ([b"--X\r\n\r\nno disposition\r\n", END], 400),
        ([b"--X\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n", END], 400),
        ([b"--X\r\nContent-Disposition: form-data; name=\xff\r\n\r\nx\r\n", END], 400),
        ([part("a", b"\xff"), END], 400),
    ],
    ids=range(17),
)
def test_no_bomb_is_a_form(body: list[bytes], status: int) -> None:
    """Of parts, of heads, of what is held in memory; nor is what never ends."""
    with pytest.raises(Problem) as caught:
        parse_multipart(body, TYPE)
    assert caught.value.status == status


def test_a_form_within_a_form_is_a_field() -> None:
    """Nothing in it is looked at: nesting is of the past (RFC 7578, section 4.3)."""
    inner = b"--Y\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--Y--\r\n"
    outer = b"--X\r\nContent-Disposition: form-data; name=a\r\n"
    outer += b"Content-Type: multipart/mixed; boundary=Y\r\n\r\n" + inner + b"\r\n" + END
    assert parse_multipart([outer], TYPE).fields == [("a", inner.decode())]


def test_a_form_for_which_there_is_no_room_is_a_507(caplog: pytest.LogCaptureFixture) -> None:
    """And the log says why."""
    body = [part("f", b"x" * 100, filename="f"), END]
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(Problem) as caught:
        parse_multipart(body, TYPE, sink=lambda: full)
    assert caught.value.status == 507
    assert "No space left" in caplog.text


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
