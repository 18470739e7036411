"""Untrusted text without power over whoever reads it, and shares of one in words."""

from __future__ import annotations

import unicodedata

# Control characters, format characters (among them those that turn the direction of writing),
# lone surrogates, private and unassigned ones, and separators that terminals take as a new line.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def harmless(text: str, limit: int | None = None) -> str:
    """What a candidate, a judge or a model wrote, on one line and without power over a terminal.

    White space becomes single blanks; every character that a terminal might act on is spelled out.

    Args:
        limit: characters after which the rest is cut off.
    """
    line = "".join(map(_spelled, " ".join(text.split())))
    return line if limit is None or len(line) <= limit else line[: max(0, limit - 1)] + "…"


def harmless_lines(text: str) -> list[str]:
    """The same for text whose lines and indentation matter, such as a program or its output."""
    lines = text.replace("\r\n", "\n").split("\n")
    return ["".join(map(_spelled, line.expandtabs(4))) for line in lines]


def _spelled(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _ACTIVE:
        return character.encode("unicode_escape").decode()
    return character


def percent(share: float) -> str:
    """A share of one as a percentage, with three significant digits at most."""
    size = abs(100 * share)
    digits = 0 if size >= 99.95 else 1 if size >= 0.995 else 2
    return f"{100 * share:,.{digits}f} %"


def gain(effect: float) -> str:
    """A relative improvement in words."""
    words = percent(abs(effect))
    if words == percent(0.0):
        return "no change"
    return f"{words} {'better' if effect > 0 else 'worse'}"
