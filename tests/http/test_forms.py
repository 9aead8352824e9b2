"""Multipart forms as clients of every kind send them."""

from __future__ import annotations

import pytest

from brubeck.http import Problem
from brubeck.http.forms import parse_multipart

TYPE = "multipart/form-data; boundary=xx"
NAMED = b'Content-Disposition: form-data; name="a"'


def read(body: bytes, size: int) -> tuple[list[tuple[str, str]], list[tuple[str, str, bytes]]]:
    """Return fields and files of a form that comes in pieces of a size."""
    form = parse_multipart((body[at : at + size] for at in range(0, len(body), size)), TYPE)
    return form.fields, [(file.name, file.filename, file.file.read()) for file in form.files]


def part(disposition: bytes, content: bytes = b"hi") -> bytes:
    """Return a form of one part."""
    return b"--xx\r\n" + NAMED + disposition + b"\r\n\r\n" + content + b"\r\n--xx--\r\n"


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"; filename=plain.txt", "plain.txt"),
        (b"; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        (b"; filename=\"naive.txt\"; filename*=utf-8'fr'na%C3%AFve.txt", "naïve.txt"),
        (b"; filename*=iso-8859-1''na%EFve.txt; filename=naive.txt", "naïve.txt"),
        (b"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        (b"; filename=\"a; filename*=UTF-8''b\"", "a; filename*=UTF-8''b"),
    ],
)
def test_a_file_has_the_name_that_was_meant(disposition: bytes, name: str, size: int) -> None:
    """By ``filename*`` where there is one, and never with a path."""
    assert read(part(disposition), size) == ([], [("a", name, b"hi")])


@pytest.mark.parametrize(
    "disposition", [b"; filename*=UTF-8''bad%C3.txt", b"; filename*=utf-7''a", b"; filename*=''a"]
)
def test_a_name_that_cannot_be_decoded_is_a_400(disposition: bytes) -> None:
    """Its part must not be taken for a field."""
    with pytest.raises(Problem) as caught:
        read(part(disposition), 100)
    assert caught.value.status == 400


@pytest.mark.parametrize("disposition", [b'; filename=""', b"; filename*=UTF-8''"])
def test_an_input_without_a_file_is_no_file(disposition: bytes) -> None:
    """Browsers send it with an empty name and nothing in it; with content it is a file."""
    assert read(part(disposition, b""), 5) == ([], [])
    assert read(part(disposition, b"hi"), 5) == ([], [("a", "", b"hi")])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 10_000])
@pytest.mark.parametrize("padding", [b"", b" ", b"\t", b" \t" * 40])
def test_white_space_behind_a_boundary_is_no_content(padding: bytes, size: int) -> None:
    """Behind the first, one in the middle and the last (RFC 2046, section 5.1.1)."""
    first, second = (NAMED + b"\r\n\r\n" + content for content in (b"a --xx \r\n\r", b"\r\n-- "))
    pieces = (b"--xx", padding, b"\r\n", first, b"\r\n--xx", padding, b"\r\n", second)
    body = b"".join(pieces) + b"\r\n--xx--" + padding + b"\r\n"
    assert read(body, size)[0] == [("a", "a --xx \r\n\r"), ("a", "\r\n-- ")]
    assert read(b"before\r\n" + body + b"behind", size)[0] == read(body, size)[0]
