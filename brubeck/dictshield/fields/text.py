"""Fields of text: strings, URLs, e-mail addresses, hashes and UUIDs.

No pattern here can be made to backtrack for long: each alternative begins with a character that
no other can begin with, and every repetition is bounded or ends at a character it cannot hold.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from brubeck.canonical import BAD_TEXT, sound_text
from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.field import BaseField, FieldOptions

if TYPE_CHECKING:
    from typing import Unpack

# Letters are spelt out in both cases: ignoring case would take letters that are not of ASCII, and
# descriptions have no flags.
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP: Final = r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})"
_DOMAIN: Final = rf"(?:{_LABEL}\.){{1,126}}{_TOP}\.?"
_ADDRESS: Final = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]"
_LOCAL: Final = "[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]"
_ATOM: Final = r"[-!#$%&'*+/=?^_`{}|~0-9A-Za-z]{1,64}"
_URL: Final = (
    rf"\A[Hh][Tt][Tt][Pp][Ss]?://(?:{_DOMAIN}|{_LOCAL}|{_ADDRESS})"
    r"(?::[0-9]{1,5})?(?:[/?#]\S*)?\Z"
)
_EMAIL: Final = (
    rf"\A(?:{_ATOM}(?:\.{_ATOM}){{0,32}}"
    rf'|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e]){{0,64}}")@{_DOMAIN}\Z'
)


class StringOptions(FieldOptions, total=False):
    """The options of every field of text."""

    regex: str | re.Pattern[str] | None
    max_length: int | None
    min_length: int | None


class StringField(BaseField[str]):
    """A text: ``regex`` must match at its beginning, the lengths are in characters.

    An empty text counts as none: it satisfies no ``required``, and no other check is made of it.
    """

    kind = "string"
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("string",)
    jsonschema_formats: tuple[str | None, ...] = (None, "phone")
    own_pattern: str | None = None
    """A further pattern that the kind of text demands."""
    complaint = "String value did not match validation regex"

    def __init__(
        self,
        regex: str | re.Pattern[str] | None = None,
        max_length: int | None = None,
        min_length: int | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(**options)
        self.max_length = max_length
        self.min_length = min_length
        try:
            self.regex = re.compile(regex) if regex else None
        except (re.error, RecursionError, OverflowError, TypeError) as reason:
            self.regex, self._broken = None, f"regex is none: {reason}."

    _broken = ""

    def refuse_misuse(self) -> None:
        """Refuse a regex that is none, and lengths that nothing can have."""
        super().refuse_misuse()
        if self._broken:
            raise InvalidShield(self._broken)
        if self.regex is not None and not isinstance(self.regex.pattern, str):
            raise InvalidShield("regex must be one of text, not of bytes.")
        for length in (self.min_length, self.max_length):
            if length is not None and not (type(length) is int and length >= 0):
                raise InvalidShield("a length must be a whole number, and not negative.")
        if self.max_length is not None and (self.min_length or 0) > self.max_length:
            raise InvalidShield("min_length is more than max_length.")

    def require_type(self, native: Any) -> None:
        """Raise unless it is text that can be stored."""
        if not isinstance(native, str):
            raise self.fault("Not text", native)
        if not sound_text(native):
            raise self.fault(BAD_TEXT, native)

    def conform(self, native: Any) -> None:
        """Raise for a length or a form that the field does not take."""
        if self.max_length is not None and len(native) > self.max_length:
            raise self.fault("String value is too long", native)
        if self.min_length is not None and len(native) < self.min_length:
            raise self.fault("String value is too short", native)
        if self.own_pattern is not None and re.search(self.own_pattern, native) is None:
            raise self.fault(self.complaint, native)
        if self.regex is not None and self.regex.match(native) is None:
            raise self.fault("String value did not match validation regex", native)

    def refuse_default(self) -> None:
        """Raise unless the default is an empty text, or one that the field takes."""
        if self.default != "":
            super().refuse_default()

    def recheck(self, native: Any) -> None:
        """Raise unless an empty text, or one that keeps every constraint."""
        if native != "":
            super().recheck(native)

    def wire_type(self) -> Any:
        """Return the type of texts with these lengths and this form."""
        least = max(self.min_length or 0, 1) if self.required else self.min_length
        pattern = self.own_pattern or self._plain_pattern()
        limits = msgspec.Meta(min_length=least or None, max_length=self.max_length, pattern=pattern)
        return Annotated[str, limits]

    def loose_type(self) -> Any:
        """Return the type of texts."""
        return str

    def _plain_pattern(self) -> str | None:
        """Return the regex in a form that msgspec can search for, or None when it has flags."""
        if self.regex is None or self.regex.flags != re.UNICODE or "(?" in self.regex.pattern:
            return None
        return rf"\A(?:{self.regex.pattern})"

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of texts with these lengths and this form."""
        terms: dict[str, Any] = {"type": "string"}
        if self.jsonschema_formats[0] is not None:
            terms["format"] = self.jsonschema_formats[0]
        if self.min_length is not None:
            terms["minLength"] = self.min_length
        if self.max_length is not None:
            terms["maxLength"] = self.max_length
        if self.regex is not None and self.regex.flags == re.UNICODE:  # JSON Schema has no flags
            terms["pattern"] = f"^(?:{self.regex.pattern})"
        return terms

    @property
    def needs_check(self) -> bool:
        """Whether the regex has flags, which msgspec does not take, or there is more."""
        unspoken = self.regex is not None and (
            self.own_pattern is not None or self._plain_pattern() is None
        )
        return unspoken or super().needs_check

    def for_python(self, value: Any) -> str:
        """Return the value as text."""
        return str(value)


