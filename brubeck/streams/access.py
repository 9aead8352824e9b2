"""Access: the decision on the reading and writing of a stream, for one request at a time.

`OpenAccess` lets everybody do everything. `ProtectedAccess` finds the caller by the stream's
schemes and applies its rules (`brubeck.streams.access_rules`). In a stream that only owners read,
an *owned* stream, a caller sees only its own items and those that name it among their ``readers``:
pages, totals, tags, changes, exports and errors alike show no others. They must not reveal the
items of others either: the server makes every id, and the answer for an item of others is that for
an item that never existed.

A stream's own rule is a subclass, declared as ``access``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from brubeck.auth import BadCredentials, Caller
from brubeck.auth.csrf import require_same_site_of_cookies, require_same_site_of_simple_requests
from brubeck.auth.scheme import authenticate, origins_of, unknown
from brubeck.callables import check_answer, check_methods, check_type, run_hook
from brubeck.canonical import sound_text
from brubeck.http import Problem
from brubeck.storage import Record
from brubeck.streams.context import Context
from brubeck.streams.documents import OwnedDocument, StreamedDocument, stored_owner
from brubeck.streams.spec import StreamSpec

OWNER: Final = "owner"
"""The argument of a path that names the owner of the partition."""
MAX_READERS: Final = 100
"""The maximal number of others that may read an item."""
_READING: Final = frozenset(("GET", "HEAD", "OPTIONS"))

CurrentUser = Callable[[Context], Caller | None]
"""The method ``get_current_user`` of a stream's class."""


def action_of(context: Context) -> str:
    """Return the kind of access that a request needs: ``read`` or ``write``."""
    return "read" if context.request.method in _READING else "write"


GUARDS: Final = ("admit", "get_current_user", "prepare")
"""The hooks that decide on a request, whichever documents it is for."""


class OpenAccess:
    """Everybody may do everything.

    Each check returns None, or raises a `Problem`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse coroutine functions: a check that is one would let everything pass."""
        super().__init_subclass__(**kwargs)
        check_methods(cls)

    def __init__(self, spec: StreamSpec) -> None:
        self.spec = spec

    def authenticate(self, context: Context, current_user: CurrentUser | None) -> None:
        """Set the caller and the viewer of a request; 401 for bad credentials.

        ``current_user`` is the stream's own way of finding the caller, if it has one.
        """

    def recheck(self, context: Context, current_user: CurrentUser | None) -> None:
        """Authenticate a long request again; 401 when the caller has lost access."""
        self.authenticate(context, current_user)

    def may_read(self, context: Context) -> bool:  # noqa: ARG002, for subclasses
        """Return whether a caller may read: 403 where it may not.

        The caller of a write that may not is not shown the item that it has written.
        """
        return True

    def may_choose_ids(self, context: Context) -> bool:  # noqa: ARG002, for subclasses
        """Return whether PUT may create an item."""
        return True

    def check_new_id(self, context: Context, item_id: str | None) -> None:
        """Refuse the id of a new item that the caller may not choose; None is no choice."""

    def check_document(self, context: Context, document: StreamedDocument) -> None:
        """Refuse a valid document that the caller may not write."""

    def assign_owner(self, context: Context, document: StreamedDocument) -> None:
        """Set the owner of a new item."""

    def check_change(self, context: Context, record: Record) -> None:
        """Refuse a change of an item that the caller sees."""


