"""The interface of every queryset: four calls for one item or many, and their results.

A call with a list returns a list, in its order, and each item succeeds or fails by itself. A
result is a pair of a status and a datum:

======================  ===========  ===============================================
operation               status       datum
======================  ===========  ===============================================
created or updated,     ``Created``  the given document
none was stored
created or updated,     ``Updated``  the given document, which replaced the old one
one was stored
refused                 ``Failed``   the given document; ``error`` has the reason
read                    ``OK``       the stored document
read, not there         ``Failed``   the id, as text
destroyed               ``Updated``  the removed document
destroyed, not there    ``Not        the id, as text
                        Found``
inserted where one is   ``Failed``   the given document; ``error`` is
                                     `AlreadyThere`
======================  ===========  ===============================================
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, overload
from uuid import UUID

from brubeck.dictshield.document import Document
from brubeck.errors import BrubeckError
from brubeck.storage import StorageError

Id: TypeAlias = str | int | UUID
"""An id; one of any other type, such as an ObjectId, stands for its text as well."""
Many: TypeAlias = list[Any] | tuple[Any, ...]
"""Several documents, or several ids."""


class AlreadyThere(StorageError):
    """A document that was to be new, and its id has one already."""

    def __init__(self, item_id: object) -> None:
        super().__init__(f"There is one with the id {item_id} already.")


class _Pair(NamedTuple):
    status: str
    datum: Any


class Result(_Pair):
    """The result of one item: a pair of its status and a datum.

    ``error`` is why it was refused, a `ShieldException` or a `StorageError`; None otherwise.

    >>> status, datum = Result('OK', {'id': 'a'})
    >>> status
    'OK'
    """

    error: BrubeckError | None

    def __new__(  # noqa: D102 - the class says it
        cls, status: str, datum: Any, error: BrubeckError | None = None
    ) -> Self:
        made = super().__new__(cls, status, datum)
        made.error = error
        return made


class AbstractQueryset:
    """The base of querysets, for programs that keep documents in a way of their own.

    A subclass implements ``create_one``, ``read_one``, ``read_all``, ``update_one`` and
    ``destroy_one``, and the others where it can do better than one by one. ``db_conn`` is for the
    subclass, ``api_id`` the field that is the documents' id.
    """

    MSG_OK: ClassVar[str] = "OK"
    MSG_UPDATED: ClassVar[str] = "Updated"
    MSG_CREATED: ClassVar[str] = "Created"
    MSG_NOTFOUND: ClassVar[str] = "Not Found"
    MSG_FAILED: ClassVar[str] = "Failed"

    def __init__(self, db_conn: Any = None, api_id: str = "id") -> None:
        self.db_conn = db_conn
        self.api_id = api_id

    # The calls.

    @overload
    def create(self, shields: Document) -> Result: ...
    @overload
    def create(self, shields: Many) -> list[Result]: ...
    def create(self, shields: Document | Many) -> Result | list[Result]:
        """Store a document or a list of them; one with the same id is replaced."""
        if isinstance(shields, list | tuple):
            return self.create_many(shields)
        return self.create_one(shields)

    @overload
    def insert(self, shields: Document) -> Result: ...
    @overload
    def insert(self, shields: Many) -> list[Result]: ...
    def insert(self, shields: Document | Many) -> Result | list[Result]:
        """Store a document or a list of them, and replace nothing."""
        if isinstance(shields, list | tuple):
            return self.insert_many(shields)
        return self.insert_one(shields)

    @overload
    def read(self, ids: None = None) -> Iterable[Result]: ...
    @overload
    def read(self, ids: Many) -> list[Result]: ...
    @overload
    def read(self, ids: Id) -> Result: ...
    def read(self, ids: Id | Many | None = None) -> Result | Iterable[Result]:
        """Return the stored document of an id or the documents of a list; all without any.

        An empty text, as in a URL without an id, is no id; an empty list is a list.
        """
        if ids is None or ids == "":
            return self.read_all()
        if isinstance(ids, list | tuple):
            return self.read_many(ids)
        return self.read_one(ids)

    @overload
    def update(self, shields: Document) -> Result: ...
    @overload
    def update(self, shields: Many) -> list[Result]: ...
    def update(self, shields: Document | Many) -> Result | list[Result]:
        """Replace a document or a list of them; a missing one is stored."""
        if isinstance(shields, list | tuple):
            return self.update_many(shields)
        return self.update_one(shields)

    @overload
    def destroy(self, item_ids: Many) -> list[Result]: ...
    @overload
    def destroy(self, item_ids: Id) -> Result: ...
    def destroy(self, item_ids: Id | Many) -> Result | list[Result]:
        """Remove the stored document of an id or the documents of a list, and return it."""
        if isinstance(item_ids, list | tuple):
            return self.destroy_many(item_ids)
        return self.destroy_one(item_ids)

    # What they come down to.

    def create_one(self, shield: Document) -> Result:
        """Store one document."""
        raise NotImplementedError

    def create_many(self, shields: Many) -> list[Result]:
        """Store several documents."""
        return [self.create_one(shield) for shield in shields]

    def insert_one(self, shield: Document) -> Result:
        """Store one document where none is; a subclass that can does it in one step."""
        item_id = getattr(shield, self.api_id, None)
        if item_id is not None and self.read_one(item_id).status == self.MSG_OK:
            return Result(self.MSG_FAILED, shield, AlreadyThere(item_id))
        return self.create_one(shield)

    def insert_many(self, shields: Many) -> list[Result]:
        """Store several documents where none are."""
        return [self.insert_one(shield) for shield in shields]

    def read_all(self) -> Iterable[Result]:
        """Return everything."""
        raise NotImplementedError

    def read_one(self, iid: Id) -> Result:
        """Return the stored document of an id."""
        raise NotImplementedError

    def read_many(self, ids: Many) -> list[Result]:
        """Return the stored documents of several ids."""
        return [self.read_one(iid) for iid in ids]

    def update_one(self, shield: Document) -> Result:
        """Replace one document."""
        raise NotImplementedError

    def update_many(self, shields: Many) -> list[Result]:
        """Replace several documents."""
        return [self.update_one(shield) for shield in shields]

    def destroy_one(self, iid: Id) -> Result:
        """Remove the stored document of an id."""
        raise NotImplementedError

    def destroy_many(self, ids: Many) -> list[Result]:
        """Remove the stored documents of several ids."""
        return [self.destroy_one(iid) for iid in ids]
