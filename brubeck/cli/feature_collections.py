"""A FeatureCollection of GeoJSON (RFC 7946, 3.3) cut into its features, one at a time.

Rules:

- The text may stand on one line or on many, with a byte order mark, and with any members before and
  behind ``features``.
- A feature has `MAX_FEATURE_BYTES` at the most; a longer one is passed over.
- An older ``crs`` (GeoJSON of 2008) has to be one of WGS 84: RFC 7946 knows no others.
- The features before a fault of the text are yielded before it is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeVar

import msgspec

from brubeck.cli.json_scanner import EndOfFile, JsonScanner
from brubeck.errors import BrubeckError

MAX_FEATURE_BYTES: Final = 4 << 20
"""The bytes of a feature, of which its item has 1 MiB at the most."""
_MAX_MEMBER_BYTES: Final = 1 << 16
"""The bytes of a member of the collection that is looked at."""
_TYPE: Final = "FeatureCollection"
_NO_COLLECTION: Final = f"The file is not a {_TYPE} of GeoJSON."
_WGS_84: Final = re.compile(r"(?:.*:)?(?:CRS84h?|EPSG:(?:[\d.]*:)?(?:4326|4979))", re.IGNORECASE)
"""The names of WGS 84 with the longitude first, as programs write GeoJSON, and with heights."""

T = TypeVar("T")
Feature = tuple[int, bytes | None]
"""A feature's number, from 1, and its bytes; None where it is longer than one may be."""


def features(file: BinaryIO) -> Iterator[Feature]:
    """Yield the features of a file, as they are written; `BrubeckError` for another text.

    >>> from io import BytesIO
    >>> list(features(BytesIO(b'{"type":"FeatureCollection","features":[{"id":1}, {}]}')))
    [(1, b'{"id":1}'), (2, b'{}')]
    """
    collection = _Collection(JsonScanner(file))
    try:
        yield from collection.features()
    except EndOfFile:
        raise BrubeckError(f"The file breaks off {collection.where}.") from None


class _NamedSystem(msgspec.Struct):
    name: str


class _System(msgspec.Struct):
    """A coordinate reference system by its name (GeoJSON of 2008, 3.1)."""

    properties: _NamedSystem


class _Collection:
    """The members of a collection, in the order of the text."""

    def __init__(self, scanner: JsonScanner) -> None:
        self.where = "before its features"
        """The place that has been reached, for an error."""
        self._scanner = scanner
        self._has_type = False

    def features(self) -> Iterator[Feature]:
        """Yield the features; `EndOfFile` where the text ends before them, or before its end."""
        scanner, has_features = self._scanner, False
        if not scanner.take(b"{"):
            raise BrubeckError(_NO_COLLECTION)
        is_over = self._took(b"}")
        while not is_over:
            if self._name() == "features":
                if not self._took(b"["):
                    raise BrubeckError(_NO_COLLECTION)
                has_features = True
                yield from self._elements()
            is_over = self._ends(b"}")
        if not (has_features and self._has_type):
            raise BrubeckError(_NO_COLLECTION)
        if scanner.peek():
            raise self._fault()

    def _name(self) -> str:
        """Return the name of the next member, and go behind its value unless it is the features."""
        raw = self._scanner.value(_MAX_MEMBER_BYTES)
        try:
            name = "" if raw is None else msgspec.json.decode(raw, type=str)
        except (ValueError, RecursionError):
            raise self._fault() from None
        if not self._took(b":"):
            raise self._fault()
        if name != "features":
            value = self._scanner.value(_MAX_MEMBER_BYTES)
            if value == b"":
                raise self._fault()
            self._check(name, value)
        return name

    def _check(self, name: str, value: bytes | None) -> None:
        """Raise for a member with which the text is no collection, or one of other degrees."""
        if name == "type":
            kind = _decoded(value, str)
            if kind != _TYPE:
                named = f'The file is a "{kind[:40]}", not a {_TYPE} of GeoJSON.' if kind else ""
                raise BrubeckError(named or _NO_COLLECTION)
            self._has_type = True
        elif name == "crs" and value != b"null":
            system = _decoded(value, _System)
            system_name = "another system" if system is None else system.properties.name[:80]
            if not _WGS_84.fullmatch(system_name):
                short = re.sub(r"urn:ogc:def:crs:(\w+):[\d.]*:", r"\1:", system_name)
                raise BrubeckError(
                    f"The coordinates are of {short}, and have to be of WGS 84 (EPSG:4326)."
                )

    def _elements(self) -> Iterator[Feature]:
        """Yield the values of the list that begins."""
        number = 0
        self.where = "before feature 1"
        is_over = self._took(b"]")
        while not is_over:
            number += 1
            yield number, self._element(number)
            is_over = self._ends(b"]")
        self.where = "behind its features"

    def _element(self, number: int) -> bytes | None:
        """Return the next value of the list."""
        if not self._scanner.peek():
            raise EndOfFile
        before, self.where = self.where, f"within feature {number}"
        value = self._scanner.value(MAX_FEATURE_BYTES)
        self.where = before if value == b"" else f"behind feature {number}"
        if value == b"":
            raise self._fault()
        return value

    def _took(self, sign: bytes) -> bool:
        """Return whether a sign was taken; `EndOfFile` where there is none at all."""
        if not self._scanner.peek():
            raise EndOfFile
        return self._scanner.take(sign)

    def _ends(self, sign: bytes) -> bool:
        """Return whether the sign of an end comes next, and not a comma."""
        if self._took(sign):
            return True
        if not self._took(b","):
            raise self._fault()
        return False

    def _fault(self) -> BrubeckError:
        return BrubeckError(f"The file is not JSON {self.where}.")


def _decoded(value: bytes | None, kind: type[T]) -> T | None:
    """Return a value of a type, or None for any other."""
    try:
        return None if value is None else msgspec.json.decode(value, type=kind)
    except (ValueError, RecursionError):
        return None
