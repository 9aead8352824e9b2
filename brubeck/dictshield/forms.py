"""A document as an HTML form, with its values and their errors.

>>> from brubeck.dictshield.document import Document
>>> from brubeck.dictshield.fields import StringField
>>> class Something(Document):
...     title = StringField(max_length=40)
>>> Form(Something).as_p(Something(title='Kind of "Blue"'))
'<p>Title: <input type="text" name="title" value="Kind of &#34;Blue&#34;" maxlength="40" /></p>'

Everything that is shown is escaped by Jinja2, which is imported when the first form is. Internal
and private fields are left out. An embedded document becomes a fieldset whose names have dots;
lists and dictionaries become a text area of JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brubeck.dictshield.base import ShieldException, child_pointer, quoted
from brubeck.dictshield.document import TopLevelDocumentMetaclass
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.shapers import shape_unknown, shape_value
from brubeck.dictshield.structs import compiled_of
from brubeck.dictshield.structure import BaseDocument
from brubeck.dictshield.writing import as_text
from brubeck.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = [
    "BaseField",
    "Form",
    "FormPunch",
    "TopLevelDocumentMetaclass",
    "default_field_map",
    "default_name_map",
]

default_field_map: Final[dict[str, str]] = {
    "BooleanField": "checkbox",
    "EmailField": "email",
    "URLField": "url",
    "IntField": "number",
    "LongField": "number",
    "FloatField": "number",
}
"""The input type of each field class; others are ``text``. ``textarea`` is one, too."""
default_name_map: Final[dict[str, str]] = {"password": "password"}
"""The input type of fields by their name, which wins over their class."""

MACROS: Final = """
{%- macro named(name, value) %}{% if value %} {{ name }}="{{ value }}"{% endif %}{% endmacro %}
{%- macro control(item, css) %}
{%- if item.kind == 'select' -%}
<select{{ named('class', css) }} name="{{ item.name }}"{{ state(item) }}>
{%- if not item.required %}<option value=""></option>{% endif %}
{%- for choice in item.choices -%}
<option value="{{ choice }}"{% if choice == item.value %} selected{% endif %}>{{ choice }}</option>
{%- endfor %}</select>
{%- elif item.kind == 'textarea' -%}
<textarea{{ named('class', css) }} name="{{ item.name }}"{{ state(item) }}>
{{ item.value }}</textarea>
{%- else -%}
<input{{ named('class', css) }} type="{{ item.kind }}" name="{{ item.name }}"
{%- if item.kind == 'checkbox' %} value="true"{% if item.value == 'true' %} checked{% endif %}
{%- elif item.value and item.kind != 'password' %} value="{{ item.value }}"{% endif %}
{%- for name, value in item.limits.items() %} {{ name }}="{{ value }}"{% endfor %}
{{- state(item) }} />
{%- endif %}
{%- endmacro %}
{%- macro state(item) %}
{%- if item.required and item.kind != 'checkbox' %} required{% endif %}
{%- if item.errors %} aria-invalid="true" aria-describedby="{{ item.name }}-errors"{% endif %}
{%- endmacro %}
{%- macro errors(item) %}
{%- if item.errors %}<span id="{{ item.name }}-errors" role="alert">
{{- item.errors | join(' ') }}</span>{% endif %}
{%- endmacro %}
{%- macro as_p(items, css) %}
{%- for item in items %}{% if item.items -%}
<fieldset><legend>{{ item.label }}</legend>{{ errors(item) }}
{{ as_p(item.items, css) }}
</fieldset>
{%- else -%}
<p{{ named('class', css.p) }}>{{ item.label }}: {{ control(item, css.input) }}{{ errors(item) }}</p>
{%- endif %}{% if not loop.last %}
{% endif %}{% endfor %}
{%- endmacro %}
{%- macro as_div(items, css) %}
{%- for item in items %}{% if item.items -%}
<fieldset><legend>{{ item.label }}</legend>{{ errors(item) }}
{{ as_div(item.items, css) }}
</fieldset>
{%- else -%}
<div{{ named('class', css.div) }}>
    <label{{ named('class', css.label) }}>{{ item.label }}: {{ control(item, css.input) }}</label>
    {{- errors(item) }}
</div>
{%- endif %}{% if not loop.last %}
{% endif %}{% endfor %}
{%- endmacro %}
"""
"""The Jinja2 macros: ``as_p(items, css)``, ``as_div(items, css)`` and their parts."""


class FormPunch(ConfigError):
    """The error of a form that cannot show its values."""


@dataclass(slots=True)
class FormItem:
    """One line of a form, as the macros see it; one with ``items`` is a fieldset."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    required: bool = False
    errors: list[str] = dataclass_field(default_factory=list)
    choices: list[str] = dataclass_field(default_factory=list)
    limits: dict[str, Any] = dataclass_field(default_factory=dict)
    items: list[FormItem] = dataclass_field(default_factory=list)


