"""One file's text while edits are applied to it, and why an edit does not fit."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import nlargest
from io import StringIO

MAX_LINES = 50_000
_SHOWN_LINES = 12
_SHOWN_WIDTH = 200
_SHOWN_PLACES = 10
_COMPARED = 30
_WORD = re.compile(r"\w+")


class Misfit(Exception):
    """An edit does not fit the file; the message says why, to the model that wrote it."""


class Text:
    """A file in UTF-8, in which passages are replaced by whole lines.

    Raises:
        Misfit: the bytes are not UTF-8, or more than MAX_LINES lines.
    """

    def __init__(self, data: bytes) -> None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Misfit(
                "the file is not UTF-8, so no lines can be found in it; replace it as a whole"
            ) from None
        # Only "\n" ends a line: form feeds and their like are part of a program's lines.
        self._lines = list(StringIO(text, newline="\n"))
        if len(self._lines) > MAX_LINES:
            raise Misfit(
                f"the file has {len(self._lines)} lines; lines are searched in files of at most "
                f"{MAX_LINES}; replace it as a whole"
            )
        self._ending = line_ending(text)

    @property
    def data(self) -> bytes:
        """The file as it is now."""
        return "".join(self._lines).encode()

    @property
    def filled(self) -> bool:
        return any(line.strip() for line in self._lines)

    def replace(self, old: Sequence[str], new: Sequence[str]) -> None:
        """Puts the lines `new` in the one place where the lines `old` stand.

        Args:
            old: lines without their ending, at least one of them not blank.
            new: lines without their ending; they get the file's.

        Raises:
            Misfit: `old` stands nowhere, in more than one place, or only with other indentation.
        """
        core_old, core_new = _without_blank_edges(old, new)
        text = "\n" + "".join(self._lines).replace("\r\n", "\n")
        places = _places(text if text.endswith("\n") else text + "\n", old)
        if not places:
            loose = _framed(line.rstrip() for line in self._lines)
            places = _places(loose, [line.rstrip() for line in old])
            if not places:
                old, new = core_old, core_new
                places = _places(loose, [line.rstrip() for line in old])
        if not places:
            raise Misfit(self._why_not_found(core_old, core_new))
        if len(places) > 1:
            raise Misfit(
                f"the SEARCH lines stand in more than one place, at lines {_listed(places)}; "
                "take in more of the lines around the one you mean"
            )
        self._splice(places[0], places[0] + len(old), new)

    def _splice(self, start: int, end: int, new: Sequence[str]) -> None:
        fresh = [line + self._ending for line in new]
        if fresh and end == len(self._lines) and not self._lines[-1].endswith("\n"):
            fresh[-1] = new[-1]  # the file ended without a line ending, and still does
        self._lines[start:end] = fresh

    def _why_not_found(self, old: Sequence[str], new: Sequence[str]) -> str:
        bare = [line.strip() for line in self._lines]
        framed = _framed(bare)
        if places := _places(framed, [line.strip() for line in old]):
            found = self._lines[places[0] : places[0] + len(old)]
            tabs = " (the file has tabs)" if any(line.startswith("\t") for line in found) else ""
            return (
                f"the indentation differs{tabs}: write SEARCH and REPLACE with the white space "
                f"that the file has. Found at {_listed(places)}:\n"
                + self._shown(places[0], len(old))
            )
        done = ""
        if any(line.strip() for line in new):
            places = _places(framed, [line.strip() for line in new])
            if places:
                done = (
                    f"the REPLACE lines already stand at {_listed(places)}, so it seems to be "
                    "applied already; leave this block out if so. "
                )
        start = _nearest(bare, [line.strip() for line in old])
        if start is None:
            return f"{done}the SEARCH lines are not in the file, nor is anything like them"
        return (
            f"{done}the SEARCH lines are not in the file; copy them as they stand there. "
            "The most similar ones are:\n" + self._shown(start, len(old))
        )

    def _shown(self, start: int, count: int) -> str:
        lines = self._lines[start : start + min(count, _SHOWN_LINES)]
        return "\n".join(
            f"{number:5d} | {line.rstrip()[:_SHOWN_WIDTH]}"
            for number, line in enumerate(lines, start + 1)
        )


def line_ending(text: str) -> str:
    r"""What most lines of a text end with: "\r\n" or "\n"."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _framed(lines: Iterable[str]) -> str:
    """Lines as one string in which a passage can be found at line borders only."""
    return "\n" + "".join([line + "\n" for line in lines])


def _places(framed: str, wanted: Sequence[str]) -> list[int]:
    """Where `wanted` begins, as indexes of lines, as many as are worth showing."""
    passage = _framed(wanted)
    places: list[int] = []
    at = framed.find(passage)
    while at >= 0 and len(places) < _SHOWN_PLACES:
        places.append(framed.count("\n", 0, at))
        at = framed.find(passage, at + 1)
    return places


def _listed(places: Sequence[int]) -> str:
    more = ", …" if len(places) == _SHOWN_PLACES else ""
    return ", ".join(str(place + 1) for place in places) + more


def _without_blank_edges(
    old: Sequence[str], new: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """`old` without blank lines at its ends, and `new` without those that mirror them."""
    filled = [at for at, line in enumerate(old) if line.strip()]
    above, below = filled[0], len(old) - 1 - filled[-1]
    start, end = 0, len(new)
    while start < min(above, end) and not new[start].strip():
        start += 1
    while end > start and len(new) - end < below and not new[end - 1].strip():
        end -= 1
    return old[above : len(old) - below], new[start:end]


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Where the passage most like `wanted` begins; None if nothing is like it."""
    wanted = wanted[:_SHOWN_LINES]
    start, share = _voted(lines, wanted)
    if share < 0.2:
        at = max(range(len(wanted)), key=lambda at: len(wanted[at]))
        alike = _most_alike(lines, wanted[at])
        if alike is not None:
            start = alike - at
    return None if start is None else max(0, start)


def _voted(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int | None, float]:
    """The start for which most lines of both are the same, and their share, by length."""
    known = defaultdict(list)
    for at, line in enumerate(wanted):
        if line:
            known[line].append(at)
    votes: Counter[int] = Counter()
    for at, line in enumerate(lines):
        for place in known.get(line, ()):
            votes[at - place] += len(line)
    if not votes:
        return None, 0.0
    start = max(votes, key=lambda offset: (votes[offset], -offset))
    return start, votes[start] / sum(map(len, wanted))


def _most_alike(lines: Sequence[str], wanted: str) -> int | None:
    """The line most like one line; None if none is. Compares closely only what shares words."""
    wanted = wanted[:_SHOWN_WIDTH]
    words = set(_WORD.findall(wanted))
    shared = [len(words.intersection(_WORD.findall(line[:_SHOWN_WIDTH]))) for line in lines]
    matcher = difflib.SequenceMatcher(b=wanted, autojunk=False)
    best, likeness = None, 0.5
    for at in nlargest(_COMPARED, range(len(lines)), key=lambda at: (shared[at], -at)):
        matcher.set_seq1(lines[at][:_SHOWN_WIDTH])
        if matcher.quick_ratio() > likeness and matcher.ratio() > likeness:
            best, likeness = at, matcher.ratio()
    return best
