"""The application: routes, streams and stores, and the one way from a request to a response.

An application holds what lives longer than a request and nothing that belongs to one. Making it
opens nothing: settings are read and stores opened when they are first needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from inspect import signature
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Never, cast

from brubeck import config
from brubeck.autoapi import AutoAPIBase, pattern_of, placed, refuse_shared, refuse_twins
from brubeck.callables import check_methods, check_plain
from brubeck.configured import Configured
from brubeck.description.autoapis import describe_api
from brubeck.description.served import Descriptions
from brubeck.description.streams import describe_stream
from brubeck.dispatch import dispatch, failed
from brubeck.errors import ConfigError, did_you_mean
from brubeck.explorer import index
from brubeck.features import add_features
from brubeck.handlers import WebMessageHandler
from brubeck.handlers.guards import check_guards
from brubeck.http.access_log import log_access
from brubeck.http.caching import SET_COOKIE, kept_private
from brubeck.http.compression import LEAST, compressed
from brubeck.http.conditions import echo_coding
from brubeck.http.proxies import TrustedProxies
from brubeck.http.request import Request
from brubeck.http.response import Response
from brubeck.monitoring.health import add_health
from brubeck.monitoring.observing import measured, observed
from brubeck.routing import Router
from brubeck.storage import Storage
from brubeck.stores import Stores
from brubeck.streams import StreamHandler
from brubeck.streams.cross_origin import shared_error
from brubeck.streams.declaration_checks import check_stream
from brubeck.streams.handler import declare, seal
from brubeck.streams.local import LocalStream
from brubeck.streams.routes import refuse_clash, routes
from brubeck.streams.spec import StreamSpec
from brubeck.streams.sweeper import Sweeper
from brubeck.templating import rendered
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from brubeck.auth import Accounts
    from brubeck.connections import Connection
    from brubeck.consumers import Consumer
    from brubeck.jobs import Jobs

log = logging.getLogger("brubeck.app")


Routes = Sequence[tuple[str, Callable[..., Any]]]


class Brubeck(Configured):
    """A program that answers messages.

    ``msg_conn`` says where it serves: a URL (``http://127.0.0.1:6767``), the two sockets of a
    Mongrel2, or a connection of your own; without it, what the configuration says.
    ``handler_tuples`` are pairs of a pattern and a handler, ``streams`` the `StreamHandler` classes
    to serve. ``storage`` is the URL of the default store, or a mapping of names to URLs; a store
    that is already open may stand for a URL. ``accounts`` are the `Accounts`; without them, users
    are kept in the store named ``accounts``, or in the default one. The rest is as in 0.4.

    ``title`` and ``version`` are what ``/openapi.json`` calls the program; ``api_info`` has more of
    OpenAPI's Info object: ``description``, ``contact``, ``license`` and so on.

    ``features`` is the path of OGC API Features, of the streams with a ``bbox`` filter.

    Every argument may be left out, and everything but routes and streams may be said better by
    configuration (see `brubeck.config`).
    """

    being_loaded: ClassVar[bool] = False
    """Whether the command is importing a program, which it will run itself."""

    def __init__(
        self,
        msg_conn: object = None,
        handler_tuples: Routes | None = None,
        pool: Callable[[], Any] | None = None,
        no_handler: object = None,
        base_handler: type[WebMessageHandler] | None = None,
        template_loader: Callable[[], Any] | None = None,
        log_level: str | int | None = None,
        login_url: str | None = None,
        db_conn: Any = None,
        cookie_secret: str | Sequence[str] | None = None,
        api_base_url: str | None = None,
        *,
        streams: Iterable[type[StreamHandler]] = (),
        storage: str | Storage | Mapping[str, str | Storage] | None = None,
        accounts: Accounts | None = None,
        clock: Clock = SYSTEM_CLOCK,
        title: str = "",
        version: str = "1",
        api_info: Mapping[str, Any] | None = None,
        logout_url: str | None = None,
        consumers: Iterable[type[Consumer]] = (),
        features: str = "",
        **unknown: Never,
    ) -> None:
        for name in unknown:
            known = signature(type(self)).parameters
            raise ConfigError(f'Brubeck has no argument "{name}".{did_you_mean(name, known)}')
        self.msg_conn = None if _is_setting(msg_conn) else cast("Connection | None", msg_conn)
        self.pool = pool
        self.no_handler = no_handler
        self.base_handler = base_handler or WebMessageHandler
        self.template_loader = template_loader
        self.db_conn = db_conn
        self.clock = clock
        self.descriptions = Descriptions(title, version, api_info or {})
        if accounts is not None:
            check_methods(type(accounts))
        self._accounts = accounts
        self._stored_accounts: Accounts | None = None
        self._command_line: dict[str, dict[str, object]] = {}
        self.router = Router()
        self.streams: list[type[StreamHandler]] = []
        self._served: dict[type[StreamHandler], LocalStream] = {}
        self._shared_streams: list[StreamSpec] = []  # with pages of other origins
        self.apis: list[type[AutoAPIBase]] = []
        stores = storage if isinstance(storage, Mapping) else {"default": storage}
        opened = {name: at for name, at in stores.items() if isinstance(at, Storage)}
        self._stores = Stores(opened, lambda: self.settings, clock)
        self._arguments = config.given(
            server={"listen": msg_conn if _is_setting(msg_conn) else None},
            app={
                "log_level": log_level,
                "login_url": login_url,
                "logout_url": logout_url,
                "cookie_secret": cookie_secret,
                "api_base_url": api_base_url,
            },
            storage={name: at for name, at in stores.items() if not isinstance(at, Storage)},
        )
        self.init_routes(handler_tuples or ())
        add_health(self.router)
        if isinstance(streams, type):
            raise ConfigError(f"streams is a list: streams=[{streams.__name__}].")
        for stream in streams:
            self.add_stream(stream)
        if features:
            add_features(self, features)
        self.consumers: tuple[type[Consumer], ...] = tuple(consumers)

    # Settings.

    def configure(self, **sections: dict[str, object]) -> None:
        """Give settings the last word, as the command line does: ``server={'workers': 2}``.

        It may not move a store that is open already: what is in it would be lost from sight.
        """
        if sections.get("storage") and self._stores.any_open:
            raise ConfigError("The stores are open already, and cannot be moved to other URLs.")
        self._command_line = sections
        for worked_out in ("settings", "_trusted_proxies", "observed"):
            self.__dict__.pop(worked_out, None)

    # Routes.

    def init_routes(self, handler_tuples: Routes) -> None:
        """Add a list of pairs of a pattern and a handler."""
        for rule in handler_tuples:
            try:
                pattern, handler = rule
            except (TypeError, ValueError):
                handler = rule  # type: ignore[assignment]  # it may be anything
                pattern = None
            if isinstance(handler, type) and issubclass(handler, StreamHandler):
                name = handler.__name__
                raise ConfigError(f"{name} is a stream and has its own path: streams=[{name}].")
            if pattern is None:
                raise ConfigError(f"A route is a pattern and a handler, not {rule!r}.")
            self.add_route_rule(pattern, handler)

    def add_route_rule(
        self, pattern: str, handler: Callable[..., Any], methods: Iterable[str] | None = None
    ) -> None:
        """Add a route; for a handler class or, with its methods, a function.

        A function is called with the application, the request and what the pattern captured, and
        returns a `Response`.
        """
        if not callable(handler):
            raise ConfigError(f"The route {pattern!r} leads to {handler!r}, which is no handler.")
        check_plain(handler, f"The route {pattern!r}")
        if isinstance(handler, type):
            check_guards(handler)
        allowed = None if methods is None else frozenset(methods)
        self.descriptions.add_route(self.router.add(pattern, handler, allowed))

    def add_route(
        self, url_pattern: str, method: str | Iterable[str] = "GET"
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Route a pattern to the decorated function, for one method or several.

        >>> app = Brubeck()
        >>> @app.add_route('^/take$', method=['GET', 'POST'])
        ... def take(application, message):
        ...     return render('five')
        """
        names = [method] if isinstance(method, str) else list(method)
        methods = {name.upper() for name in names}
        if "GET" in methods:
            methods.add("HEAD")

        def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
            self.add_route_rule(url_pattern, handler, methods)
            return handler

        return decorate

    def add_stream(self, stream: type[StreamHandler]) -> None:
        """Serve a stream: its pages, its items and its changes."""
        check_stream(stream)
        declare(stream)
        for companion in stream._companions:  # noqa: SLF001, not for programs
            self.add_stream(companion)  # before it, since their paths may be below its own
        self._served.pop(stream, None)  # one that was used before has the declaration of then
        refuse_clash(stream, self.streams)
        for api in self.apis:
            refuse_shared(api, stream)
        seal(stream)
        index.serve(self)
        self.streams.append(stream)
        if stream.spec.origins is not None:
            self._shared_streams.append(stream.spec)
        for pattern, handler in routes(self.stream(stream), stream):
            self.router.add(pattern, handler)
        self.descriptions.add(partial(describe_stream, stream), self.router)

    def register_api(self, api: type[AutoAPIBase], prefix: str | None = None) -> None:
        """Serve an AutoAPI at ``api_base_url`` and its model's name, or at a prefix."""
        served = placed(api, self.api_base_url, prefix)
        refuse_twins(served, self.apis)
        for stream in self.streams:
            refuse_shared(served, stream)
        index.serve(self)
        self.apis.append(served)
        self.router.add(pattern_of(served), served)
        self.descriptions.add(partial(describe_api, served), self.router)

    # Templates.

    @cached_property
    def template_env(self) -> Any:
        """The environment of the template engine, loaded at its first use."""
        if self.template_loader is None:
            raise ConfigError("Say where templates are: template_loader=load_jinja2_env('…').")
        return self.template_loader()

    def render_template(self, template_file: str, /, **context: Any) -> str:
        """Return a page: a template rendered with a context."""
        return rendered(self.template_env, template_file, context)

    # Stores.

    @property
    def store_names(self) -> list[str]:
        """The names of the stores that are configured, and of those that streams ask for."""
        asked = [*(each.storage for each in self.streams), *(each.storage for each in self.apis)]
        return list(dict.fromkeys((*self._stores.names, *asked)))

    def store(self, name: str = "default") -> Storage:
        """Return the store of a name, opened at its first use."""
        return self._stores[name]

    def stream(self, declaration: type[StreamHandler]) -> LocalStream:
        """Return a declared stream, for the program itself to read and to write."""
        found = self._served.get(declaration)
        if found is None:
            declare(declaration)
            store = partial(self.store, declaration.spec.storage)
            found = LocalStream(declaration, self, store, self.clock)
            found.wrap = partial(measured, self, found.spec)
            self._served[declaration] = found
        return found

    @property
    def accounts(self) -> Any:
        """The accounts: a `StoredAccounts`, or the program's own implementation."""
        found = self._accounts or self._stored_accounts
        if found is None:
            from brubeck.models import StoredAccounts

            store = self.store("accounts" if "accounts" in self._stores else "default")
            found = self._stored_accounts = StoredAccounts(store, clock=self.clock)
        return found

    def close(self) -> None:
        """Close everything that is open; stores with a URL open again when they are used."""
        self._stored_accounts = None
        for stream in self._served.values():
            stream.close()
        self._stores.close()
        if "jobs" in self.__dict__:
            self.jobs.close()

    # Jobs.

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of this program: ``app.jobs.send('/resize', {…})``."""
        from brubeck.jobs import Jobs

        return Jobs(self)

    # From a request to a response.

    @cached_property
    def _trusted_proxies(self) -> TrustedProxies:
        server = self.settings.server
        return TrustedProxies(server.trusted_proxies, server.trusted_headers)

    def respond(self, request: Request) -> Response:
        """Answer a request; every error becomes an answer, too."""
        request.trusted_proxies, began = self._trusted_proxies, perf_counter()
        try:
            response = dispatch(self, request)
            if request.identity or not response.headers.lacks(SET_COOKIE):
                response = kept_private(response, request.identity)
            if len(response.body) > LEAST:
                response = compressed(response, request)
            elif response.status == 304:
                echo_coding(response, request)
        except (Exception, SystemExit) as reason:  # noqa: BLE001, it has to become an answer
            response = failed(self, request, reason)
        if response.status >= 400 and self._shared_streams:
            response = shared_error(response, request, self._shared_streams)
        log_access(request, response, began)
        return response

    @cached_property
    def observed(self) -> Callable[[Request], Response]:
        """`respond`, with the request ids, metrics and traces that the settings ask for."""
        return observed(self)

    # Running.

    @property
    def wsgi(self) -> Callable[..., Iterable[bytes]]:
        """This application as a WSGI callable (PEP 3333), for any WSGI server."""
        from brubeck.connections.wsgi import WSGIConnection
        from brubeck.serving.running import check_declarations

        check_declarations(self)
        if self.jobs.streams:
            self.jobs.check_shared()
        server = self.settings.server
        return WSGIConnection(
            self.observed, max_body=server.max_body, trusts_proxies=bool(server.trusted_proxies)
        )

    @cached_property
    def _wsgi(self) -> Callable[..., Iterable[bytes]]:
        return self.wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request as a WSGI application: ``gunicorn module:app``."""
        return self._wsgi(environ, start_response)

    def run(self, *, reload: bool = False) -> None:
        """Serve until SIGTERM or SIGINT, on as many processes as are configured.

        Patches the standard library first, if nobody has yet. With ``reload`` the program is
        started again whenever one of its files changes.
        """
        from brubeck.serving.running import serve

        serve(self, reload=reload)

    def work(self) -> None:
        """Have jobs done until SIGTERM or SIGINT, by as many processes as are configured.

        Patches nothing: jobs run in threads, so that one that computes for long holds up no other.
        """
        from brubeck.serving.running import work

        work(self)

    @property
    def sweeper(self) -> Sweeper:
        """The sweeper, which applies the streams' retention; of several processes one sweeps."""
        return Sweeper([self.stream(each) for each in self.streams])


def _is_setting(msg_conn: object) -> bool:
    return isinstance(msg_conn, str | list | tuple)
