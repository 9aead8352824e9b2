"""`AuthStreamHandler`: a stream that is for callers who are known, and perhaps for its owners only.

It refuses everybody until it is told whom to let in. In an *owned* stream a caller has only its own
items in sight, and those that name it among their ``readers``: in pages, totals, tags, changes,
exports and errors alike, there is nothing else. So nothing there may tell what others have: the
server makes every id, and an item of others is as little there as one that never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from brubeck.auth import BadCredentials, Caller, Scheme
from brubeck.auth.same_site import require_same_site_of_cookies, require_same_site_of_passwords
from brubeck.auth.scheme import authenticate, unknown
from brubeck.callables import check_type
from brubeck.errors import ConfigError, did_you_mean
from brubeck.http import Headers, Problem
from brubeck.storage import Record, Schema
from brubeck.streams.documents import OwnedDocument, StreamedDocument
from brubeck.streams.handler import VARY, StreamHandler

OWNER: Final = "owner"
"""The argument of a path that names whose partition it is."""
MAX_READERS: Final = 100
"""How many others may read an item."""
_ACTIONS: Final = ("read", "write")
_HEADERS: Final = Headers({"Vary": VARY, "Cache-Control": "private, no-cache"})


class AuthStreamHandler(StreamHandler):
    """A stream whose callers have to be known.

    >>> from brubeck.auth import BasicAuth, BearerAuth
    >>> class Journal(AuthStreamHandler):
    ...     model = OwnedDocument
    ...     schemes = (BearerAuth(), BasicAuth())
    ...     scopes = {'read': 'journal:read', 'write': 'journal:write'}
    ...     owned = True
    """

    schemes: ClassVar[Sequence[Scheme]] = ()
    """The ways to say who asks, tried in this order."""
    scopes: ClassVar[Mapping[str, str]] = {}
    """The scope that it takes to ``read`` and to ``write``; without one, to be known is enough."""
    owned: ClassVar[bool] = False
    """Whether callers see only what is theirs or names them as a reader, and change what is theirs.

    The model is an `OwnedDocument`. A path with ``<owner>`` keeps a partition for each owner's id;
    only there may a caller choose ids.
    """

    private = True
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
        for action in cls.scopes:
            if action not in _ACTIONS:
                hint = did_you_mean(action, _ACTIONS)
                raise ConfigError(
                    f'{name}.scopes has no "{action}"; there is read and write.{hint}'
                )
        if not cls.owned:
            return
        if not issubclass(cls.model, OwnedDocument):
            raise ConfigError(f"{name} is owned, so {name}.model must be an OwnedDocument.")
        readers = cls.model._fields.get("readers")
        if readers is not None and getattr(readers, "item_kind", None) != "string":
            raise ConfigError(f"{name}.model.readers must be a list of strings: callers' ids.")
        sight = ("owner_id",) if readers is None else ("owner_id", "readers")
        cls.schema = Schema(cls.schema.fields, sight)

    # Who asks.

    def get_current_user(self) -> Caller | None:
        """Return who asks; None where the request does not say.

        To be overridden where ``schemes`` will not do. It may raise `BadCredentials`, or a
        `Problem` of its own. It is called once a request, and every few seconds while a feed is
        open: the feed ends when the answer changes. Where it may have gone by a cookie, only pages
        of this site write, and those of the origins that ``cors`` names.
        """
        return authenticate(self.schemes, self.message, self.application)

    @property
    def caller(self) -> Caller:
        """Who asks; there is one before any method is called."""
        if self._caller is None:
            raise self._unknown("Say who you are.")
        return self._caller

    @property
    def viewer(self) -> str | None:
        """Whose sight pages and changes are limited to; None sees the whole stream."""
        return self.caller.id if self.owned else None

    @property
    def caller_key(self) -> str:
        """What names the caller among all callers."""
        return self.caller.id

    def admit(self) -> None:
        """Find out who asks, and refuse whoever may not: 401, or 403 for one who is known."""
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
            raise Problem(403, f"It takes the scope {needed} to {self.action} here.")

    def readmit(self) -> None:
        """Ask once more, as a request that lasts has to: who may not go on gets the `Problem`."""
        before = self.caller
        self.admit()
        if self.caller.id != before.id:
            raise self._unknown("The credentials are another's now.")

    def _unknown(self, detail: str, challenge: str | None = None) -> Problem:
        return unknown(self.schemes, detail, challenge)

    # What is whose.

    def check_document(self, document: StreamedDocument) -> None:
        """Refuse more readers than an item may have: each of them costs every write of it."""
        readers: Sequence[str] = getattr(document, "readers", None) or ()
        if self.owned and len(readers) > MAX_READERS:
            detail = f"An item has at most {MAX_READERS} readers."
            raise Problem(422, "The document is not valid.", errors=[("/readers", detail)])

    def claim(self, document: StreamedDocument) -> None:
        """Write down whose a new item is."""
        if not isinstance(document, OwnedDocument):
            return
        if self._is_others_partition:
            raise Problem(403, f"What is yours is at {self.place.at(self.caller.id)}.")
        document.owner_id = self.caller.id
        document.owner_username = self.caller.username or None

    def check_chosen_id(self, item_id: str | None) -> None:
        """Refuse an id that a caller chose where a taken one would tell what others have."""
        if self.owned and item_id is not None and not self._is_own_partition:
            detail = "The server makes the ids of this stream."
            raise Problem(422, "The document is not valid.", errors=[("/id", detail)])

    @property
    def may_choose_ids(self) -> bool:
        """Whether PUT may begin an item's life."""
        return not self.owned or self._is_own_partition

    def check_change(self, record: Record) -> None:
        """Refuse a change of what one may read but does not own."""
        if self.owned:
            stored: Any = self.model.decode_stored(record.body)
            if stored.owner_id != self.caller.id:
                raise Problem(403, f"The item {record.id} is not yours to change.")

    @property
    def _is_own_partition(self) -> bool:
        return self.place.partition == OWNER and self.partition_key == self.caller.id

    @property
    def _is_others_partition(self) -> bool:
        return self.owned and self.place.partition == OWNER and not self._is_own_partition
