"""Uploads: a form for files, and an answer that says what arrived.

    brubeck run examples.demo_multipart:app

    $ curl -F 'file=@LICENSE' localhost:6767/
    <p>LICENSE: 1530 bytes</p>
    $ printf 12345 | curl -F 'file=@-;filename=<five>.txt' localhost:6767/
    <p>&lt;five&gt;.txt: 5 bytes</p>

A browser shows the form. No file is held in memory as a whole; ``server.max_body`` says how large
a form may be.
"""

from __future__ import annotations

from html import escape

from brubeck import Brubeck, Problem, Response, WebMessageHandler

FORM = """<!doctype html>
<title>Upload</title>
<form method="post" enctype="multipart/form-data">
  <input type="file" name="file" multiple required>
  <button>Send</button>
</form>
"""


class UploadHandler(WebMessageHandler):
    """Takes files, and tells their names and sizes."""

    def get(self) -> Response:
        """Show the form."""
        self.set_body(FORM)
        return self.render()

    def post(self) -> Response:
        """Read what was sent; a file's name is whatever its sender says, so it is escaped."""
        files = [each for each in self.message.form.files if each.name == "file" and each.filename]
        if not files:
            raise Problem(400, "Choose a file first.")
        lines = [f"<p>{escape(each.filename)}: {each.size} bytes</p>" for each in files]
        self.set_body("".join(lines))
        return self.render()


app = Brubeck(handler_tuples=[(r"^/$", UploadHandler)])
