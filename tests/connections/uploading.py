"""A program that takes forms with large files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from brubeck import Brubeck, WebMessageHandler
from brubeck.http import Response, StreamingResponse


class Process(WebMessageHandler):
    """Tells what the process is, and how much memory it has ever had at once, in KiB."""

    def get(self) -> Response:
        """Tell both."""
        status = Path("/proc/self/status").read_text().splitlines()
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
        self.set_body(json.dumps([os.getpid(), int(peak)]))
        return self.render()


class Upload(WebMessageHandler):
    """Reads a form, and then does with it what the path says."""

    def post(self, then: str) -> Response:
        """Tell the fields and what the files hold, fail, or send a file back."""
        form = self.message.form
        if then == "fail":
            raise RuntimeError("on purpose")
        if then == "back":
            return StreamingResponse(self._chunks())
        files = [
            (each.filename, each.size, hashlib.file_digest(each.file, "sha256").hexdigest())  # type: ignore[arg-type]  # it is read as any file
            for each in form.files
        ]
        self.set_body(json.dumps([form.fields, files]))
        return self.render()

    def _chunks(self) -> Iterator[bytes]:
        file = self.message.form.files[0].file
        while chunk := file.read(65_536):
            yield chunk


app = Brubeck(handler_tuples=[("^/process$", Process), (r"^/upload/(\w+)$", Upload)])
if os.environ.get("UPLOADING_WSGI"):
    wsgi = app.wsgi
