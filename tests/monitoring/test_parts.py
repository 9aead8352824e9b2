"""The parts of monitoring by themselves: health, settings, formats, spans."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from brubeck import Brubeck, WebMessageHandler
from brubeck.config.values import one_of, optional_duration, path_or_address
from brubeck.http import Response
from brubeck.monitoring.logs import JSONFormatter
from brubeck.storage import Head, RecordSchema, Unavailable
from brubeck.storage.memory import MemoryStorage
from brubeck.storage.memory.record_stream import MemoryRecordStream
from brubeck.testing import Client
from tests.monitoring.program import Notes


class TestHealth:
    """What an orchestrator asks."""

    def test_a_program_is_healthy_and_ready(self) -> None:
        """By default, with its stores by name and nothing else."""
        client = Client(Brubeck(streams=[Notes], storage="memory://"))
        health = client.get("/-/health")
        assert (health.status, health.json()) == (200, {"status": "ok"})
        ready = client.get("/-/ready")
        assert (ready.status, ready.json()) == (
            200,
            {"status": "ready", "stores": {"default": "ready"}},
        )
        assert health.headers["Cache-Control"] == ready.headers["Cache-Control"] == "no-store"

    def test_a_program_whose_store_is_down_is_healthy_and_not_ready(self) -> None:
        """Restarting it would not mend the store."""

        class Down(MemoryRecordStream):
            def head(self) -> Head:
                raise Unavailable("the storage cannot be reached")

        class DownStorage(MemoryStorage):
            def records(self, name: str, schema: RecordSchema) -> MemoryRecordStream:
                found = super().records(name, schema)
                found.__class__ = Down
                return found

        client = Client(Brubeck(streams=[Notes], storage={"default": DownStorage()}))
        assert client.get("/-/health").status == 200
        ready = client.get("/-/ready")
        assert (ready.status, ready.headers["Retry-After"]) == (503, "1")
        assert ready.json() == {"status": "unavailable", "stores": {"default": "unavailable"}}

    def test_they_may_be_taken_away_or_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the setting, or by a route of the program."""

        class Own(WebMessageHandler):
            def get(self) -> Response:
                return Response(b"mine")

        app = Brubeck(handler_tuples=[("^/-/health$", Own)])
        assert Client(app).get("/-/health").text == "mine"
        monkeypatch.setenv("BRUBECK_SERVER_HEALTH", "false")
        client = Client(Brubeck(streams=[Notes]))
        assert client.get("/-/health").status == client.get("/-/ready").status == 404


@pytest.mark.parametrize("value", ["metrics", "/a b", "host", "host:0", "host:99999", ":1", 5, "/"])
def test_a_place_of_metrics_is_a_path_or_an_address(value: object) -> None:
    """Nothing else."""
    with pytest.raises(ValueError, match="path or an address"):
        path_or_address(value)


@pytest.mark.parametrize("value", ["-1s", "x", True, None, ""])
def test_a_time_that_is_none_is_refused(value: object) -> None:
    """Zero is none at all, and allowed."""
    with pytest.raises(ValueError, match="must be a time"):
        optional_duration(value)
    assert optional_duration(0) == optional_duration("0s") == 0


def test_a_word_is_one_of_those_that_there_are() -> None:
    """And the error says which."""
    with pytest.raises(ValueError, match="must be text or json, not 'xml'"):
        one_of("text", "json")("xml")


@pytest.mark.parametrize("value", [object(), Path("/x"), {1: 2}, float("nan"), "\ud800", b"\xff"])
def test_a_record_of_any_content_is_one_line_of_json(value: object) -> None:
    """Whatever a program adds to it."""
    record = logging.makeLogRecord({"msg": "a %s", "args": ("line\nbreak",), "extra": value})
    text = JSONFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "a line\nbreak"


def test_a_request_is_a_span_in_the_trace_of_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the route, not the path, as its name."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    monkeypatch.setenv("BRUBECK_SERVER_TRACING", "true")
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    sent = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    client.get("/notes/none", headers=sent)
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /notes/{ids}"
    context: Any = span.context
    assert f"{context.trace_id:032x}" == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 404
    assert span.attributes["http.route"] == "/notes/{ids}"
