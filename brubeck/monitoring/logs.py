"""Logs as text or as JSON, one object a line, with the names of the request."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

from brubeck.config import Settings
from brubeck.monitoring.request_ids import current

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class TextFormatter(logging.Formatter):
    """Lines for people, with the id of the request where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line; a traceback follows on lines of its own."""
        text = super().format(record)
        request_id = current().request_id
        if not request_id or request_id in text:
            return text
        first, separator, rest = text.partition("\n")
        return f"{first} [request {request_id}]{separator}{rest}"


class JSONFormatter(logging.Formatter):
    """Objects for programs: ``time``, ``level``, ``logger``, ``message`` and what a record adds.

    ``request_id`` and ``trace_id`` where there are any, and ``exception`` with a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        names = current()
        moment = datetime.fromtimestamp(record.created, UTC)
        found: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if names.request_id:
            found["request_id"] = names.request_id
        if names.trace_id:
            found["trace_id"] = names.trace_id
        found |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        try:
            text: str = msgspec.json.encode(found, enc_hook=str).decode()
        except UnicodeEncodeError:  # half a character, of a client or a file's name
            text = json.dumps(found, default=str)
        return text


def configure(settings: Settings) -> None:
    """Send the logs to standard error, unless the program has configured them itself."""
    formatter = JSONFormatter() if settings.app.log_format == "json" else TextFormatter(TEXT)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=settings.app.log_level, handlers=[handler])
    access = logging.INFO if settings.server.access_log else logging.WARNING
    logging.getLogger("brubeck.access").setLevel(access)
