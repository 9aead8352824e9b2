"""Handlers that answer with pages: one mixin, whichever engine the application has."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from brubeck.handlers import WebMessageHandler
from brubeck.http import Headers, Problem, Response
from brubeck.templating.loading import Templates
from brubeck.templating.names import NoSuchTemplate

log = logging.getLogger("brubeck.app")


def rendered(templates: Templates, name: str, context: dict[str, Any]) -> str:
    """Return a page; `NoSuchTemplate` where there is no template of that name."""
    missing: type[Exception] = getattr(templates, "missing", NoSuchTemplate)
    try:
        template = templates.get_template(name)
    except missing as reason:
        raise NoSuchTemplate(f"There is no template {name!r}.") from reason
    page = template.render(**context)
    return page.decode() if isinstance(page, bytes) else page


class _Mixin(type):
    """Lets a rendering stand after a handler that it is made of, as the first README has it.

    ``class DemoHandler(WebMessageHandler, Jinja2Rendering)`` would have no order of resolution. A
    base that another base is made of adds nothing, so it is left out.
    """

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> _Mixin:
        kept = tuple(
            base
            for base in bases
            if not any(other is not base and issubclass(other, base) for other in bases)
        )
        return super().__new__(cls, name, kept, namespace, **options)


class _Rendering(WebMessageHandler, metaclass=_Mixin):
    """Renders templates, and errors by a template of their own."""

    error_template: ClassVar[str] = "errors.html"
    """The template of error pages: see `render_problem`."""

    def render_template(
        self,
        template_file: str,
        /,
        _status_code: int = 200,
        **context: Any,
    ) -> Response:
        """Return a page: a template rendered with a context."""
        body = self.application.render_template(template_file, **context)
        self.set_body(body, status_code=_status_code)
        return self.render()

    def render_problem(self, problem: Problem) -> Response:
        """Return an error as a page.

        The template is given ``error_code``, ``error_title``, ``error_msg`` and ``errors``, the
        pairs of a document's failing fields. Where there is no such template, or it fails itself,
        the answer is the problem document that other handlers give.
        """
        try:
            page = self.application.render_template(
                self.error_template,
                error_code=problem.status,
                error_title=problem.title,
                error_msg=problem.detail,
                errors=problem.errors,
            )
        except NoSuchTemplate:
            return super().render_problem(problem)
        except Exception:
            log.exception("%s failed, request %s", self.error_template, self.message.id)
            return super().render_problem(problem)
        self.status_code = problem.status
        headers = Headers({"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"})
        for name, value in problem.headers.items():
            headers.setdefault(name, value)
        self._add_cookies(headers)
        return Response(page, problem.status, headers=headers)


class Jinja2Rendering(_Rendering):
    """A handler of pages by Jinja2; see `load_jinja2_env`."""


class TornadoRendering(_Rendering):
    """A handler of pages by Tornado's templates; see `load_tornado_env`."""


class MakoRendering(_Rendering):
    """A handler of pages by Mako; see `load_mako_env`."""


class MustacheRendering(_Rendering):
    """A handler of pages by Mustache; see `load_mustache_env`."""

    error_template = "errors"
