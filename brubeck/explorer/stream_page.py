"""The page of a stream: a table of items, with filters, facets and links to its other shapes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.auth import Caller
from brubeck.explorer import rendering
from brubeck.explorer.cells import Cell, cell_of, id_cell, time_cell
from brubeck.explorer.columns import known_columns, requested_columns, telling_first
from brubeck.explorer.document_form import form_fields
from brubeck.explorer.facets import facets_of
from brubeck.explorer.histogram import histogram_of
from brubeck.explorer.images import image_url
from brubeck.explorer.inputs import SIGNS, filter_inputs
from brubeck.explorer.links import Links
from brubeck.explorer.look import Look, look_of
from brubeck.explorer.python_program import python_program
from brubeck.explorer.remembered_columns import may_remember, remembered
from brubeck.explorer.rendering import render, render_own
from brubeck.explorer.rights import caller_of, may_create
from brubeck.explorer.sample import once_a_head
from brubeck.explorer.session import session_of
from brubeck.explorer.world_map import axes_of, world_map
from brubeck.http import Headers
from brubeck.storage import Count, Record
from brubeck.streams.context import Context
from brubeck.streams.pages import PageView
from brubeck.streams.projection import members
from brubeck.timekeeping import millis_to_datetime

_SHAPES: Final = (
    ("JSON", ".json", False),
    ("CSV", ".csv", True),
    ("NDJSON", ".ndjson", True),
    ("GeoJSON", ".geojson", True),
    ("Atom", ".atom", False),
    ("JSON Feed", ".feed.json", False),
)
"""The name and suffix of each shape with a URL of its own, and whether it is an export."""


class Chip(msgspec.Struct, frozen=True):
    """An active filter, and the link to the page without it."""

    text: str
    href: str


class Row(msgspec.Struct, frozen=True):
    """An item in the table; its position says whether it has changed."""

    id: str
    position: int
    cells: list[Cell]
    body: bytes

    @property
    def item(self) -> Any:
        """The item as this caller sees it, decoded from JSON; for templates of a program."""
        return msgspec.json.decode(self.body)


def page(context: Context, view: PageView) -> bytes:
    """Return a page of the timeline."""
    plan, parameters = view.plan, view.plan.parameters
    request = context.request
    origin = f"{request.scheme}://{request.host}"
    links = Links(context.base, request.query_pairs)
    newest = parameters.order == "newest"
    # What happens now belongs at the top of the newest page, and nowhere else.
    bounds = (plan.query.start, parameters.since, parameters.until)
    live = newest and bounds == (None, None, None)
    kept = remembered(context)
    names, rows = _table(context, view, parameters.fields or kept)
    fields, year = context.spec.model._fields, current_year(context)
    facets, histogram = once_a_head(
        context,
        view,
        lambda sample: (
            facets_of(context, plan, links, sample),
            histogram_of(sample, links, newest=newest),
        ),
    )
    template = context.spec.appearance.template
    draw = partial(render_own, context.application) if template else render
    return draw(
        template or "stream.html",
        **dress(context) | {"look": _look(context)},
        here=plan.here,
        links=links,
        is_first=plan.query.start is None,
        newest=newest,
        previous=view.links.previous,
        next=view.links.next,
        count="" if view.total is None else count_text(view.total),
        changes=plan.changes(view.page) if live else "",
        filters=list(filter_inputs(context)),
        limit=parameters.limit,
        max_limit=context.spec.parameters.max_page_size,
        chips=list(green.fairly(_chips(context, links))),
        facets=facets,
        histogram=histogram,
        time=lambda millis: time_cell(millis, year),
        shown_times=[view.records[at].created_at for at in (0, -1)] if view.records else (),
        columns=[(name, fields[name]) for name in names],
        choosable=known_columns(context.spec),
        chosen=parameters.fields or names,
        may_remember=may_remember(context),
        remembered=kept is not None,
        rows=rows,
        map=world_map(context, view.records),
        world=image_url(request.prefix, "world"),
        shapes=list(_shapes(context, links)),
        fields=form_fields(context.spec, {}, new=True) if may_create(context) else [],
        curl=f"curl {shlex.quote(f'{origin}{plan.here}')}",
        python=python_program(f"{origin}{context.base}", links.pairs),
    )


def headers_of(context: Context, headers: Headers) -> Headers:
    """Add to the headers of an answer those of a stream's page; a map has an image."""
    headers = rendering.headers_of(headers, _look(context))
    if remembered(context) is not None and "no-store" not in headers["Cache-Control"]:
        headers["Cache-Control"] = "private, no-cache"
    return headers


def _look(context: Context) -> Look:
    spec = context.spec
    has_map, is_own = axes_of(spec) is not None, bool(spec.appearance.template)
    return look_of(context.application, context.request, spec, images=has_map, files=is_own)


def dress(context: Context, *, home: bool = True) -> dict[str, Any]:
    """Return the values that every page of a stream has: its title and the ways back."""
    base = context.base if home else ""
    title = context.spec.title or base or "Brubeck"
    return {
        "look": look_of(context.application, context.request, context.spec),
        "icon": image_url(context.request.prefix, "icon"),
        "session": session_of(context.application, context.request, _caller(context)),
        "home": base,
        "title": title,
        "heading": title,
        "description": context.spec.description,
        "root": f"{context.request.prefix}/",
    }


def _caller(context: Context) -> Caller | None:
    """Return the caller that a page names; none is looked for where there is no log-in."""
    return caller_of(context) if context.application.login_url else None


def count_text(total: Count) -> str:
    """Return a number of items in words.

    >>> count_text(Count(1707, True)), count_text(Count(10_000, False)), count_text(Count(1, True))
    ('1,707 items', 'more than 10,000 items', '1 item')
    """
    text = f"{total.total:,} item{'' if total.total == 1 else 's'}"
    return text if total.exact else f"more than {text}"


def current_year(context: Context) -> int:
    """Return the year of now, which times leave out."""
    return millis_to_datetime(context.stream.clock.micros() // 1000).year


def _table(
    context: Context, view: PageView, chosen: Sequence[str] | None
) -> tuple[list[str], list[Row]]:
    project = view.plan.walk.projection
    fields, year = context.spec.model._fields, current_year(context)
    names = requested_columns(context.spec, chosen)

    def cells_of(record: Record, body: bytes) -> dict[str, Cell]:
        item = members(body)
        cells = {name: cell_of(item.get(name), fields[name], year) for name in names}
        return cells | {"id": id_cell(record.id, context.base)}

    bodies = [project(record.body) for record in view.records]
    cells = [cells_of(*each) for each in green.fairly(zip(view.records, bodies, strict=True))]
    if chosen is None:
        names = telling_first(names, cells)
    rows = [
        Row(record.id, record.position, [row[name] for name in names], body)
        for record, body, row in zip(view.records, bodies, cells, strict=True)
    ]
    return names, rows


def _chips(context: Context, links: Links) -> Iterator[Chip]:
    filters = context.spec.parameters.filters
    for name, value in links.pairs:
        if name in filters:
            each = filters[name]
            sign = SIGNS[each.operator] if each.operator != "in" else ""
            text = f"{each.field.replace('_', ' ')} {sign or '='} {value}"
        elif name in ("since", "until"):
            text = f"{name} {value}"
        else:
            continue
        yield Chip(text, links.without(name, value))


def _shapes(context: Context, links: Links) -> Iterator[tuple[str, str]]:
    path = context.spec.path.at(context.partition)
    for name, suffix, is_export in _SHAPES:
        if context.application.router.match(f"{path}{suffix}"):
            yield name, links.shape(suffix, is_export=is_export)
