"""The look of a page: its accent, its logo, and the files of this site that it may load.

A stream's own attributes come before the settings of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from brubeck.explorer.options import PLAIN
from brubeck.http import Request

if TYPE_CHECKING:
    from brubeck.handlers.program import Program
    from brubeck.streams.spec import StreamSpec


class Look(msgspec.Struct, frozen=True):
    """The look of a page; empty texts stand for none.

    ``images`` says whether the page has images of this site, ``files`` whether it may have styles
    and fonts of it, too. A ``personal`` page may show the name of the caller, or forms for it.
    """

    accent: str = ""
    logo: str = ""
    images: bool = False
    files: bool = False
    personal: bool = False


def look_of(
    program: Program,
    request: Request,
    spec: StreamSpec | None = None,
    *,
    images: bool = False,
    files: bool = False,
) -> Look:
    """Return the look of a page of a program, or of one of its streams."""
    settings = program.settings.app
    own = spec.appearance if spec else PLAIN
    accent = own.accent or settings.explorer_accent
    logo = own.logo or settings.explorer_logo
    return Look(
        accent,
        f"{request.prefix}{logo}" if logo else "",
        images or files or bool(logo),
        files,
        personal=bool(settings.login_url or (spec and spec.schemes)) and _may_be_known(request),
    )


def _may_be_known(request: Request) -> bool:
    """Return whether a request brings credentials of a kind that browsers send."""
    return any(request.header(name) is not None for name in ("cookie", "authorization"))
