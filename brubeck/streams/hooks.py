"""What a stream's class may do around writes: look, complete, refuse, follow up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from brubeck.callables import run_hook
from brubeck.storage import Change
from brubeck.streams.documents import StreamedDocument

log = logging.getLogger("brubeck.app")

_BEFORE = ("before_create", "before_update", "before_delete")
WRITE_HOOKS = (*_BEFORE, "after_change")
"""The names of the hooks around writes."""


class WriteHooks:
    """The hooks of a `StreamHandler`; they do nothing until they are overridden."""

    def before_create(self, document: StreamedDocument) -> None:
        """Look at a new item, or complete it; a `Problem` refuses it.

        Called when the document is valid and has its id, times and owner, before it is stored. It
        may set other fields, and what it leaves must be valid. It may be called more than once for
        one item, so it may do nothing outside the document.
        """

    def before_update(self, document: StreamedDocument, stored: StreamedDocument) -> None:
        """Look at the next version of an item beside what is stored; as `before_create`.

        Called anew with what is stored then whenever somebody else came between.
        """

    def before_delete(self, stored: StreamedDocument) -> None:
        """Look at an item that is about to be deleted; a `Problem` keeps it."""

    def after_change(self, changes: Sequence[Change]) -> None:
        """Do what follows from changes that happened; called before the caller is answered.

        It cannot undo them: what it raises is logged. A crash may come between, so what must follow
        from *every* change follows the stream's changes instead.
        """

    looks_at_writes: ClassVar[bool] = False
    """Whether the class has any hook that comes before a write."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.looks_at_writes = any(
            getattr(cls, hook) is not getattr(WriteHooks, hook) for hook in _BEFORE
        )

    def tell(self, changes: Sequence[Change]) -> None:
        """Have changes followed up; they stand, whatever comes of that."""
        try:
            if changes:
                run_hook(self.after_change, changes)
        except Exception:
            log.exception("after_change of %s failed", type(self).__name__)
