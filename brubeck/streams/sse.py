"""Server-sent events: frames as bytes (the HTML standard, section 9.2.5)."""

from __future__ import annotations

from typing import Final

MEDIA_TYPE: Final = "text/event-stream"


def event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    r"""Return one event; the data is one line, as JSON is.

    >>> event('put', b'{}', '7~a')
    b'event: put\nid: 7~a\ndata: {}\n\n'
    """
    named = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), named, data)


def comment(text: str) -> bytes:
    """Return a comment, which readers pass over and connections stay open by."""
    return b": %b\n\n" % text.encode()


def retry(millis: int) -> bytes:
    """Return the line with the time after which a reader reconnects, for the next event's front."""
    return b"retry: %d\n" % millis
