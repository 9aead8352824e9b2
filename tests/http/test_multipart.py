"""Forms of several parts: read in any pieces, bounded, and no way to a file of ours."""

from __future__ import annotations

import os
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.http import Problem
from brubeck.http.forms import Form, FormLimits, parse_multipart

FORM = (
    b"--X\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\none\r\ntwo\r\n--X\r\n'
    b'Content-Disposition: form-data; name="f"; filename="n.bin"\r\n'
    b"Content-Type: image/png\r\n\r\n\0\xff--X\r\n--X--\r\n"
)
TYPE = "multipart/form-data; boundary=X"


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
