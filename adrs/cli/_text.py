"""Figures and untrusted text in a form that a person reads and a terminal survives."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from adrs.model.calibration import Calibration

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


def significant(value: float, digits: int = 4) -> str:
    """A figure with so many significant digits, without an exponent where that is readable."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 9:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def measured(value: float, unit: str) -> str:
    """A figure with its unit; pure numbers have none."""
    return significant(value) if unit == "1" else f"{significant(value)} {unit}"


def bounds(low: float | None, high: float | None) -> str:
    """The two ends of an interval, in two digits of its width; "" where no spread is known."""
    if low is None or high is None:
        return ""
    width = high - low
    largest = max(abs(low), abs(high))
    if not 1e-6 * largest < width < math.inf or not 1e-3 <= largest < 1e9:
        return f"[{significant(low, 3)}, {significant(high, 3)}]"
    digits = max(0, 1 - math.floor(math.log10(width)))
    return f"[{low:,.{digits}f}, {high:,.{digits}f}]"


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


def duration(seconds: float) -> str:
    """Elapsed time as people say it: 8 s, 3:07 min, 2:05 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def ago(then: datetime, now: datetime) -> str:
    """How long something is past, in its largest unit."""
    seconds = max(0.0, (now - then).total_seconds())
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def listed(names: Sequence[str]) -> str:
    """Names with commas, or a dash for none."""
    return ", ".join(names) or "-"


def noise(calibration: Calibration) -> list[str]:
    """How far a single measurement can be trusted, a sentence each; none if it always can."""
    words = []
    if calibration.contradiction:
        words.append(
            "the task declares its judge deterministic, but it is not, so it counts as noisy: "
            f"{harmless(calibration.contradiction, 200)}"
        )
    if not calibration.deterministic:
        words.append(
            f"noise: measured {calibration.repeats} times, the seed differs from itself by "
            f"{percent(calibration.spread)}; contenders are measured more often"
        )
    return words