class URLField(StringField):
    """An ``http`` or ``https`` URL. It is never fetched: ``verify_exists`` is refused."""

    URL_REGEX = re.compile(_URL)
    jsonschema_formats: tuple[str | None, ...] = ("uri", "url")
    own_pattern = _URL
    complaint = "Invalid URL"

    def __init__(self, verify_exists: bool = False, **options: Unpack[StringOptions]) -> None:
        super().__init__(**options)
        self.verify_exists = verify_exists

    def refuse_misuse(self) -> None:
        """Refuse ``verify_exists``."""
        super().refuse_misuse()
        if self.verify_exists:
            raise InvalidShield("verify_exists is gone: a field makes no network look-ups.")


class EmailField(StringField):
    """An e-mail address, with a dot-atom or a quoted string before the ``@`` (RFC 5322, 3.4.1)."""

    EMAIL_REGEX = re.compile(_EMAIL)
    jsonschema_formats: tuple[str | None, ...] = ("email",)
    own_pattern = _EMAIL
    complaint = "Invalid email address"


class JsonHashMixin(StringField):
    """A hash in hexadecimal digits; a subclass sets their number."""

    hash_length = 0
    jsonschema_types: tuple[str, ...] = ()
    jsonschema_formats: tuple[str | None, ...] = (None,)

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of a fixed number of hexadecimal digits."""
        return {
            "type": "string",
            "minLength": self.hash_length,
            "maxLength": self.hash_length,
            "pattern": f"^[0-9A-Fa-f]{{{self.hash_length}}}$",
        }

    def require_type(self, native: Any) -> None:
        """Raise unless it is text of the hash's length."""
        super().require_type(native)
        if native and len(native) != self.hash_length:
            name = type(self).__name__.removesuffix("Field")
            raise self.fault(f"{name} value is wrong length", native)


class MD5Field(JsonHashMixin):
    """An MD5 hash: 32 hexadecimal digits."""

    hash_length = 32
    own_pattern = r"\A[0-9A-Fa-f]{32}\Z"
    complaint = "MD5 value is not hex"


class SHA1Field(JsonHashMixin):
    """A SHA-1 hash: 40 hexadecimal digits."""

    hash_length = 40
    own_pattern = r"\A[0-9A-Fa-f]{40}\Z"
    complaint = "SHA1 value is not hex"


class UUIDField(BaseField[uuid.UUID]):
    """A UUID; text in any form that `uuid.UUID` reads becomes one when it is assigned.

    With ``auto_fill`` a document without a value gets a random one.
    """

    kind = "string"
    takes_blank = False
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("string",)
    jsonschema_formats: tuple[str | None, ...] = ("uuid",)

    def __init__(self, auto_fill: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(**options)
        self.auto_fill = auto_fill

    def __set__(self, instance: Any, value: uuid.UUID | str | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    @property
    def has_default(self) -> bool:
        """Whether a missing UUID is filled in."""
        return self.auto_fill or super().has_default

    def initial(self) -> Any:
        """Return the default, or with ``auto_fill`` a random UUID."""
        if self.default is None and self.auto_fill is True:
            return uuid.uuid4()
        return super().initial()

    def adopt(self, value: Any) -> Any:
        """Return text as a UUID, if it is one."""
        if not isinstance(value, str):
            return value
        try:
            return uuid.UUID(value)
        except ValueError:
            return value

    def require_type(self, native: Any) -> None:
        """Raise unless it is a UUID."""
        if not isinstance(native, uuid.UUID):
            raise self.fault("Not a valid UUID value", native)

    def from_builtin(self, value: Any) -> Any:
        """Return the UUID of its text in JSON."""
        try:
            return msgspec.convert(value, uuid.UUID)
        except msgspec.ValidationError:
            raise self.fault("Not a valid UUID value", value) from None

    def wire_type(self) -> Any:
        """Return the type of UUIDs."""
        return uuid.UUID

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of UUIDs."""
        return {"type": "string", "format": "uuid"}

    def for_json(self, value: Any) -> str:
        """Return the UUID as text."""
        return str(value)
