"""Documents of the features of GeoJSON (RFC 7946), the inverse of `brubeck.streams.geojson`.

Rules:

- The properties are the document, as they are written. One without an id has that of the feature.
- The coordinates go into the fields of the stream's geometry, with their digits. Properties with
  the same position keep theirs, up to the digits that other programs round away.
- A feature without coordinates has the position of its properties, if any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

import msgspec

from brubeck.canonical import MAX_BYTES
from brubeck.cli.feature_collections import features

if TYPE_CHECKING:
    from brubeck.streams.geometry import Geometry

TOO_LONG: Final = "The feature is longer than an item may be."
_DEGREES: Final = 1e-7
"""The difference of degrees that are the same: RFC 7946 has seven digits written, a centimetre."""
_HEIGHTS: Final = 1e-3
"""The difference of heights that are the same: three digits are written."""
_NULL: Final = b"null"
_NOTHING: Final = msgspec.Raw(_NULL)

Members = dict[str, msgspec.Raw]
Document = tuple[int, bytes | str]
"""The number of a feature, and its document in JSON or a sentence about its fault."""


class _Feature(msgspec.Struct):
    """A feature; its other members are no part of an item."""

    type: Literal["Feature"]
    id: msgspec.Raw = _NOTHING
    geometry: msgspec.Raw = _NOTHING
    properties: msgspec.Raw = _NOTHING


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw = _NOTHING


_feature = msgspec.json.Decoder(_Feature)
_geometry = msgspec.json.Decoder(_Geometry)
_members: msgspec.json.Decoder[Members] = msgspec.json.Decoder(Members)
_numbers: msgspec.json.Decoder[list[float]] = msgspec.json.Decoder(list[float])
_raws: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class _Fault(Exception):
    """A sentence about the fault of a feature."""


def documents(file: BinaryIO, fields: Geometry) -> Iterator[Document]:
    """Yield the documents of a file; ``fields`` take the coordinates."""
    for number, feature in features(file):
        try:
            yield number, _document(feature, fields)
        except _Fault as fault:
            yield number, str(fault)


def _document(feature: bytes | None, fields: Geometry) -> bytes:
    """Return the JSON of a feature's item; `_Fault` where it is none."""
    if feature is None:
        raise _Fault(TOO_LONG)
    read = _read(feature)
    body = bytes(read.properties)
    if body == _NULL:
        body = b"{}"
    try:
        found = _members.decode(body)
    except (ValueError, RecursionError):
        raise _Fault("The properties are not an object.") from None
    added = _new_id(read, found) | _new_position(_coordinates(read.geometry), found, fields)
    if added:
        body = msgspec.json.encode(found | added)
    if len(body) > MAX_BYTES:
        raise _Fault(TOO_LONG)
    return body


def _read(feature: bytes) -> _Feature:
    try:
        return _feature.decode(feature)
    except msgspec.ValidationError:
        raise _Fault("This is not a Feature.") from None
    except (ValueError, RecursionError) as reason:
        raise _Fault(f"The feature is not JSON: {reason}") from None


def _new_id(read: _Feature, found: Members) -> Members:
    """Return the id that a document has not.

    That of the properties stays: programs that read an export may number its features anew.
    """
    raw = bytes(read.id)
    if raw == _NULL or bytes(found.get("id", _NOTHING)) != _NULL:
        return {}
    if raw[:1] == b'"':
        return {"id": read.id}
    if raw[:1] in b"-0123456789":
        return {"id": msgspec.Raw(msgspec.json.encode(raw.decode()))}
    raise _Fault("The id is neither a text nor a number.")


def _coordinates(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the coordinates of a point, or none; `_Fault` for others."""
    if bytes(raw) == _NULL:
        return []
    try:
        geometry = _geometry.decode(raw)
    except (ValueError, RecursionError):
        raise _Fault("The geometry has to be a Point.") from None
    if geometry.type != "Point":
        raise _Fault(f'The geometry is a "{geometry.type[:40]}", and has to be a Point.')
    try:
        count = len(_numbers.decode(geometry.coordinates))
    except (ValueError, RecursionError):
        count = 1
    if count == 1:
        raise _Fault("The coordinates are not two or three numbers.")
    return _raws.decode(geometry.coordinates)


def _new_position(given: list[msgspec.Raw], found: Members, fields: Geometry) -> Members:
    """Return the fields of a position that are not in the document."""
    from brubeck.streams.geometry import position

    if not given:
        return {}
    longitude, latitude, *rest = [msgspec.json.decode(each) for each in given]
    at = position(latitude, longitude)
    if at is None:
        raise _Fault("The coordinates are nowhere on earth; they are a longitude and a latitude.")
    added: Members = {}
    try:
        known = fields.of(found)
        if known is None or not all(map(_near, at, known)):
            added = _written(given, fields)
        if fields.height and rest and not _has_height(found, fields.height, rest[0]):
            added[fields.height] = given[2]
    except (ValueError, OverflowError, RecursionError) as reason:
        raise _Fault(f"The position in the properties cannot be read: {reason}.") from None
    return added


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _DEGREES


def _has_height(found: Mapping[str, msgspec.Raw], name: str, height: float) -> bool:
    """Return whether a document has a height already."""
    known = msgspec.json.decode(found.get(name, _NOTHING))
    return isinstance(known, int | float) and abs(known - height) <= _HEIGHTS


def _written(given: list[msgspec.Raw], fields: Geometry) -> Members:
    """Return coordinates as the fields that they go into."""
    longitude, latitude = given[:2]
    if fields.point:
        return {fields.point: msgspec.Raw(b"[%b,%b]" % (bytes(latitude), bytes(longitude)))}
    return {fields.longitude: longitude, fields.latitude: latitude}
