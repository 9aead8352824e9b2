"""Traces by OpenTelemetry: a span for each request, in the trace of its ``traceparent`` header.

Needs the API, ``pip install 'brubeck[tracing]'``; where spans go is configured by the program with
OpenTelemetry's own SDK, or by ``opentelemetry-instrument``.
"""

from __future__ import annotations

from brubeck.errors import ConfigError
from brubeck.http import Request, Response
from brubeck.monitoring.labels import route_of
from brubeck.monitoring.programs import Respond
from brubeck.routing import Router


def traced(router: Router, respond: Respond) -> Respond:
    """Return a ``respond`` within a span, with the attributes of the semantic conventions.

    Raises `ConfigError` where OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import propagate, trace
    except ImportError as reason:
        raise ConfigError(
            "server.tracing needs OpenTelemetry: pip install 'brubeck[tracing]'."
        ) from reason
    tracer = trace.get_tracer("brubeck")

    def answer(request: Request) -> Response:
        sent = {"traceparent": request.header("traceparent") or ""}
        if state := request.header("tracestate"):
            sent["tracestate"] = state
        route = route_of(router, request)
        attributes = {"http.request.method": request.method, "url.scheme": request.scheme}
        if route:
            attributes["http.route"] = route
        with tracer.start_as_current_span(
            f"{request.method} {route}".strip(),
            context=propagate.extract(sent),
            kind=trace.SpanKind.SERVER,
            attributes=attributes,
        ) as span:
            response = respond(request)
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= 500:
                span.set_status(trace.StatusCode.ERROR)
            return response

    return answer
