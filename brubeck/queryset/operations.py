"""Write operations of a queryset: the upsert or removal of one document, and its result."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import MillisecondField
from brubeck.documents.repository import Operation
from brubeck.errors import ConfigError, did_you_mean
from brubeck.queryset.base import AbstractQueryset, AlreadyThere, Result
from brubeck.storage import (
    Delete,
    NotCanonical,
    Put,
    Record,
    StorageError,
    check_canonical,
)
from brubeck.storage.ids import RULE, is_id, new_id
from brubeck.timekeeping import EARLIEST, LATEST, curtime, datetime_to_millis


class _Tokened(Operation):
    """An operation with a result and a token of its own."""

    result: Result

    def __init__(self) -> None:
        self.token = uuid4().hex


class Upsert(_Tokened):
    """A document that replaces a stored one or is created, at its own time or now.

    Raises `ShieldException` or `NotCanonical` for an invalid one. With ``fill``, one without an id
    is given one; without ``replace``, it replaces no document. The fields ``kept`` have the values
    of the document that it replaces. One that is ``valid`` is not validated again.
    """

    def __init__(
        self,
        shield: Document,
        api_id: str,
        now: int,
        *,
        fill: bool,
        replace: bool = True,
        kept: Collection[str] = (),
        valid: bool = False,
    ) -> None:
        super().__init__()
        self.shield = shield
        self._kept = kept
        self._replace = replace
        self._valid = valid
        self.id = document_id(shield, api_id, fill=fill)
        if not valid:
            with _as_json():
                shield.validate(validate_all=True)
        self._created_at = _created_at(shield, now)

    def write(self, found: Record | None) -> Put:
        """Return the write of the document, as a new item or in the place of the found record.

        Raises `AlreadyThere` for a found record without ``replace``. The item stays where it is in
        the timeline, and a `MillisecondField` ``created_at`` is set to its time there.
        """
        if found is not None and not self._replace:
            raise AlreadyThere(self.id)
        if found is not None and self._kept:
            stored = type(self.shield).decode_stored(found.body)
            for name in self._kept:
                setattr(self.shield, name, getattr(stored, name))
        created_at = self._created_at if found is None else found.created_at
        if isinstance(self.shield._fields.get("created_at"), MillisecondField):
            self.shield["created_at"] = created_at
        return Put(
            id=self.id,
            created_at=created_at,
            body=_body(self.shield, values=not self._valid),
            token=self.token,
            expected=None if found is None else found.position,
        )

    def finish(self, found: Record | None) -> None:
        """Note that the document is stored."""
        status = AbstractQueryset.MSG_CREATED if found is None else AbstractQueryset.MSG_UPDATED
        self.result = Result(status, self.shield)

    def fail(self, reason: StorageError) -> None:
        """Note that it is not stored."""
        self.result = Result(AbstractQueryset.MSG_FAILED, self.shield, reason)


class Removal(_Tokened):
    """An item to be removed; ``show`` decodes its body for the caller."""

    def __init__(self, item_id: str, show: Callable[[bytes], Any]) -> None:
        super().__init__()
        self.id = item_id
        self._show = show

    def write(self, found: Record | None) -> Delete | None:
        """Return the deletion of the found record at its position; None without one."""
        if found is None:
            return None
        return Delete(id=self.id, token=self.token, expected=found.position)

    def finish(self, found: Record | None) -> None:
        """Set the result: the removed document, or Not Found."""
        if found is None:
            self.result = Result(AbstractQueryset.MSG_NOTFOUND, self.id)
        else:
            self.result = Result(AbstractQueryset.MSG_UPDATED, self._show(found.body))

    def fail(self, reason: StorageError) -> None:
        """Note that it is still there."""
        self.result = Result(AbstractQueryset.MSG_FAILED, self.id, reason)


def document_id(shield: Document, api_id: str, *, fill: bool) -> str:
    """Return the text of a document's id; `ShieldException` when it has none, or a bad one."""
    field = id_field(type(shield), api_id)
    value = field.__get__(shield)
    if value is None and fill:
        value = _fill(shield, field)
    if value is None:
        raise ShieldException("A document is stored by its id.", field.uniq_field, None)
    text = str(value)
    if not is_id(text):
        raise ShieldException(RULE, field.uniq_field, value)
    return text


def id_field(model: type[Document], api_id: str) -> Any:
    """Return the field that is the id of a class's documents; `ConfigError` when it has none."""
    field = getattr(model, api_id, None)
    known = model._fields
    if field is None or not any(field is each for each in known.values()):
        hint = did_you_mean(api_id, known)
        raise ConfigError(f'{model.__name__} has no field "{api_id}" to be the id.{hint}')
    return field


def _fill(shield: Document, field: Any) -> Any:
    """Give a document a new id, if its field takes any that can be made, and return it."""
    object_id = f"{curtime() // 1000:08x}{secrets.token_hex(8)}"
    for made in (new_id(), object_id):
        try:
            field.check_given(made)
        except ShieldException:
            continue
        field.__set__(shield, made)
        return field.__get__(shield)
    return None


def _created_at(shield: Document, now: int) -> int:
    """Return a document's time of creation in milliseconds; ``now`` where it has no valid one."""
    value: object = getattr(shield, "created_at", None)
    if isinstance(value, datetime):
        return datetime_to_millis(value)
    if isinstance(value, int) and not isinstance(value, bool) and EARLIEST <= value <= LATEST:
        return value
    return now


def _body(shield: Document, *, values: bool) -> bytes:
    """Return the stored form of a document; `NotCanonical` for one that has none.

    ``values`` False is for one whose values have been read from JSON by its class.
    """
    with _as_json():
        body = shield.encode()
    check_canonical(body, values=values)
    return body


@contextmanager
def _as_json() -> Iterator[None]:
    """Raise `NotCanonical` when a custom field has accepted a value that is not JSON."""
    try:
        yield
    except (TypeError, ValueError, RecursionError) as reason:
        raise NotCanonical("", f"This document is not JSON: {reason}.") from reason
