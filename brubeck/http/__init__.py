"""HTTP as plain data: requests, responses, headers, cookies, forms and problems; no I/O.

A connection turns bytes into a `Request` and a `Response` into bytes; everything between them is
in here and can be tested without a socket.
"""

from __future__ import annotations

from brubeck.http.headers import Headers
from brubeck.http.problems import Problem
from brubeck.http.request import Request
from brubeck.http.response import FeedResponse, Response, StreamingResponse

__all__ = ["FeedResponse", "Headers", "Problem", "Request", "Response", "StreamingResponse"]
