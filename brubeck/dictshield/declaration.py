"""The declaration of a document class: its fields, options and ancestors, and its errors."""

from __future__ import annotations

import re
from itertools import chain
from keyword import iskeyword
from typing import Any, ClassVar, Final

from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.compiled import Compiled
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.shaping import SafeableMixin
from brubeck.errors import did_you_mean

_CONSTANT: Final = re.compile(r"(?:\w+\.)*(?:ClassVar|Final)\b")


class DocumentOptions:
    """The options of a class's ``Meta``.

    ``mixin``: the class lends its fields and leaves no trace in ``_cls`` and ``_types``.
    ``allow_inheritance``: whether ``_cls`` and ``_types`` are written at all.
    """

    known: ClassVar[tuple[str, ...]] = ("mixin", "allow_inheritance")

    def __init__(self, **given: Any) -> None:
        self.mixin: bool = given.pop("mixin", False)
        self.allow_inheritance: bool = given.pop("allow_inheritance", True)
        for name in given:
            raise InvalidShield(f'Meta has no option "{name}".{did_you_mean(name, self.known)}')


_LISTS: Final = frozenset(("_internal_fields", "_private_fields", "_public_fields"))
"""The lists of visible and hidden fields. Of several bases, those of all are inherited."""


class DocumentMetaclass(type):
    """Makes a document class: collects its fields, inherited first, and refuses bad ones."""

    _fields: dict[str, BaseField[Any]]
    _options: Any

    def __new__(  # noqa: D102 - the class says it
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        meta = namespace.pop("Meta", None)
        if bases:
            namespace.setdefault("__slots__", ())
        if len(bases) > 1:
            for key in _LISTS - namespace.keys():
                found = {
                    base: names for base in bases if (names := getattr(base, key, None)) is not None
                }
                namespace |= {key: _union(found, shown=key == "_public_fields")} if found else {}
        own = {key: value for key, value in namespace.items() if isinstance(value, BaseField)}
        rest = {key: value for key, value in namespace.items() if key not in own}
        cls: Any = super().__new__(mcs, name, bases, rest, **kwargs)
        cls._fields = _inherited(bases, rest)
        cls.__compiled__ = Compiled(cls, cls._fields)
        cls._class_name, cls._superclasses = _lineage(name, bases)
        cls._options = _options(cls, meta)
        for key, field in cls.complete(own, bases).items():
            _place(cls, key, field)
        _refuse_classes(cls, rest)
        _refuse_annotations(cls, rest)
        _refuse_clashes(cls)
        for key in sorted(_LISTS):
            _refuse_list(cls, key, rest.get(key))
        return cls

    def complete(
        cls, own: dict[str, BaseField[Any]], bases: tuple[type, ...]
    ) -> dict[str, BaseField[Any]]:
        """Return the fields to add to the inherited ones; a metaclass below may add some."""
        del bases
        return own


def _union(lists: dict[type, Any], *, shown: bool) -> Any:
    """Return the names of the lists of some classes; the first that is no list, to be refused.

    Of names that are ``shown``, one that a class has as a field and does not show is left out.
    """
    for each in lists.values():
        if not isinstance(each, list | tuple | set | frozenset):
            return each
    names = dict.fromkeys(chain.from_iterable(lists.values()))
    if not shown:
        return tuple(names)
    hidden = {
        name
        for base, given in lists.items()
        for name in getattr(base, "_fields", ())
        if name not in given
    }
    return tuple(name for name in names if name not in hidden)


def _refuse_classes(cls: Any, namespace: dict[str, Any]) -> None:
    """Raise for a member that is a field's class and not a field: it would be no field at all."""
    for key, value in namespace.items():
        if isinstance(value, type) and issubclass(value, BaseField):
            raise InvalidShield(
                f"{cls.__name__}.{key} is the class {value.__name__} and no field: write "
                f"{key} = {value.__name__}()."
            )


def _refuse_annotations(cls: Any, namespace: dict[str, Any]) -> None:
    """Raise for a member that is annotated like a field of a dataclass, and is none.

    Constants are annotated as ``ClassVar`` or ``Final``; names with an underscore are nobody's
    business.
    """
    for key, kind in namespace.get("__annotations__", {}).items():
        constant = _CONSTANT.match(kind if isinstance(kind, str) else repr(kind))
        if not (constant or key.startswith("_") or key in cls.__compiled__.fields):
            raise InvalidShield(
                f"{cls.__name__}.{key} is annotated, which makes no field: write "
                f"{key} = StringField(), or whichever field it is."
            )


def _options(cls: Any, meta: Any) -> DocumentOptions:
    """Return the options that a class's ``Meta`` gives."""
    if meta is not None and not isinstance(meta, type):
        raise InvalidShield(f"{cls.__name__}.Meta must be a class.")
    given = {key: getattr(meta, key) for key in dir(meta) if meta and not key.startswith("_")}
    try:
        options: DocumentOptions = cls.__optionsclass__(**given)
    except InvalidShield as reason:
        raise InvalidShield(f"{cls.__name__}: {reason}") from None
    return options


def _inherited(bases: tuple[type, ...], namespace: dict[str, Any]) -> dict[str, BaseField[Any]]:
    found: dict[str, BaseField[Any]] = {}
    for base in bases:
        found.update(getattr(base, "_fields", {}))
    return {name: field for name, field in found.items() if name not in namespace}


def _lineage(name: str, bases: tuple[type, ...]) -> tuple[str, dict[str, type]]:
    """Return the dotted name of a class and its ancestors by theirs; mixins leave no trace."""
    names, ancestors = [name], dict[str, type]()
    base: Any
    for base in bases:
        options = getattr(base, "_options", None)
        if options is None or options.mixin or "__root__" in vars(base):
            continue
        names.append(base._class_name)  # noqa: SLF001, of a class of ours
        ancestors.update(base._superclasses)  # noqa: SLF001, of a class of ours
        ancestors[names[-1]] = base
    return ".".join(reversed(names)), ancestors


def _place(cls: Any, name: str, field: BaseField[Any]) -> None:
    """Make a field a member of a class; raise `InvalidShield` for an invalid one."""
    placed = field.placed(name, cls)
    try:
        _refuse_name(cls, name)
        for part in placed.parts():
            part.refuse_misuse()
        placed.refuse_default()
        placed.refuse_example()
    except InvalidShield as reason:
        raise InvalidShield(f"{cls.__name__}.{name}: {reason}") from reason.__cause__
    cls.__compiled__.fields[name] = placed
    setattr(cls, name, placed)


def _refuse_name(cls: type, name: str) -> None:
    """Raise for a name that Python cannot write, or that would hide a method of all documents."""
    if not name.isidentifier() or iskeyword(name):
        raise InvalidShield("the name of a field must be an identifier; give it a uniq_field.")
    ours = (base for base in cls.__mro__ if base.__module__.startswith("brubeck.dictshield."))
    found = next((vars(base)[name] for base in ours if name in vars(base)), None)
    if found is not None and not isinstance(found, BaseField):
        raise InvalidShield("every document has a method of that name; give it a uniq_field.")


def _refuse_clashes(cls: Any) -> None:
    keys: dict[str, str] = {}
    for name, field in cls.__compiled__.fields.items():
        for key in {field.uniq_field, field.minimized_field_name or field.uniq_field}:
            if key in keys:
                raise InvalidShield(
                    f'{cls.__name__}: {keys[key]} and {name} share the key "{key}".'
                )
            keys[key] = name


def _refuse_list(cls: Any, key: str, names: Any) -> None:
    """Raise `InvalidShield` for an invalid list of field names, or an unknown name in it."""
    if names is None:
        return
    sound = isinstance(names, list | tuple | set | frozenset)
    if not sound or not all(isinstance(name, str) for name in names):
        raise InvalidShield(f"{cls.__name__}.{key} must be a list of names.")
    known = {*cls.__compiled__.fields, *SafeableMixin._internal_fields}  # noqa: SLF001, DictShield's name
    for name in names:
        if name not in known:
            near = did_you_mean(name, cls.__compiled__.fields)
            raise InvalidShield(f'{cls.__name__}.{key}: there is no field "{name}".{near}')
