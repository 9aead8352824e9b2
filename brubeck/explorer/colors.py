"""Colours: an accent in its two schemes, each with enough contrast to be read (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from typing import Final

Color = tuple[int, int, int]
"""Red, green and blue, from 0 to 255."""

CONTRAST: Final = 4.6
"""The minimal contrast of the accent with what it stands on; 4.5 is required."""
GROUNDS: Final = {"light": ("#ffffff", "#f6f7f8"), "dark": ("#15181c", "#1d2126")}
"""The page and the cards of each scheme, as they are in the style."""
_STEPS: Final = 50
_TINT: Final = 0.12


def accent_style(accent: str) -> str:
    """Return the style that sets the accent: darker or lighter where it could not be read.

    >>> accent_style('#ffff00').partition(';')[0]
    ':root{--link:#6b6b00'
    """
    light, dark = (
        f":root{{--link:{link};--mark:{mark}}}"
        for link, mark in (_readable(accent, "light"), _readable(accent, "dark"))
    )
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21.

    >>> round(contrast('#000000', '#ffffff')), contrast('#123456', '#123456')
    (21, 1.0)
    """
    dark, light = sorted((_luminance(_parsed(one)), _luminance(_parsed(other))))
    return (light + 0.05) / (dark + 0.05)


def _readable(accent: str, scheme: str) -> tuple[str, str]:
    """Return the accent of a scheme, and the ground of what is marked by it."""
    grounds = GROUNDS[scheme]
    end = "#000000" if scheme == "light" else "#ffffff"
    for step in range(_STEPS + 1):
        color = _mixed(accent, end, step / _STEPS)
        mark = _mixed(grounds[0], color, _TINT)
        if min(contrast(color, ground) for ground in (*grounds, mark)) >= CONTRAST:
            break
    return color, mark


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_parsed(one), _parsed(other), strict=True)
    red, green, blue = (round(first + (second - first) * share) for first, second in pairs)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _parsed(color: str) -> Color:
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _luminance(color: Color) -> float:
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (part / 255 for part in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
