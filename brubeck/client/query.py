"""Query strings and bodies: Python values as the server reads them, checked before sending."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Pairs = list[tuple[str, str]]

PAGE_PARAMETERS: Final = frozenset(
    ("limit", "count", "order", "since", "until", "before", "after", "fields", "total", "wait")
)
"""The names that are no filters; a filter of such a name is declared as ``total__eq``."""
ORDERS: Final = ("newest", "oldest")
CURSOR: Final = re.compile(r"[0-9]{1,16}(~[0-9a-z]{1,32}(~[0-9]{1,16})?)?")
"""The syntax of a change cursor."""
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def query_string(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs as a query string.

    >>> query_string([('place', 'Ely, Nevada'), ('after', '7~a')])
    'place=Ely,%20Nevada&after=7~a'
    """
    return urlencode(list(pairs), quote_via=quote, safe="~:,")


def filter_pairs(filters: Mapping[str, object]) -> Pairs:
    """Return filters as pairs; a list, as an ``__in`` filter takes it, is a repeated parameter.

    Raises `ValueError` for a parameter that is no filter, and for a value that has no text.

    >>> filter_pairs({'network__in': ['ci', 'nc'], 'felt': True})
    [('network__in', 'ci'), ('network__in', 'nc'), ('felt', 'true')]
    """
    pairs: Pairs = []
    for name, value in filters.items():
        if name in PAGE_PARAMETERS:
            raise ValueError(f"{name} is not taken here, and cannot be the name of a filter")
        several = isinstance(value, list | tuple | set | frozenset)
        values = value if isinstance(value, list | tuple | set | frozenset) else (value,)
        if several and not values:
            raise ValueError(f"{name} is an empty list, which no item can match")
        pairs += [(name, value_text(name, each)) for each in values]
    return pairs


def value_text(name: str, value: object) -> str:
    """Return a value as the text of a query parameter; ``name`` is for the error.

    A datetime without a time zone is UTC. Raises `ValueError` for what has no text.

    >>> value_text('since', datetime(2026, 1, 1, tzinfo=UTC))
    '2026-01-01T00:00:00Z'
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which is no finite number")
        case int() | float() | Decimal():
            return str(value)
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
    raise ValueError(f"{name} cannot be {value!r}: give a text, number, bool, datetime or list")


def rfc3339(moment: datetime) -> str:
    """Return a datetime as RFC 3339 in UTC; one without a time zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def fields_pairs(fields: str | Iterable[str] | None) -> Pairs:
    """Return the parameter ``fields`` of one text or several names."""
    if fields is None:
        return []
    names = fields if isinstance(fields, str) else ",".join(fields)
    if not names:
        raise ValueError("fields is empty: name a field, or leave it out")
    return [("fields", names)]


def page_pairs(
    *,
    limit: int | None,
    order: str | None,
    since: object,
    until: object,
    fields: str | Iterable[str] | None,
    total: bool,
    filters: Mapping[str, object],
) -> Pairs:
    """Return the parameters of a page; `ValueError` for one that cannot be right."""
    pairs = filter_pairs(filters)
    if limit is not None:
        if not _is_count(limit) or limit < 1:
            raise ValueError(f"limit is the size of a page, at least 1, and not {limit!r}")
        pairs.append(("limit", str(limit)))
    if order is not None:
        if order not in ORDERS:
            raise ValueError(f"order is 'newest' or 'oldest', and not {order!r}")
        pairs.append(("order", order))
    bounds = (("since", since), ("until", until))
    pairs += [(name, value_text(name, value)) for name, value in bounds if value is not None]
    if total:
        pairs.append(("total", "true"))
    return pairs + fields_pairs(fields)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def link_pairs(link: str) -> Pairs:
    """Return the query of a link as pairs.

    Nothing else of a link is used: requests go to the stream's own URL, so that no server or proxy
    can send the client and its credentials elsewhere, and a prefix that a proxy strips stays.
    """
    return parse_qsl(urlsplit(link).query, keep_blank_values=True)


def checked_cursor(cursor: str | None) -> str | None:
    """Return a change cursor, ``'now'`` or None; `ValueError` for any other text."""
    if cursor not in (None, "now") and not CURSOR.fullmatch(str(cursor)):
        raise ValueError(f"after is a change cursor like 1763882651123456~k3f9, not {cursor!r}")
    return cursor


def checked_id(item_id: str) -> str:
    """Return an item's id; `ValueError` for a text that cannot be one."""
    if not _ID.fullmatch(str(item_id)) or item_id == "changes":
        raise ValueError(
            f"{item_id!r} cannot be the id of an item: 1 to 128 letters, digits and . _ : -"
        )
    return item_id


def json_body(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON; datetimes become RFC 3339.

    Raises `ValueError` for what JSON does not have, such as NaN, and for what is no mapping.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"a document is a mapping, and not {type(document).__name__}")  # noqa: TRY004, as any wrong argument
    text = json.dumps(
        dict(document),
        allow_nan=False,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_json_value,
    )
    return text.encode()


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"{value!r} has no form in JSON")
