"""A program that sends every job that it is asked for, from memory if nothing else is set."""

from __future__ import annotations

from brubeck import Brubeck, WebMessageHandler
from brubeck.http import Response
from tests.jobs.program import Jobs


class Send(WebMessageHandler):
    """Where the web sends jobs."""

    def post(self, path: str) -> Response:
        """Send a job with the data of the request."""
        return self.application.jobs.send(path, self.message.json())


app = Brubeck(handler_tuples=[(r"^/send(?P<path>/.+)$", Send)], streams=[Jobs])
