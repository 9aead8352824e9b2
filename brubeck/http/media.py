"""Content negotiation: which of the shapes on offer a caller would rather have (RFC 9110, 12.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_NAMED: Final = 3


def media_type(content_type: str) -> str:
    """Return the bare type of a ``Content-Type``, lower case.

    >>> media_type('Application/JSON; charset=utf-8')
    'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


def best_match(accept: str | None, offers: Sequence[str]) -> str | None:
    """Return the offer that an ``Accept`` header likes best, or None when it likes none.

    Of offers liked equally the one wins that is named more specifically, then one with a suffix,
    such as ``application/atom+xml``, then the earlier one; no header at all accepts everything.

    >>> best_match('text/*;q=0.5, application/json', ['text/html', 'application/json'])
    'application/json'
    """
    if accept is None or accept.strip() in ("", "*/*"):
        return offers[0]
    ranges = [_parse_range(each) for each in accept.split(",") if each.strip()]
    best, highest = None, (0.0, 0, False)
    for offer in offers:
        quality, specificity = _quality(offer, ranges)
        # A caller that names a format of a format can read the special one, and wants it.
        rank = (quality, specificity, specificity == _NAMED and "+" in offer)
        if quality and rank > highest:
            best, highest = offer, rank
    return best


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether a body may be sent in gzip (RFC 9110, section 12.5.3)."""
    if not accept_encoding:
        return False
    ranges = [_parse_range(each) for each in accept_encoding.split(",") if each.strip()]
    named = [quality for name, quality in ranges if name in ("gzip", "x-gzip")]
    if named:
        return max(named) > 0
    return any(name == "*" and quality > 0 for name, quality in ranges)


def _parse_range(text: str) -> tuple[str, float]:
    name, *parameters = text.split(";")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            return name.strip().lower(), _weight(value.strip())
    return name.strip().lower(), 1.0


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _quality(offer: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """Return the weight that the most specific matching range gives to an offer, and which it is.

    The second number is 3 for a range that names the offer, 2 for ``type/*`` and 1 for ``*/*``.
    """
    kind = offer.partition("/")[0]
    for specificity, pattern in ((_NAMED, offer), (2, f"{kind}/*"), (1, "*/*")):
        weights = [quality for name, quality in ranges if name == pattern]
        if weights:
            return max(weights), specificity
    return 0.0, 0
