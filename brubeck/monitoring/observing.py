"""What the settings switch on around a program's ``respond`` and its storages.

Each is switched on by its setting, and costs nothing where it is off.
"""

from __future__ import annotations

from brubeck.http.proxies import TrustedProxies
from brubeck.monitoring.programs import ObservedProgram, Respond
from brubeck.storage import RecordStream
from brubeck.streams.spec import StreamSpec


def measured(program: ObservedProgram, spec: StreamSpec, records: RecordStream) -> RecordStream:
    """Return the opened records of a stream, with their operations measured if metrics are on."""
    if not program.settings.server.metrics:
        return records
    from brubeck.monitoring.metrics import Metrics

    return Metrics.of(program).measured(spec.storage, spec.path.template, records)


def observed(program: ObservedProgram) -> Respond:
    """Return ``program.respond`` with what the settings ask for around it."""
    server = program.settings.server
    respond: Respond = program.respond
    if server.metrics:
        from brubeck.monitoring.metrics import Metrics

        respond = Metrics.of(program).around(respond)
    if server.tracing:
        from brubeck.monitoring.tracing import traced

        respond = traced(program.router, respond)
    if server.request_ids:
        from brubeck.monitoring.request_ids import named

        proxies = TrustedProxies(server.trusted_proxies, server.trusted_headers)
        respond = named(proxies, respond)
    return respond
