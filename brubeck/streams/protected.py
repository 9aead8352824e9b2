"""`AuthStreamHandler`: a stream for known callers, or for the owners of its items only.

Its ``schemes`` find the caller, ``may_read`` and ``may_write`` say what callers may do. In a
stream that only owners read, an *owned* stream, a caller sees only its own items and those that
name it among their ``readers``: pages, totals, tags, changes, exports and errors alike show no
others. They must not reveal the items of others either: the server makes every id, and the answer
for an item of others is that for an item that never existed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from brubeck.auth import BadCredentials, Caller, Scheme
from brubeck.auth.same_site import require_same_site_of_cookies, require_same_site_of_passwords
from brubeck.auth.scheme import authenticate, unknown
from brubeck.callables import check_type
from brubeck.dictshield.limits import sound_text
from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem
from brubeck.storage import Record, Schema
from brubeck.streams.access import Access, Readers, Writers, check_scopes, declare_access
from brubeck.streams.documents import OwnedDocument, StreamedDocument
from brubeck.streams.handler import PUBLIC_HEADERS, VARY, StreamHandler

OWNER: Final = "owner"
"""The argument of a path that names the owner of the partition."""
MAX_READERS: Final = 100
"""How many others may read an item."""
_HEADERS: Final = Headers({"Vary": VARY, "Cache-Control": "private, no-cache"})


class AuthStreamHandler(StreamHandler):
    """A stream that requires authentication.

    >>> from brubeck.auth import BasicAuth, BearerAuth
    >>> class Journal(AuthStreamHandler):
    ...     model = OwnedDocument
    ...     schemes = (BearerAuth(), BasicAuth())
    ...     scopes = {'read': 'journal:read', 'write': 'journal:write'}
    ...     owned = True
    """

    schemes: ClassVar[Sequence[Scheme]] = ()
    """The schemes of authentication, tried in this order."""
    scopes: ClassVar[Mapping[str, str]] = {}
    """The scope that it takes to ``read`` and to ``write``; without one, to be known is enough."""
    may_read: ClassVar[Readers | None] = None
    """The callers that may read: ``'anyone'``, without credentials; ``'authenticated'``, the
    default; or ``'owner'``: a caller sees only its own items and those that name it as a reader.

    Where anyone may read, reading requests are not asked for credentials at all.
    """
    may_write: ClassVar[Writers | None] = None
    """The callers that may change an item: ``'authenticated'``, or ``'owner'``, the default where
    the model is an `OwnedDocument`. Every known caller may create items of its own."""
    owned: ClassVar[bool] = False
    """Whether only owners read and write: ``may_read = may_write = 'owner'``.

    The model is an `OwnedDocument`. A path with ``<owner>`` keeps a partition for each owner's id;
    only there may a caller of an owned stream choose ids.
    """

    access: ClassVar[Access] = Access("authenticated", "authenticated")
    private: ClassVar[bool] = True
    _headers_of_stream = _HEADERS
    _caller: Caller | None = None

    @classmethod
    def _declare(cls) -> None:
        super()._declare()
        name = cls.__name__
        if isinstance(cls.schemes, Scheme) or not all(
            isinstance(each, Scheme) for each in cls.schemes
        ):
            raise ConfigError(f"{name}.schemes is a tuple of schemes, such as (BearerAuth(),).")
        cls.access = declare_access(
            cls.may_read, cls.may_write, owned=cls.owned, model=cls.model, owner=name
        )
        check_scopes(cls.scopes, cls.access, name)
        if not cls.schemes and cls.get_current_user is AuthStreamHandler.get_current_user:
            raise ConfigError(
                f"{name} has no schemes, so that nobody could be let in: declare them, such as "
                "schemes = (BearerAuth(),), or override get_current_user."
            )
        # Where nobody is asked for credentials, answers to readers are for everybody.
        cls.private = cls.access.read != "anyone"
        cls._headers_of_stream = _HEADERS if cls.private else PUBLIC_HEADERS
        if not cls.access.owned:
            return
        readers = cls.model._fields.get("readers")
        if readers is not None and getattr(readers, "item_kind", None) != "string":
            raise ConfigError(f"{name}.model.readers must be a list of strings: callers' ids.")
        sight = ("owner_id",) if readers is None else ("owner_id", "readers")
        cls.schema = Schema(cls.schema.fields, sight)

    # The caller.

    def get_current_user(self) -> Caller | None:
        """Return the caller, or None for a request without credentials.

        To be overridden where ``schemes`` will not do. It may raise `BadCredentials`, or a
        `Problem`. It is called once a request, and every few seconds while a feed is open: the
        feed ends when the caller changes. Where it may have used a cookie, only pages of this site
        may write, and those of the origins that ``cors`` names.
        """
        return authenticate(self.schemes, self.message, self.application)

    @property
    def caller(self) -> Caller:
        """The authenticated caller; a `Problem` (401) where there is none."""
        if self._caller is None:
            raise self._unknown("Authentication is required.")
        return self._caller

    @property
    def viewer(self) -> str | None:
        """The id of the viewer that pages and changes are limited to; None for all items."""
        return self.caller.id if self.access.owned else None

    @property
    def caller_key(self) -> str:
        """The caller's id; empty where a reader needs no credentials."""
        return "" if self._caller is None else self._caller.id

    def admit(self) -> None:
        """Authenticate the caller, and refuse it: 401 when it is unknown, 403 without the scope."""
        if self.is_open:
            return
        try:
            name = f"{type(self).__name__}.get_current_user"
            self._caller = check_type(self.get_current_user(), Caller, name)
        except BadCredentials as reason:
            raise self._unknown(str(reason), reason.challenge) from reason
        named = self.origins.named if self.origins is not None else ()
        require_same_site_of_passwords(self.message, named)
        if type(self).get_current_user is not AuthStreamHandler.get_current_user:
            # Schemes know by themselves which of them can be talked into something.
            require_same_site_of_cookies(self.message, named)
        needed = self.scopes.get(self.action)
        if not self.caller.may(needed):
            raise Problem(403, f"The scope {needed} is required to {self.action}.")

    @property
    def is_open(self) -> bool:
        """Whether the request is for anyone, and so has no caller."""
        return self.access.read == "anyone" and self.action == "read"

    def readmit(self) -> None:
        """Authenticate the caller of a long request again; a `Problem` when it has lost access."""
        if self.is_open:
            return
        before = self.caller
        self.admit()
        if self.caller.id != before.id:
            raise self._unknown("The credentials are another's now.")

    def _unknown(self, detail: str, challenge: str | None = None) -> Problem:
        return unknown(self.schemes, detail, challenge)

    # Ownership.

    def check_document(self, document: StreamedDocument) -> None:
        """Refuse more readers than an item may have: each of them costs every write of it."""
        readers: Sequence[str] = getattr(document, "readers", None) or ()
        if self.access.owned and len(readers) > MAX_READERS:
            detail = f"An item has at most {MAX_READERS} readers."
            raise Problem(422, "The document is not valid.", errors=[("/readers", detail)])

    def claim(self, document: StreamedDocument) -> None:
        """Set the owner of a new item; 403 in the partition of another caller."""
        if not isinstance(document, OwnedDocument):
            return
        if self._is_others_partition:
            raise Problem(
                403, f"What is yours is at {self.message.prefix}{self.place.at(self.caller.id)}."
            )
        owner = self.caller.id, self.caller.username
        if not all(map(sound_text, owner)):
            raise ValueError(f"the caller {owner!r} has a NUL or half a character in its name")
        document.owner_id, document.owner_username = owner[0], owner[1] or None

    def check_chosen_id(self, item_id: str | None) -> None:
        """Refuse a chosen id (422) where a conflict would reveal the existence of others' items."""
        if self.access.owned and item_id is not None and not self._is_own_partition:
            detail = "The server makes the ids of this stream."
            raise Problem(422, "The document is not valid.", errors=[("/id", detail)])

    @property
    def may_choose_ids(self) -> bool:
        """Whether PUT may begin an item's life."""
        return not self.access.owned or self._is_own_partition

    def check_change(self, record: Record) -> None:
        """Refuse the change of an item (403) that the caller may read but does not own."""
        if self.access.write == "owner":
            stored: Any = self.model.decode_stored(record.body)
            if stored.owner_id != self.caller.id:
                raise Problem(403, f"Only its owner may change the item {record.id}.")

    @property
    def _is_own_partition(self) -> bool:
        return self.place.partition == OWNER and self.partition_key == self.caller.id

    @property
    def _is_others_partition(self) -> bool:
        is_owners = self.access.write == "owner" and self.place.partition == OWNER
        return is_owners and not self._is_own_partition
