"""Where an AutoAPI is served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from brubeck.autoapi.base import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.errors import ConfigError
from brubeck.handlers.guards import check_guards
from brubeck.queryset import AbstractQueryset
from brubeck.queryset.operations import id_field
from brubeck.streams import StreamHandler
from brubeck.streams.documents import OwnedDocument
from brubeck.streams.private_fields import check_hidden_fields, hidden_fields

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


def placed(api: type[AutoAPIBase], base_url: str, prefix: str | None) -> type[AutoAPIBase]:
    """Return the AutoAPI as it is served; `ConfigError` for an invalid one."""
    name = getattr(api, "__name__", repr(api))
    given: object = api
    if not (isinstance(given, type) and issubclass(given, AutoAPIBase)):
        raise ConfigError(f"{name} is not a subclass of AutoAPIBase.")
    model: object = getattr(api, "model", None)
    if not (isinstance(model, type) and issubclass(model, Document)):
        raise ConfigError(f"{name}.model must be a subclass of Document.")
    if issubclass(model, OwnedDocument):
        raise ConfigError(
            f"{name}.model is an OwnedDocument, and an AutoAPI has no owners: any caller could "
            "write in the name of another. Declare a stream, an AuthStreamHandler."
        )
    check_guards(api, is_api=True)
    check_hidden_fields(model, hidden_fields(model, ()), name)
    queries: object = api.queries
    if not (queries is None or isinstance(queries, AbstractQueryset)):
        raise ConfigError(f"{name}.queries must be a queryset, not {queries!r}.")
    id_field(model, "id" if api.queries is None else api.queries.api_id)
    path = f"{base_url.rstrip('/')}/{model.__name__.lower()}" if prefix is None else prefix
    path = "/" + path.strip("/")
    if not _PATH.fullmatch(path):
        raise ConfigError(f'{name}: an AutoAPI is served at a path like "/todo", not {path!r}.')
    return type(api.__name__, (api,), {"path": path, "__doc__": api.__doc__})


def refuse_shared(api: type[AutoAPIBase], stream: type[StreamHandler]) -> None:
    """Raise `ConfigError` where an AutoAPI would keep its documents in a stream by its name.

    Anybody could read and change there what the stream guards.
    """
    name = api.model.__name__.lower()
    if api.queries is None and (api.storage, name) == (stream.storage, stream.spec.path.stream("")):
        raise ConfigError(
            f"{api.__name__} and the stream {stream.path} would both keep their documents as "
            f'"{name}" in the store "{api.storage}", and the guards of the stream are not those of '
            "the AutoAPI. Give the stream another path, or the AutoAPI another store."
        )


def refuse_twins(api: type[AutoAPIBase], others: Iterable[type[AutoAPIBase]]) -> None:
    """Raise `ConfigError` where two classes of one name would keep their documents together.

    What one AutoAPI guards, or hides, would be open in the other. One class may be served twice.
    """
    for other in others:
        is_one_place = other.storage == api.storage and other.queries is api.queries is None
        are_named_alike = other.model.__name__.lower() == api.model.__name__.lower()
        if is_one_place and are_named_alike and other.model is not api.model:
            raise ConfigError(
                f"{other.__name__} and {api.__name__} have two classes of the name "
                f"{api.model.__name__}, and would keep their documents together in the store "
                f'"{api.storage}": rename one, or give it another store.'
            )


def pattern_of(api: type[AutoAPIBase]) -> str:
    """Return the expression for the paths of an AutoAPI, with a slash at the end or without."""
    return f"^{re.escape(api.path)}(?:/(?P<ids>[^/]+))?/?$"
