"""`Explorer`: how the HTML pages of a stream look."""

from __future__ import annotations

import msgspec

from brubeck.config.values import accent_color, local_path
from brubeck.errors import ConfigError


class Explorer(msgspec.Struct, frozen=True, kw_only=True):
    """The accent, the logo and the template of a stream's HTML pages; each may be left out.

    >>> Explorer(accent='#0b57b4', logo='/static/logo.svg').template
    ''

    ``accent`` is the colour of links. ``logo`` is the path of an image that the program serves.
    ``template`` is a template of the program's ``template_loader`` that extends
    ``brubeck/stream.html``. Raises `ConfigError` for a value that cannot be right.
    """

    accent: str = ""
    logo: str = ""
    template: str = ""

    def __post_init__(self) -> None:
        for name, parse in (("accent", accent_color), ("logo", local_path)):
            try:
                parse(getattr(self, name))
            except ValueError as reason:
                raise ConfigError(f"Explorer.{name} {reason}") from None
        if not isinstance(self.template, str):
            raise ConfigError(f"Explorer.template is a text, not {self.template!r}.")


PLAIN = Explorer()
"""The look of pages without options."""
