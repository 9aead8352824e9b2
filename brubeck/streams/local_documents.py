"""The JSON of documents that a program gives a stream, with a `Problem` for what has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, Final

import msgspec

from brubeck.auth import Caller
from brubeck.canonical import (
    BAD_TEXT,
    CONTAINERS,
    OUT_OF_RANGE,
    TOO_DEEP,
    Path,
    faults,
    members,
    pointer,
)
from brubeck.dictshield.base import ShieldException
from brubeck.green import take_turn
from brubeck.http import Problem
from brubeck.storage import NotCanonical
from brubeck.streams.context import Context
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.patching import merge
from brubeck.streams.problems import problem_of

NewDocument = StreamedDocument | Mapping[str, Any] | bytes
"""A document of the stream's model, its members by their names in JSON, or its JSON."""
_INVALID: Final = "The document is not valid."

_raw_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)


def document_json(
    document: NewDocument, owner: Caller | None, model: type[StreamedDocument]
) -> bytes:
    """Return the JSON of a new document, with the fields of its owner.

    Raises a `Problem` (422) or a `ShieldException` for a document that has none.
    """
    if isinstance(document, bytes):
        body = document
    elif not isinstance(document, StreamedDocument):
        body = members_json(document)
    elif isinstance(document, model):
        with _shallow():
            document.validate(validate_all=True)
            body = document.encode()
    else:
        kind = type(document).__name__
        raise Problem(422, f"The document is a {kind}, and the model is {model.__name__}.")
    if owner is None:
        return body
    named = {"owner_id": owner.id, "owner_username": owner.username or None}
    try:
        return msgspec.json.encode(_raw_members.decode(body) | named)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise Problem(422, f"The document is not an object of JSON: {reason}.") from reason


def members_json(given: Mapping[str, Any]) -> bytes:
    """Return members as JSON; a `Problem` (422) names the values that JSON cannot hold."""
    with _shallow():
        return _members_json(given)


def _members_json(given: Mapping[str, Any]) -> bytes:
    try:
        value = dict(given)
        body = msgspec.json.encode(value)
        errors = list(numbers_lost(value, body))
    except UnicodeEncodeError:
        errors = [each for each in faults(_plain(value)) if each[1] == BAD_TEXT]
    except (TypeError, ValueError) as reason:
        raise Problem(422, f"The document cannot be written as JSON: {reason}.") from reason
    if errors:
        raise Problem(422, _INVALID, errors=errors)
    return body


def numbers_lost(value: object, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield an error for each number of a value that is not finite, which is a null in its JSON.

    ``body`` is what msgspec has made of the value. An error is a JSON pointer and a sentence.
    """
    if b"null" not in body:
        return
    plain = _plain(value)
    if isinstance(plain, float) and not isfinite(plain):
        yield pointer(None), OUT_OF_RANGE
    waiting: list[tuple[Any, Path]] = [(plain, None)] if isinstance(plain, CONTAINERS) else []
    while waiting:
        item, path = waiting.pop()
        for key, member in members(item):
            take_turn()
            if isinstance(member, CONTAINERS):
                waiting.append((member, (path, key)))
            elif isinstance(member, float) and not isfinite(member):
                yield pointer((path, key)), OUT_OF_RANGE


def _plain(value: object) -> Any:
    """Return a value with what msgspec writes as an object or a list as a dict or a list."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=lambda _raw: None)


def merged_json(body: bytes, patch: dict[str, object]) -> bytes:
    """Return the JSON of an item as a patch changes it (RFC 7396); a `Problem` (422) as above."""
    with _shallow():
        return msgspec.json.encode(merge(msgspec.json.decode(body), patch))


@contextmanager
def _shallow() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise Problem(422, _INVALID, errors=[("", TOO_DEEP)]) from None


@contextmanager
def problems(context: Context) -> Iterator[None]:
    """Raise a `Problem` (422) in place of any other error about a document."""
    try:
        yield
    except (ShieldException, NotCanonical) as reason:
        raise (problem_of(reason, context) or reason) from reason
