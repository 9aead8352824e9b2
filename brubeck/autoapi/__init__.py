"""AutoAPI: create, read, update and destroy over HTTP, for any document, without a timeline.

>>> from brubeck import Brubeck
>>> from brubeck.dictshield.document import Document
>>> from brubeck.dictshield.fields import StringField
>>> class Todo(Document):
...     title = StringField(required=True)
>>> class TodosAPI(AutoAPIBase):
...     model = Todo

>>> app = Brubeck()
>>> app.register_api(TodosAPI)
"""

from __future__ import annotations

from brubeck.autoapi.base import AutoAPIBase
from brubeck.autoapi.paths import pattern_of, placed, refuse_shared, refuse_twins

__all__ = ["AutoAPIBase", "pattern_of", "placed", "refuse_shared", "refuse_twins"]
