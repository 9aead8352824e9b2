"""Commands and their replies on one connection of the driver, in one go."""

from __future__ import annotations

from typing import Any

from redis.exceptions import ResponseError


def exchange(connection: Any, packed: list[bytes], count: int = 1) -> list[Any]:
    """Send packed commands and return their replies; raise the first `ResponseError` of them.

    After any other error, where replies may be on their way, the connection is closed.
    """
    if connection._sock is None:  # noqa: SLF001, the driver would not ask the Sentinels
        connection.connect()
    replies = []
    error = None
    try:
        connection.send_packed_command(packed)
        for _ in range(count):
            try:
                replies.append(connection.read_response())
            except ResponseError as reason:
                error = error or reason
    except BaseException:
        connection.disconnect()
        raise
    if error is not None:
        raise error
    return replies
