"""The hooks of a stream's class around writes: check, complete or refuse documents, follow up."""

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
        """Check the next version of an item beside the stored one; as `before_create`.

        Called again with the version stored then whenever another writer has changed the item.
        """

    def before_delete(self, stored: StreamedDocument) -> None:
        """Look at an item that is about to be deleted; a `Problem` keeps it."""

    def after_change(self, changes: Sequence[Change]) -> None:
        """Do the work that follows from the written changes; called before the caller is answered.

        It cannot undo them: an exception is logged. The server may crash in between, so work that
        must follow from *every* change belongs in a follower of the stream's changes instead.
        """

    looks_at_writes: ClassVar[bool] = False
    """Whether the class has any hook that comes before a write."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.looks_at_writes = any(
            getattr(cls, hook) is not getattr(WriteHooks, hook) for hook in _BEFORE
        )

    def tell(self, changes: Sequence[Change]) -> None:
        """Call `after_change` with changes; an exception is logged, and the changes stand."""
        try:
            if changes:
                run_hook(self.after_change, changes)
        except Exception:
            log.exception("after_change of %s failed", type(self).__name__)