class Form:
    """A form for one document class, which shows its documents or dictionaries of its fields."""

    def __init__(
        self,
        model: type[BaseDocument],
        private_fields: Iterable[str] | None = None,
        field_map: Mapping[str, str] = default_field_map,
        name_map: Mapping[str, str] = default_name_map,
    ) -> None:
        given: Any = model
        if not (isinstance(given, type) and issubclass(given, BaseDocument)):
            raise FormPunch("A form is for a class of documents.")
        self._model = model
        self._hidden = None if private_fields is None else frozenset(private_fields)
        self._field_map = field_map
        self._name_map = name_map

    def as_p(
        self,
        values: object = None,
        p_class: str | None = None,
        input_class: str | None = None,
        *,
        errors: ShieldException | Iterable[tuple[str, str]] = (),
        skip_fields: Collection[str] = (),
    ) -> str:
        """Return the form as paragraphs, with values, and errors such as an exception has them."""
        items = self.items(values, errors=errors, skip_fields=skip_fields)
        return str(_macros().as_p(items, {"p": p_class, "input": input_class}))

    def as_div(
        self,
        values: object = None,
        div_class: str | None = None,
        label_class: str | None = None,
        input_class: str | None = None,
        *,
        errors: ShieldException | Iterable[tuple[str, str]] = (),
        skip_fields: Collection[str] = (),
    ) -> str:
        """Return the form as labelled divisions, like `as_p`."""
        items = self.items(values, errors=errors, skip_fields=skip_fields)
        css = {"div": div_class, "label": label_class, "input": input_class}
        return str(_macros().as_div(items, css))

    def items(
        self,
        values: object = None,
        *,
        errors: ShieldException | Iterable[tuple[str, str]] = (),
        skip_fields: Collection[str] = (),
    ) -> list[FormItem]:
        """Return the lines of the form, for a custom template.

        Raises `FormPunch` for values that are neither a document of the class nor a dictionary.
        """
        if values is not None and not isinstance(values, self._model | dict):
            raise FormPunch(f"This form shows a {self._model.__name__} or a dictionary.")
        given = errors.errors if isinstance(errors, ShieldException) else errors
        told: dict[str, list[str]] = {}
        for pointer, sentence in given:
            told.setdefault(pointer, []).append(sentence)
        found = self._lines(self._model, values, "", told)
        return [item for item in found if item.name not in skip_fields]

    def _lines(
        self, model: Any, values: Any, place: str, told: dict[str, list[str]]
    ) -> Iterator[FormItem]:
        hidden = model._get_internal_fields()  # noqa: SLF001 - DictShield's name
        if self._hidden is not None and model is self._model:
            hidden = {*model._internal_fields, *self._hidden}  # noqa: SLF001 - DictShield's name
        known = values if isinstance(values, BaseDocument | dict) else {}
        for name, field in model.__compiled__.fields.items():
            if name not in hidden:
                value = known[name] if name in known else None  # noqa: SIM401 - or a document
                yield self._line(field, value, child_pointer(place, field.uniq_field), told)

    def _line(
        self, field: BaseField[Any], value: Any, place: str, told: dict[str, list[str]]
    ) -> FormItem:
        child = compiled_of(field)
        item = FormItem(place[1:].replace("/", "."), field.field_name.replace("_", " ").title())
        item.errors = told.get(place, [])
        item.required = field.required
        if child is not None and place.count("/") < 8:
            item.items = list(self._lines(child.document, value, place, told))
            return item
        below = (told[at] for at in told if at.startswith(f"{place}/"))
        item.errors = [*item.errors, *(sentence for found in below for sentence in found)]
        item.kind = self._kind(field)
        item.value = _shown(field, value)
        if isinstance(field.choices, list | tuple) and item.kind == "select":
            item.choices = [_shown(field, choice) for choice in field.choices]
        item.limits = _limits(field) if item.kind not in ("select", "textarea", "checkbox") else {}
        return item

    def _kind(self, field: BaseField[Any]) -> str:
        if field.field_name in self._name_map:
            return self._name_map[field.field_name]
        if isinstance(field.choices, list | tuple):
            return "select"
        kind = self._field_map.get(type(field).__name__, "text")
        return "textarea" if kind == "text" and field.kind in ("list", "object", "any") else kind


def _shown(field: BaseField[Any], value: Any) -> str:
    """Return a value as the text of a form, as its owner sees it; an invalid one as given."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        seen = shape_value(field, value, "owner")
        plain = msgspec.to_builtins(seen, enc_hook=shape_unknown("owner"))
        return plain if isinstance(plain, str) else as_text(plain)
    except (OverflowError, RecursionError, TypeError, ValueError):
        return quoted(value)


def _limits(field: BaseField[Any]) -> dict[str, Any]:
    """Return the attributes by which a browser checks a field itself."""
    names = {"min_value": "min", "max_value": "max", "min_length": "minlength"}
    names["max_length"] = "maxlength"
    found = {names[name]: getattr(field, name, None) for name in names}
    limits = {name: value for name, value in found.items() if value is not None}
    return {**limits, "step": "any"} if type(field).__name__ == "FloatField" else limits


@cache
def _macros() -> Any:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(MACROS).module
