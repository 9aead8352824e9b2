"""Messages to and from Mongrel2: read whole, cut, and broken; written to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.connections.mongrel2.messages import encode_keep_alive, encode_reply, parse_message
from brubeck.connections.mongrel2.netstrings import Value, encode_netstring, encode_tnetstring
from brubeck.errors import ProtocolError

Fields = dict[str, str | list[str]]
WORDS: Fields = {"METHOD": "GET", "PATH": "/", "URI": "/?a=1", "VERSION": "HTTP/1.1"}


def as_json(fields: Fields) -> bytes:
    """Encode headers as Mongrel2 does: raw bytes, only quotes and backslashes escaped."""
    text = json.dumps(fields, ensure_ascii=False).replace("\\t", "\t")
    return encode_netstring(text.encode("latin-1"))


def as_tnetstring(fields: Fields) -> bytes:
    """Encode headers as Mongrel2 does with ``protocol='tnetstring'``."""

    def raw(value: str | list[str]) -> Value:
        if isinstance(value, str):
            return value.encode("latin-1")
        return [each.encode("latin-1") for each in value]

    return encode_tnetstring({name.encode("latin-1"): raw(value) for name, value in fields.items()})


def message(headers: bytes, body: bytes = b"", start: bytes = b"front-1 7 / ") -> bytes:
    return start + headers + encode_netstring(body)


both = pytest.mark.parametrize("encode", [as_json, as_tnetstring])
Encode = Callable[[Fields], bytes]


@both
def test_a_request_is_read(encode: Encode) -> None:
    """Mongrel2's words and the client's headers come apart, repeated ones in their order."""
    fields = WORDS | {"x-a": ["1", 'two "\\'], "uri": "mine", "1": "a\té\xff"}
    read = parse_message(message(encode(fields), b"a,b:c"))
    assert (read.sender, read.conn_id, read.body) == (b"front-1", b"7", b"a,b:c")
    assert read.words == WORDS
    assert read.get_all(b"x-a") == [b"1", b'two "\\']
    assert read.get_all(b"uri") == [b"mine"]
    assert read.get_all(b"1") == [b"a\t\xe9\xff"]
    assert not read.is_notice


@both
def test_notices_are_told_apart(encode: Encode) -> None:
    """Leaving and credits both come without a path; only the latter has a number."""
    gone = parse_message(message(encode({"METHOD": "JSON"}), b'{"type":"disconnect"}'))
    assert gone.is_notice
    assert gone.credits is None
    fields: Fields = {"METHOD": "JSON", "DOWNLOAD_CREDITS": "1024"}
    paid = parse_message(message(encode(fields), b'{"type":"credits"}'))
    assert paid.is_notice
    assert paid.credits == 1024


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"front",
        b"front 7 /",
        b"fr\xc3nt 7 / 2:{},0:,",
        b"front seven / 2:{},0:,",
        b"front -2 / 2:{},0:,",
        message(b"2:[],"),
        message(b"2:{x,"),
        message(b"0:]"),
        message(b'14:{"METHOD":null},'),
        message(as_json({})),
        message(as_json({"PATH": "/"})),
        message(as_json(WORDS)) + b"x",
        message(as_json(WORDS))[:-1],
        message(as_json(WORDS | {"a": "b\r\nc"}).replace(b"\\r\\n", b"\r\n")),
        message(encode_netstring(b'{"METHOD":"GET","a":"\\u0141"}')),
        message(encode_netstring(b'{"METHOD":"GET","a":"\\n"}')),
        message(encode_netstring(b'{"METHOD":"GET","a":' + b"[" * 100_000 + b"}")),
        message(encode_tnetstring({b"METHOD": 1})),
        message(encode_tnetstring({b"METHOD": [b"GET", [b"x"]]})),
        message(encode_tnetstring({b"METHOD": b"GET", b"a\n": b"x"})),
    ],
)
def test_a_broken_message_is_an_error(data: bytes) -> None:
    """What Mongrel2 cannot have sent is refused, whatever it is."""
    with pytest.raises(ProtocolError):
        parse_message(data)


@both
def test_no_part_of_a_message_is_taken_for_the_whole(encode: Encode) -> None:
    """Cut at any byte, it is an error."""
    data = message(encode(WORDS | {"host": "h"}), b"body")
    for end in range(len(data)):
        with pytest.raises(ProtocolError):
            parse_message(data[:end])


@given(data=st.binary(), headers=st.binary())
def test_no_bytes_raise_anything_else(data: bytes, headers: bytes) -> None:
    """Whatever comes is a message or a `ProtocolError`."""
    for each in (data, message(encode_netstring(headers)), message(headers), data + headers):
        try:
            parse_message(each)
        except ProtocolError:
            continue


value = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"))


@given(
    headers=st.dictionaries(
        st.text("abcdefghijklmnopqrstuvwxyz0123456789-!#$%&'*+.^_`|~", min_size=1),
        value | st.lists(value, min_size=2, max_size=5),
    ),
    body=st.binary(),
)
def test_any_headers_and_body_come_through(headers: Fields, body: bytes) -> None:
    """Both encodings say the same, whatever a client put into its headers."""
    for encode in (as_json, as_tnetstring):
        if encode is as_json:
            # A control character stands raw in Mongrel2's JSON; Python's writer would escape it.
            text = json.dumps(WORDS | headers, ensure_ascii=False)
            raw = message(encode_netstring(text.encode("latin-1")), body)
        else:
            raw = message(encode(WORDS | headers), body)
        read = parse_message(raw)
        assert read.words == WORDS
        assert read.body == body
        for name, expected in headers.items():
            values = [expected] if isinstance(expected, str) else expected
            found = [each.decode("latin-1") for each in read.get_all(name.encode())]
            assert found == values


def test_a_reply_is_written() -> None:
    """The length counts the ids and the spaces between them; an empty payload stays empty."""
    assert encode_reply(b"front", [b"1"], b"x y") == b"front 1:1, x y"
    assert encode_reply(b"front", [b"1", b"20"], b"") == b"front 4:1 20, "


def test_a_control_message_is_written() -> None:
    """It is a reply to ``X`` and the ids, with a tagged netstring as its payload."""
    assert encode_keep_alive(b"front", [b"1", b"2"]) == (
        b"front 5:X 1 2, 31:3:ctl,21:10:keep-alive,4:true!}]"
    )
