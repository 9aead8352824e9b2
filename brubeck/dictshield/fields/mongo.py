"""The field of MongoDB's ids. ``bson``, which comes with pymongo, is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.field import BaseField

if TYPE_CHECKING:
    from typing import Unpack

    from bson.objectid import ObjectId

    from brubeck.dictshield.field import FieldOptions

__all__ = ["BaseField", "ObjectIdField", "ShieldException"]


class ObjectIdField(BaseField["ObjectId"]):
    """An ObjectId; its 24 hexadecimal digits in JSON.

    With ``auto_fill`` a document without a value gets a new one; mostly MongoDB gives it.
    """

    kind = "string"
    takes_blank = False
    converts = True

    def __init__(self, auto_fill: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(**options)
        self.auto_fill = auto_fill

    def __set__(self, instance: Any, value: ObjectId | str | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    @property
    def has_default(self) -> bool:
        """Whether a missing id is filled in."""
        return self.auto_fill or super().has_default

    def initial(self) -> Any:
        """Return the default, or with ``auto_fill`` a new id."""
        if self.default is None and self.auto_fill is True:
            return _object_id()()
        return super().initial()

    def adopt(self, value: Any) -> Any:
        """Return text of 24 hexadecimal digits as an ObjectId."""
        kind = _object_id()
        return kind(value) if isinstance(value, str) and kind.is_valid(value) else value

    def require_type(self, native: Any) -> None:
        """Raise unless it is an ObjectId."""
        if not isinstance(native, _object_id()):
            raise self.fault("Invalid ObjectId", native)

    def from_builtin(self, value: Any) -> Any:
        """Return the ObjectId of its text."""
        native = self.adopt(value)
        self.require_type(native)
        return native

    def restore(self, stored: Any) -> Any:
        """Return the ObjectId of its text, or any other stored value as it is."""
        return self.adopt(stored)

    def wire_type(self) -> Any:
        """Return the type of its text."""
        return str

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of 24 hexadecimal digits."""
        return {"type": "string", "pattern": "^[0-9A-Fa-f]{24}$"}

    def for_python(self, value: Any) -> Any:
        """Return the value as an ObjectId; `ShieldException` when it is none."""
        return self.from_builtin(value)

    def for_json(self, value: Any) -> str:
        """Return the id as text."""
        return str(value)


def _object_id() -> type[ObjectId]:
    try:
        from bson.objectid import ObjectId
    except ImportError as reason:
        raise InvalidShield("ObjectIdField needs bson: pip install pymongo") from reason
    return ObjectId
