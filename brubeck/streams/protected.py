"""`AuthStreamHandler`: a stream for known callers, or for the owners of its items only.

Its ``schemes`` find the caller, ``may_read`` and ``may_write`` say what callers may do; see
`brubeck.streams.access`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from brubeck.auth import Caller, Scheme
from brubeck.auth.scheme import authenticate
from brubeck.errors import ConfigError
from brubeck.storage import RecordSchema
from brubeck.streams.access import OpenAccess, ProtectedAccess
from brubeck.streams.access_rules import Readers, Writers, check_scopes, declare_access
from brubeck.streams.context import Context
from brubeck.streams.handler import StreamHandler
from brubeck.streams.spec import StreamSpec


class AuthStreamHandler(StreamHandler):
    """A stream that requires authentication.

    >>> from brubeck.auth import BasicAuth, BearerAuth
    >>> from brubeck.streams import OwnedDocument
    >>> class Journal(AuthStreamHandler):
    ...     model = OwnedDocument
    ...     schemes = (BearerAuth(), BasicAuth())
    ...     scopes = {'read': 'journal:read', 'write': 'journal:write'}
    ...     owned = True
    """

    schemes: ClassVar[Sequence[Scheme]] = ()
    """The schemes of authentication, tried in this order."""
    scopes: ClassVar[Mapping[str, str]] = {}
    """The scope that is required to ``read`` and to ``write``; without one, every known caller may.
    """
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
    access: ClassVar[type[OpenAccess]] = ProtectedAccess

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller, or None for a request without credentials.

        To be overridden where ``schemes`` will not do. It may raise `BadCredentials`, or a
        `Problem`. It is called once a request, and every few seconds while a feed is open: the
        feed ends when the caller changes. Where it may have used a cookie, only pages of this site
        may write, and those of the origins that ``cors`` names.
        """
        return authenticate(self.schemes, context.request, context.application)

    @classmethod
    def _compile(cls) -> StreamSpec:
        spec = super()._compile()
        name = cls.__name__
        if isinstance(cls.schemes, Scheme) or not all(
            isinstance(each, Scheme) for each in cls.schemes
        ):
            raise ConfigError(f"{name}.schemes is a tuple of schemes, such as (BearerAuth(),).")
        rules = declare_access(
            cls.may_read, cls.may_write, owned=cls.owned, model=cls.model, owner=name
        )
        check_scopes(cls.scopes, rules, name)
        if not cls.schemes and "get_current_user" not in spec.overridden:
            raise ConfigError(
                f"{name} has no schemes, so that nobody could be let in: declare them, such as "
                "schemes = (BearerAuth(),), or override get_current_user."
            )
        if not issubclass(cls.access, ProtectedAccess):
            raise ConfigError(f"{name}.access must be a subclass of ProtectedAccess.")
        # Where nobody is asked for credentials, answers to readers are for everybody.
        private = rules.read != "anyone"
        return msgspec.structs.replace(
            spec,
            schema=_schema_of(cls, spec) if rules.owned else spec.schema,
            rules=rules,
            schemes=tuple(cls.schemes),
            scopes=dict(cls.scopes),
            private=private,
        )


def _schema_of(cls: type[AuthStreamHandler], spec: StreamSpec) -> RecordSchema:
    """Return the schema of an owned stream, which also names the fields with an item's viewers."""
    readers = spec.model._fields.get("readers")
    if readers is not None and getattr(readers, "item_kind", None) != "string":
        raise ConfigError(f"{cls.__name__}.model.readers must be a list of strings: callers' ids.")
    viewers = ("owner_id",) if readers is None else ("owner_id", "readers")
    return RecordSchema(spec.schema.fields, viewers)
