"""A curve in a few characters of text."""

from __future__ import annotations

from collections.abc import Sequence

_BLANK = 0x2800  # braille patterns: two dots across and four down in every character
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def steps(
    points: Sequence[tuple[int, float]], end: int, limit: int, width: int, height: int
) -> list[str]:
    """Draws a value that holds from each point until the next, as lines of braille.

    Args:
        points: where the value changed and to what, in order.
        end: how far along it is known.
        limit: what the full width stands for.
        width: characters across.
        height: lines down; the first stands for the largest value.
    """
    cells = [[_BLANK] * width for _ in range(height)]
    if not points:
        return _lines(cells)
    values = [value for _, value in points]
    low, high = min(values), max(values)
    across, down = 2 * width, 4 * height
    known = min(across, max(1, round(across * end / limit)))
    current, previous = 0, -1
    for x in range(known):
        at = x * limit / across
        while current + 1 < len(points) and points[current + 1][0] <= at:
            current += 1
        share = (high - values[current]) / (high - low) if high > low else 0.5
        y = round(share * (down - 1))
        start = y if previous < 0 else previous
        for dot in range(min(start, y), max(start, y) + 1):
            cells[dot // 4][x // 2] |= _DOTS[x % 2][dot % 4]
        previous = y
    return _lines(cells)


def _lines(cells: Sequence[Sequence[int]]) -> list[str]:
    return ["".join(map(chr, row)) for row in cells]
