"""Actions on an item: a form for each that its stream declares beside editing and deleting.

An action is a resource below the item, such as ``/webhooks/<id>/rotate``. Its form stands for a
request to that path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from brubeck.explorer.document_form import PREFIX
from brubeck.explorer.inputs import Input
from brubeck.streams.context import Context


class DeclaredAction(Protocol):
    """The class of an action's resource, as far as forms need it."""

    method: ClassVar[str]
    """``get`` or ``post``."""
    button: ClassVar[str]
    """The text of its button."""
    about: ClassVar[str]
    """A sentence that explains it to its reader."""
    takes: ClassVar[Mapping[str, Any] | None]
    """The schema of its body, an object of texts; None where there is no body."""


class ActionInput(msgspec.Struct, frozen=True):
    """An input of an action's form, with the error of its value."""

    input: Input
    error: str


class ActionForm(msgspec.Struct, frozen=True):
    """The form of an action."""

    name: str
    button: str
    about: str
    inputs: list[ActionInput]


def declared_actions(context: Context) -> Mapping[str, DeclaredAction]:
    """Return the actions that a stream declares, by the last parts of their paths."""
    found: Mapping[str, DeclaredAction] = getattr(context.hooks, "_actions", {})
    return found


def action_form(
    name: str,
    action: DeclaredAction,
    texts: Mapping[str, str] | None = None,
    errors: Collection[tuple[str, str]] = (),
) -> ActionForm:
    """Return the form of an action, with the texts that were typed and their errors."""
    at = dict(errors)
    inputs = [
        ActionInput(
            Input(PREFIX + each, each, (texts or {}).get(each, ""), title=_about(schema)),
            at.get(f"/{each}", ""),
        )
        for each, schema in _properties(action).items()
    ]
    return ActionForm(name, action.button, action.about, inputs)


def action_forms(context: Context) -> list[ActionForm]:
    """Return the forms of all actions on an item."""
    return [action_form(*each) for each in declared_actions(context).items()]


def action_body(action: DeclaredAction, texts: Mapping[str, str]) -> bytes:
    """Return the body of the request that a form stands for."""
    names = _properties(action)
    return msgspec.json.encode({each: texts.get(each, "") for each in names}) if names else b""


def _properties(action: DeclaredAction) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = (action.takes or {}).get("properties", {})
    return found


def _about(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "")).replace("`", "")
