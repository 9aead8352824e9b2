"""Texts of others, without the signs that a terminal or a reader of logs would obey."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

NOT_SHOWN: Final = "\N{REPLACEMENT CHARACTER}"
_LINE_ENDS: Final = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def printable(text: str) -> str:
    r"""Return a text without signs that a terminal would obey; line ends and tabs stay.

    >>> printable('a\x1b[2Jb')
    'a�[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else NOT_SHOWN for each in text)


def _is_harmless(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"


def one_line(text: str) -> str:
    """Return a text as one printable line."""
    return printable(_LINE_ENDS.sub(" ", text).replace("\t", " "))
