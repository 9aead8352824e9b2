"""Forms that a browser posts: to create, change and delete items.

They go to the stream's own URL as ``application/x-www-form-urlencoded``, which no other request to
it may be, from a browser (``Accept`` prefers HTML) and from a page of this site: any other is
refused (403). The field ``action`` says what to do; ``id`` and ``position`` name the item and the
version that the person saw. An item is changed or deleted by the request that does so otherwise, a
PATCH or DELETE with ``If-Match``, which goes through every guard of the stream; so is an action of
the stream's own, by a request to its path. Answers are pages, or lead to one (303).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import msgspec

from brubeck.auth.csrf import require_same_site
from brubeck.auth.scheme import origins_of
from brubeck.documents.repository import Repository
from brubeck.explorer.document_form import (
    LARGEST,
    changes_of,
    compared,
    form_fields,
    given_texts,
    other_errors,
    texts_of,
)
from brubeck.explorer.item_actions import (
    DeclaredAction,
    action_body,
    action_form,
    declared_actions,
)
from brubeck.explorer.look import look_of
from brubeck.explorer.rendering import headers_of, render, wants_page
from brubeck.explorer.stream_page import dress
from brubeck.http import Headers, Problem, Request, Response
from brubeck.storage import Record
from brubeck.storage.ids import is_id
from brubeck.streams.entries import plain
from brubeck.streams.parameters import no_parameters
from brubeck.streams.spec import StreamSpec
from brubeck.streams.writing import Drafts, Writer

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_OF_THE_FORM: Final = frozenset(
    (
        *("accept", "accept-encoding", "content-type", "content-length", "transfer-encoding"),
        *("idempotency-key", "if-match", "if-none-match"),
    )
)
"""The headers of a form that are not those of the request that it stands for."""
_AT_FIELDS: Final = frozenset((409, 413, 422))
"""The statuses of problems that are shown in the form, with what was typed."""


class _Found(msgspec.Struct):
    data: msgspec.Raw


class _Responding(Protocol):
    """A program that answers requests; it is a `Brubeck`."""

    def respond(self, request: Request) -> Response:
        """Answer a request."""


def is_form_post(request: Request, spec: StreamSpec) -> bool:
    """Return whether a POST is a form of the explorer."""
    is_form = spec.explorer and request.content_type == MEDIA_TYPE
    return is_form and wants_page(request.header("accept"))


def post_form(writer: Writer) -> Response:
    """Carry out a form; return the page of its errors, or the way to the result."""
    context = writer.context
    request = context.request
    require_same_site(request, origins_of(context.spec.schemes))
    no_parameters(request.query_pairs)
    pairs = request.form.fields
    given = dict(pairs)
    name, texts = given.get("action", ""), given_texts(pairs)
    if name in _ACTIONS:
        return _ACTIONS[name](writer, given, texts)
    own = declared_actions(context)
    if name in own:
        return _act(writer, name, own[name], given.get("id", ""), texts)
    raise Problem(400, f"The field action is one of {', '.join((*_ACTIONS, *own))}.")


def _create(writer: Writer, _given: Mapping[str, str], texts: Mapping[str, str]) -> Response:
    try:
        body = msgspec.json.encode(changes_of(writer.context.spec, texts))
    except Problem as problem:
        return _form_page(writer, problem, texts, None)
    drafts = Drafts(writer)
    drafts.add(body)
    (result,) = drafts.write()
    if result.problem is None:
        return _see(writer, f"/{result.id}")
    return _form_page(writer, result.problem, texts, None)


def _update(writer: Writer, given: Mapping[str, str], texts: Mapping[str, str]) -> Response:
    spec, item_id, position = writer.context.spec, given.get("id", ""), _position(given)
    found = Repository(writer.context.records, writer.context.viewer).find(item_id)
    # Whoever may only write learns nothing of the stored item, not even that it is long.
    stored = found.body if isinstance(found, Record) and writer.may_read else b"{}"
    if len(stored) > LARGEST:
        raise Problem(413, f"An item of more than {LARGEST} bytes is not edited in a form.")
    try:
        changes = msgspec.json.encode(changes_of(spec, texts, texts_of(spec, stored)))
    except Problem as problem:
        return _form_page(writer, problem, texts, (item_id, position))
    answer = _ask(writer, "PATCH", item_id, changes, {"If-Match": f'"{position}"'})
    if answer.status == 412:
        return _conflict_page(writer, item_id, texts)
    if refusal := _problem(answer):
        return _form_page(writer, refusal, texts, (item_id, position))
    return _see(writer, f"/{item_id}")


def _delete(writer: Writer, given: Mapping[str, str], _texts: Mapping[str, str]) -> Response:
    item_id, position = given.get("id", ""), _position(given)
    answer = _ask(writer, "DELETE", item_id, b"", {"If-Match": f'"{position}"'})
    if answer.status == 412:
        return _conflict_page(writer, item_id, None)
    if refusal := _problem(answer):
        raise refusal
    return _see(writer, "")


def _act(
    writer: Writer, name: str, action: DeclaredAction, item_id: str, texts: Mapping[str, str]
) -> Response:
    """Return the page of an action: its result, or its form with the errors."""
    body, given = action_body(action, texts), {"Content-Type": "application/json"}
    answer = _ask(writer, action.method.upper(), item_id, body, given, f"/{name}")
    refusal = _problem(answer)
    if refusal is not None and refusal.status not in _AT_FIELDS:
        raise refusal
    errors = () if refusal is None else refusal.errors
    form = action_form(name, action, texts, errors)
    shown = {f"/{each.input.label}" for each in form.inputs}
    data = {} if refusal else msgspec.json.decode(answer.body)["data"]
    page = render(
        "action.html",
        **dress(writer.context) | {"heading": f"{action.button}: {item_id}"},
        detail="" if refusal is None else refusal.detail,
        others=[f"{at} {text}" for at, text in errors if at not in shown],
        item_id=item_id,
        form=form,
        results=[(each, plain(value)) for each, value in data.items()],
    )
    return _page(writer, page, answer.status if refusal else 200)


def _ask(
    writer: Writer,
    method: str,
    item_id: str,
    body: bytes,
    more: Mapping[str, str],
    below: str = "",
) -> Response:
    """Return the program's answer to the request that a form stands for.

    It goes the way of any other request for the item, so that every guard of the stream sees it as
    what it is.
    """
    if not is_id(item_id):
        raise Problem(404, "No item has such an id.")
    request = writer.context.request
    headers = Headers({"Accept": "application/json"})
    for name, value in request.headers.pairs():
        if name.lower() not in _OF_THE_FORM:
            headers.add(name, value)
    headers.update(more)
    if body:
        headers.setdefault("Content-Type", "application/merge-patch+json")
        headers["Content-Length"] = str(len(body))
    asked = request.derived(method, f"{request.path}/{item_id}{below}", headers, body)
    return cast("_Responding", writer.context.application).respond(asked)


def _problem(answer: Response) -> Problem | None:
    """Return the problem of an answer; None for a good one."""
    if answer.status < 400:
        return None
    content = msgspec.json.decode(answer.body) if answer.body else {}
    errors = [(each["pointer"], each["detail"]) for each in content.get("errors", ())]
    kept = {
        name: answer.headers[name]
        for name in ("WWW-Authenticate", "Retry-After", "Allow")
        if name in answer.headers
    }
    return Problem(answer.status, content.get("detail", ""), errors=errors, headers=kept)


_ACTIONS: Final[Mapping[str, Callable[..., Response]]] = {
    "create": _create,
    "update": _update,
    "delete": _delete,
}


def _position(given: Mapping[str, str]) -> int:
    text = given.get("position", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Problem(400, "The field position is that of the version that is changed.")
    return int(text)


def _see(writer: Writer, path: str) -> Response:
    """Return the way to a page, which a browser then gets."""
    headers = writer.context.spec.headers.copy()
    headers["Location"] = f"{writer.context.base}{path}"
    return Response(b"", 303, headers=headers)


def _form_page(
    writer: Writer, problem: Problem, texts: Mapping[str, str], item: tuple[str, int] | None
) -> Response:
    """Return the form with what was typed and the errors at their fields."""
    if problem.status not in _AT_FIELDS:
        raise problem
    spec = writer.context.spec
    others = other_errors(spec, problem.errors, new=item is None)
    heading = "New item" if item is None else f"Edit {item[0]}"
    body = render(
        "form.html",
        **dress(writer.context) | {"heading": heading},
        detail=problem.detail,
        others=others,
        item_id=item[0] if item else "",
        position=item[1] if item else 0,
        fields=form_fields(spec, texts, problem.errors, new=item is None),
        differences=[],
    )
    return _page(writer, body, problem.status)


def _conflict_page(writer: Writer, item_id: str, texts: Mapping[str, str] | None) -> Response:
    """Return both versions of an item, and the form with the person's own; 412.

    A caller who may not read the item is shown neither: a made-up position would be a way to read.
    """
    found = _ask(writer, "GET", item_id, b"", {})
    if found.status != 200 or len(found.body) > LARGEST:
        raise Problem(412, "The item has changed; read it again.")
    position = int(found.headers["ETag"].strip('"'))
    spec = writer.context.spec
    stored = texts_of(spec, bytes(msgspec.json.decode(found.body, type=_Found).data))
    mine = stored if texts is None else {**stored, **texts}
    body = render(
        "form.html",
        **dress(writer.context) | {"heading": f"{item_id} was changed"},
        detail="Somebody changed the item after you opened it, and nothing of yours was written.",
        others=[],
        item_id=item_id,
        position=position,
        fields=form_fields(spec, mine, new=False) if texts is not None else [],
        differences=list(compared(spec, stored, mine)),
    )
    return _page(writer, body, 412)


def _page(writer: Writer, body: bytes, status: int) -> Response:
    context = writer.context
    look = look_of(context.application, context.request, context.spec)
    headers = headers_of(context.spec.headers.copy(), look)
    headers["Cache-Control"] = "no-store"
    return Response(body, status, headers=headers)
