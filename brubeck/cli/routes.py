"""``brubeck routes``: the paths of an application, and its streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from brubeck.cli.output import AS_JSON, print_json, print_table, print_text
from brubeck.cli.programs import PROGRAM, loaded

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.routing import Route
    from brubeck.streams import StreamHandler

_CHOICE: Final = re.compile(r"\(\?P<(\w+)>([\w|\\.-]+)\)")
"""A named group of a few texts."""


@click.command()
@PROGRAM
@AS_JSON
def routes(program: str, *, as_json: bool) -> None:
    """List the paths of an application, in the order in which they are tried, and its streams."""
    with loaded(program) as application:
        found = [_described(route) for route in application.router.routes]
        streams = [_stream(application, each) for each in application.streams]
    if as_json:
        print_json({"routes": found, "streams": streams})
        return
    rows = [(each["path"], ",".join(each["methods"]), each["handler"]) for each in found]
    print_table(("PATH", "METHODS", "HANDLER"), rows)
    if streams:
        print_text("")
        columns = ("path", "storage", "read", "write")
        print_table(
            ("STREAM", "STORAGE", "MAY READ", "MAY WRITE"),
            [[each[name] for name in columns] for each in streams],
        )


def _described(route: Route) -> dict[str, Any]:
    from brubeck.handlers import MessageHandler, allowed_methods

    handler: Any = route.handler
    if isinstance(handler, type) and issubclass(handler, MessageHandler):
        methods = list(allowed_methods(handler))
    else:
        methods = sorted(route.methods or ["any"])
    name = getattr(handler, "__name__", repr(handler))
    return {
        "path": readable(route.pattern),
        "pattern": route.pattern,
        "methods": methods,
        "handler": name,
    }


def readable(pattern: str) -> str:
    r"""Return the path that an expression matches; an involved expression stays as it is.

    >>> readable(r'^/quakes/(?P<ids>[^/]+)$'), readable(r'^/q\.(?P<shape>csv|feed\.json)$')
    ('/quakes/<id>', '/q.{csv,feed.json}')
    """
    from brubeck.routing import path_template

    template = path_template(pattern)
    if template is None:
        return pattern
    choices = {name: texts.replace("\\", "").split("|") for name, texts in _CHOICE.findall(pattern)}
    path, arguments = template
    for name in arguments:
        shown = f"<{'id' if name == 'ids' else name}>"
        if name in choices:
            shown = f"{{{','.join(choices[name])}}}"
        path = path.replace(f"{{{name}}}", shown, 1)
    return path


def _stream(application: Brubeck, declaration: type[StreamHandler]) -> dict[str, str]:
    spec = application.stream(declaration).spec
    write = "the program alone" if spec.read_only else _with_scope(spec.rules.write, spec, "write")
    return {
        "path": spec.path.template,
        "class": spec.name,
        "model": spec.model.__name__,
        "storage": spec.storage,
        "read": _with_scope(spec.rules.read, spec, "read"),
        "write": write,
    }


def _with_scope(rule: str, spec: Any, action: str) -> str:
    scope = spec.scopes.get(action)
    return f"{rule} with scope {scope}" if scope else rule
