"""`StreamSpec`: a stream's declaration, checked and compiled once, when its class is made."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from brubeck.auth import Scheme
from brubeck.errors import ConfigError
from brubeck.explorer.options import PLAIN, Explorer
from brubeck.http import Headers
from brubeck.storage import RecordSchema
from brubeck.streams.access_rules import OPEN, AccessRules
from brubeck.streams.cross_origin import Origins, declare_origins
from brubeck.streams.declaration import Declaration
from brubeck.streams.documents import OwnedDocument, StreamedDocument
from brubeck.streams.filters import declare_filters, field_infos
from brubeck.streams.geometry import Geometry, declare_geometry
from brubeck.streams.parameters import Declared
from brubeck.streams.paths import PartitionRule, StreamPath, declare_partitions, declare_path
from brubeck.streams.private_fields import check_hidden_fields, hidden_fields
from brubeck.streams.rates import Rate, declare_rate
from brubeck.streams.retention import Retention, declare_retention
from brubeck.streams.shared_caching import (
    base_headers,
    declare_cache,
    reading_headers,
    refuse_personal,
)

JSON: Final = "application/json"


class StreamSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled declaration of a stream: the same for every application and request."""

    name: str
    """The name of the declaring class."""
    model: type[StreamedDocument]
    path: StreamPath
    title: str
    """The declared title; empty where there is none."""
    description: str
    """The declared description; empty where there is none."""
    storage: str
    """The name of the store."""
    partitions: PartitionRule
    parameters: Declared
    schema: RecordSchema
    hidden: frozenset[str]
    """The names of the private fields, which no caller sees or sets."""
    geometry: Geometry | None
    """The fields with the position of an item; None where they have none."""
    explorer: bool
    """Whether the stream has HTML pages."""
    appearance: Explorer
    """How its HTML pages look."""
    set_by_server: tuple[str, ...]
    """The fields that are ignored in a body: the caller does not set the owner of an item."""
    retention: Retention
    rate_limit: Rate | None
    origins: Origins | None
    read_only: bool
    accept_created_at: bool
    max_batch: int
    overridden: frozenset[str]
    """The names of the hooks that the class overrides; the others need not be called."""
    rules: AccessRules = OPEN
    schemes: Sequence[Scheme] = ()
    scopes: dict[str, str] = {}
    private: bool = False
    """Whether answers are for one caller alone."""
    max_age: int = 0
    """Seconds for which shared caches may keep answers to readers; 0 for none."""
    headers: Headers = base_headers(private=False, named_origins=False)
    """The headers of every answer."""
    reading_headers: Headers = headers
    """The headers of a page, an item and a page of changes."""

    @property
    def has_named_origins(self) -> bool:
        """Whether answers depend on the origin of the page that asks."""
        return self.origins is not None and bool(self.origins.named)

    def check_partition(self, key: str) -> None:
        """Raise `ValueError` unless there may be a partition of a key; "" where there are none."""
        if not self.path.partition:
            if key:
                raise ValueError(f"{self.path.template} has no partitions, and no {key!r}.")
        elif not self.partitions.allows(key):
            raise ValueError(f"{self.path.template} has no partition {key!r}.")


def compile_spec(declaration: type[Declaration], overridden: frozenset[str]) -> StreamSpec:
    """Return the spec of a stream without authentication.

    Raises `ConfigError` for a declaration that is wrong or contradicts itself.
    """
    name = declaration.__name__
    model: Any = declaration.model
    if not (isinstance(model, type) and issubclass(model, StreamedDocument)):
        raise ConfigError(f"{name}.model must be a subclass of StreamedDocument.")
    path = declare_path(declaration.path or f"/{model.__name__.lower()}", name)
    # As it was declared: a function is not to become a method.
    rule = inspect.getattr_static(declaration, "partitions")
    fields = model._fields
    for field_name, field in fields.items():
        if field.uniq_field != field_name:
            raise ConfigError(
                f"{name}.model: the field {field_name} has another name in JSON "
                f"({field.uniq_field}); a stream's fields have one name."
            )
    hidden = hidden_fields(model, StreamedDocument._fields)
    check_hidden_fields(model, hidden, name)
    geometry = declare_geometry(model, hidden, name)
    filters = declare_filters(declaration.filters, fields, name, hidden=hidden, geometry=geometry)
    owner_fields = set(OwnedDocument._fields) - set(StreamedDocument._fields)
    retention = declare_retention(declaration.retain, declaration.keep_deletions, name)
    return StreamSpec(
        name=name,
        model=model,
        path=path,
        title=declaration.feed_title,
        description=declaration.description,
        storage=declaration.storage,
        partitions=declare_partitions(rule, path, name),
        parameters=Declared(
            filters,
            frozenset(fields) - hidden,
            declaration.page_size,
            declaration.max_page_size,
        ),
        schema=RecordSchema(field_infos(fields, filters)),
        hidden=hidden,
        geometry=geometry,
        explorer=declaration.explorer is not False,
        appearance=declaration.explorer if isinstance(declaration.explorer, Explorer) else PLAIN,
        set_by_server=tuple(sorted(owner_fields)) if issubclass(model, OwnedDocument) else (),
        retention=retention,
        rate_limit=declare_rate(declaration.rate, name),
        origins=declare_origins(declaration.cors, name),
        read_only=declaration.read_only,
        accept_created_at=declaration.accept_created_at,
        max_batch=declaration.max_batch,
        max_age=declare_cache(declaration.cache, retention.deletions, name),
        overridden=overridden,
    )


def with_headers(
    spec: StreamSpec, *, own_access: bool, resources: Iterable[type] = ()
) -> StreamSpec:
    """Return a complete spec with the headers of its answers.

    ``own_access`` says whether the access class is one of the program, ``resources`` are those of
    the declaration. Raises `ConfigError` where caches are to keep what is not for everybody.
    """
    if spec.max_age:
        refuse_personal(
            spec.name,
            private=spec.private,
            overridden=spec.overridden,
            own_access=own_access,
            resources=resources,
        )
    headers = base_headers(private=spec.private, named_origins=spec.has_named_origins)
    return msgspec.structs.replace(
        spec, headers=headers, reading_headers=reading_headers(headers, spec.max_age)
    )
