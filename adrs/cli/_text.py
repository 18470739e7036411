"""Figures and untrusted text in a form that a person reads and a terminal survives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from adrs.model.calibration import Calibration
from adrs.model.text import gain as gain
from adrs.model.text import harmless as harmless
from adrs.model.text import harmless_lines as harmless_lines
from adrs.model.text import percent as percent


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
