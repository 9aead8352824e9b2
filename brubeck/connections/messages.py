"""Messages apart from HTTP: a path, a document, an id and headers.

They reach a handler as requests do, with the document as the body in JSON. Their encoding on the
way, as JSON or as msgpack, is between a connection and its other side.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from brubeck.errors import ProtocolError
from brubeck.green.collecting import decoded
from brubeck.http.headers import Headers
from brubeck.http.request import Request

Codec = Literal["json", "msgpack"]
"""How a message is written on its way."""

MAX_BYTES: Final = 1 << 20
"""The maximal size of a message as JSON, in bytes; larger data belong in a store."""

_PATH: Final = re.compile(r"/[^\x00-\x20\x7f]*")
_JSON: Final = {"Content-Type": "application/json"}
_ENCODERS: Final[dict[Codec, Callable[[object], bytes]]] = {
    "json": msgspec.json.encode,
    "msgpack": msgspec.msgpack.encode,
}


class Message(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message for the handler of a path, with ``data``.

    ``id`` names the message in logs and answers. ``method`` is the handler's method, ``headers``
    describe the data.
    """

    path: str
    data: Any = None
    id: str = ""
    method: str = "POST"
    headers: dict[str, str] = {}

    def request(self, connection: object) -> Request:
        """Return the message as a request of a connection.

        Raises `ProtocolError` for invalid headers, and for data that MessagePack has and JSON not.
        """
        try:
            headers = Headers(_JSON | self.headers)
        except ValueError as reason:
            raise ProtocolError(f"The headers of {self.path} are wrong: {reason}.") from reason
        try:
            body = msgspec.json.encode(self.data)
        except (TypeError, ValueError, RecursionError) as reason:
            raise ProtocolError(f"The data of {self.path} have no JSON: {reason}.") from reason
        request = Request(self.method, quote(self.path), headers, body, connection=connection)
        if self.id:
            request.assign_id(self.id)
        return request


_DECODERS: Final[dict[Codec, Callable[[bytes], Message]]] = {
    "json": msgspec.json.Decoder(Message).decode,
    "msgpack": msgspec.msgpack.Decoder(Message).decode,
}


def read_message(raw: bytes, codec: Codec) -> Message:
    """Return the message in some bytes; `ProtocolError` for invalid ones."""
    if len(raw) > MAX_BYTES:
        raise ProtocolError(f"A message has at most {MAX_BYTES} bytes; this one has {len(raw)}.")
    try:
        message = decoded(_DECODERS[codec], raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise ProtocolError(f"This is no message in {codec}: {reason}.") from reason
    check_path(message.path)
    for name, text, most in (("path", message.path, 2000), ("id", message.id, 200)):
        if len(text) > most or not text.isprintable():
            raise ProtocolError(f"A message's {name} has at most {most} characters, all printable.")
    return message


def write_message(message: object, codec: Codec) -> bytes:
    """Return the bytes of a message; `TypeError` or `ValueError` when it cannot be encoded."""
    return _ENCODERS[codec](message)


def check_path(path: str) -> None:
    """Raise `ProtocolError` for an invalid path of a message."""
    if not _PATH.fullmatch(path):
        raise ProtocolError(f"A message's path is like /resize, not {path[:160]!r}.")