class ProtectedAccess(OpenAccess):
    """Authenticated callers with the permissions of the stream's rules and scopes."""

    def authenticate(self, context: Context, current_user: CurrentUser | None) -> None:
        """Set the caller and the viewer: 401 when it is unknown, 403 without the scope."""
        if check_answer(self.is_open(context), "is_open"):
            return
        spec, request = self.spec, context.request
        try:
            if current_user is None:
                caller = authenticate(spec.schemes, request, context.application)
            else:
                name = f"{spec.name}.get_current_user"
                caller = check_type(current_user(context), Caller, name)
        except BadCredentials as reason:
            raise unknown(spec.schemes, str(reason), reason.challenge) from reason
        context.identified = caller
        named = spec.origins.named if spec.origins is not None else ()
        require_same_site_of_simple_requests(request, (*named, *origins_of(spec.schemes)))
        if current_user is not None:
            # Schemes know by themselves which of them can be talked into something.
            require_same_site_of_cookies(request, named)
        action = action_of(context)
        needed = spec.scopes.get(action)
        if not context.caller.may(needed):
            raise Problem(403, f"The scope {needed} is required to {action}.")
        if spec.rules.owned:
            context.viewer = context.caller.id

    def is_open(self, context: Context) -> bool:
        """Return whether a request is for anyone, and so has no caller."""
        return self.spec.rules.read == "anyone" and action_of(context) == "read"

    def recheck(self, context: Context, current_user: CurrentUser | None) -> None:
        """Authenticate the caller of a long request again; 401 or 403 when it has lost access."""
        if check_answer(self.is_open(context), "is_open"):
            return
        before = context.caller
        self.authenticate(context, current_user)
        if context.caller.id != before.id:
            raise unknown(self.spec.schemes, "The credentials are those of another caller now.")

    def check_document(self, context: Context, document: StreamedDocument) -> None:  # noqa: ARG002
        """Refuse more readers than an item may have: each of them costs every write of it."""
        readers: Sequence[str] = getattr(document, "readers", None) or ()
        if self.spec.rules.owned and len(readers) > MAX_READERS:
            detail = f"An item has at most {MAX_READERS} readers."
            raise Problem(422, "The document is not valid.", errors=[("/readers", detail)])

    def assign_owner(self, context: Context, document: StreamedDocument) -> None:
        """Set the owner of a new item; 403 in the partition of another caller."""
        if not isinstance(document, OwnedDocument):
            return
        caller = context.caller
        if self._is_partition_of_another(context):
            own = context.request.prefix + self.spec.path.at(caller.id)
            raise Problem(403, f"This partition belongs to another owner; yours is {own}.")
        owner = caller.id, caller.username
        if not all(map(sound_text, owner)):
            raise ValueError(f"the caller {owner!r} has a NUL or half a character in its name")
        document.owner_id, document.owner_username = owner[0], owner[1] or None

    def check_new_id(self, context: Context, item_id: str | None) -> None:
        """Refuse a chosen id (422) where a conflict would reveal the existence of others' items."""
        if item_id is not None and not check_answer(self.may_choose_ids(context), "may_choose_ids"):
            detail = "The server makes the ids of this stream."
            raise Problem(422, "The document is not valid.", errors=[("/id", detail)])

    def may_read(self, context: Context) -> bool:
        """Return whether the caller of a write has the scope to read, if there is one.

        Otherwise the answer to an empty patch would be a way to read an item.
        """
        needed = self.spec.scopes.get("read")
        return needed is None or context.caller.may(needed)

    def may_choose_ids(self, context: Context) -> bool:
        """Return whether a caller may choose the ids of new items, as PUT does."""
        return not self.spec.rules.owned or self._is_own_partition(context)

    def check_change(self, context: Context, record: Record) -> None:
        """Refuse the change of an item (403) that the caller may read but does not own."""
        spec = self.spec
        if spec.rules.write != "owner":
            return
        if stored_owner(spec.model, record.body) != context.caller.id:
            raise Problem(403, f"Only its owner may change the item {record.id}.")

    def _is_own_partition(self, context: Context) -> bool:
        return self.spec.path.partition == OWNER and context.partition == context.caller.id

    def _is_partition_of_another(self, context: Context) -> bool:
        is_owners = self.spec.rules.write == "owner" and self.spec.path.partition == OWNER
        return is_owners and not self._is_own_partition(context)


class Admission:
    """The way into a stream: its access, then its hook ``admit``. Calling it checks again."""

    def __init__(self, access: OpenAccess) -> None:
        self._access = access
        overridden = access.spec.overridden
        self._finds_caller = "get_current_user" in overridden
        self._has_hook = "admit" in overridden
        self._identifies = bool(access.spec.schemes) or self._finds_caller
        # The scope to read has been asked for by then; a rule of the program has not.
        own = type(access).may_read
        self._asks_to_read = own not in (OpenAccess.may_read, ProtectedAccess.may_read)
        self.is_needed = self._has_hook or type(access) not in (OpenAccess, ProtectedAccess)
        """Whether a caller's access to a stream for everybody can be lost."""

    def admit(self, context: Context) -> None:
        """Authenticate the caller and check its rights; a `Problem` refuses the request."""
        run_hook(self._access.authenticate, context, self._current_user(context))
        self._check_rights(context)
        if self._has_hook:
            run_hook(context.hooks.admit, context)

    def __call__(self, context: Context) -> None:
        """Check a request that lasts again; a `Problem` when its caller has lost access."""
        run_hook(self._access.recheck, context, self._current_user(context))
        self._check_rights(context)
        if self._has_hook:
            run_hook(context.hooks.admit, context)

    def _check_rights(self, context: Context) -> None:
        self._check_identity(context)
        if not self._asks_to_read or action_of(context) != "read":
            return
        if not check_answer(self._access.may_read(context), "may_read"):
            raise Problem(403, "The caller may not read this stream.")

    def _check_identity(self, context: Context) -> None:
        """Refuse a request that an access of the program's own has let in by mistake.

        A stream that is not for everybody has a caller, and so has a write to one that knows
        callers; an owned one shows a caller its own items and no other's.
        """
        spec, caller = context.spec, context.identified
        is_known = spec.private or (self._identifies and action_of(context) == "write")
        if is_known and caller is None:
            raise unknown(spec.schemes, "Authentication is required.")
        if spec.rules.owned and (caller is None or context.viewer != caller.id):
            raise TypeError(f"{spec.name}.access sets no viewer, who would see the items of others")

    def _current_user(self, context: Context) -> CurrentUser | None:
        return getattr(context.hooks, "get_current_user") if self._finds_caller else None  # noqa: B009
