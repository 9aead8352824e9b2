"""Create, read, update and destroy over HTTP from a model alone, and a page that does it.

    brubeck run examples.demo_autoapi:app

    $ curl --json '{"id": "coffee", "title": "Drink coffee"}' localhost:6767/todo
    {"status_code":201,"status_msg":"Created","timestamp":…,"data":{"id":"coffee","title":"Drink coffee","completed":false}}
    $ curl -X DELETE localhost:6767/todo/coffee
    {"status_code":200,"status_msg":"OK","timestamp":…,"data":{"id":"coffee","title":"Drink coffee","completed":false}}

The page is at ``/``, and what there is to call at ``/openapi.json``.
"""  # noqa: E501, answers are shown as they are

from __future__ import annotations

from pathlib import Path

from brubeck import Brubeck, Response
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import BooleanField, StringField
from brubeck.queryset import DictQueryset
from brubeck.templating import Jinja2Rendering, load_jinja2_env


class Todo(Document):
    """Something to do."""

    title = StringField(required=True, max_length=100)
    completed = BooleanField(default=False)

    class Meta:
        """How the documents are named."""

        id_field = StringField


class TodosAPI(AutoAPIBase):
    """The todos at ``/todo``, kept in memory."""

    queries = DictQueryset()
    model = Todo


class PageHandler(Jinja2Rendering):
    """The page for people."""

    def get(self) -> Response:
        """Show it; what it lists it asks the API for."""
        return self.render_template("todos.html")


app = Brubeck(
    handler_tuples=[(r"^/$", PageHandler)],
    template_loader=load_jinja2_env(Path(__file__).with_name("templates") / "autoapi"),
)
app.register_api(TodosAPI)
