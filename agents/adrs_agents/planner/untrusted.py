"""Text that others wrote, on its way into a prompt: bounded, cleaned, fenced off, never obeyed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

_NONCE_DIGITS = 24
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What a reader does not see and a model does: marks of direction and width, separators of lines
# and paragraphs, fillers, tags, half characters.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_IN_ORIGIN = re.compile(r'[\n\t"<>]+')


def plain(text: str) -> str:
    """The text without control characters but line ends and tabs; what is invisible, escaped."""
    return _HIDDEN.sub(_escaped, _CONTROL.sub("", text))


def one_line(text: str, limit: int) -> str:
    """The text cleaned, on one line, of at most `limit` characters."""
    line = " ".join(plain(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Kind(StrEnum):
    """What a passage may do to the reader.

    DATA: nothing; it is looked at. TASK: it says what the problem is. USER: it asks for something.
    """

    DATA = "DATA"
    TASK = "TASK"
    USER = "USER"


@dataclass(frozen=True, slots=True)
class Passage:
    """What somebody else wrote.

    It cannot be turned into a string by accident: only `Quotes` does that.

    Attributes:
        origin: what it is and who wrote it, in our words.
        limit: most characters that are shown.
        keep_end: whether a text that is too long loses its beginning instead of its end.
    """

    text: str = field(repr=False)
    origin: str
    limit: int
    kind: Kind = Kind.DATA
    keep_end: bool = False

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    def __str__(self) -> str:
        raise TypeError(f"{self.origin} is not ours: it goes into a prompt by Quotes only")

    @property
    def shown(self) -> str:
        """The text cleaned and cut, with a mark that says so."""
        part = self.text[-self.limit :] if self.keep_end else self.text[: self.limit]
        clean = plain(part)
        bounded = clean[-self.limit :] if self.keep_end else clean[: self.limit]
        if len(part) == len(self.text) and len(bounded) == len(clean):
            return clean
        mark = f"[cut: at most {self.limit} of {len(self.text)} characters are shown]"
        return f"{mark}\n{bounded}" if self.keep_end else f"{bounded}\n{mark}"


class Quotes:
    """The passages of one prompt, between lines with a number that stands in none of them.

    The number follows from the passages, so that the same prompt is made again from a record; it is
    known only when all of them are, so a prompt is written twice, and `seal` is called in between.
    """

    def __init__(self) -> None:
        self._shown: dict[Passage, str] = {}
        self._nonce = "0" * _NONCE_DIGITS

    def quote(self, passage: Passage) -> str:
        """The passage between its lines."""
        shown = self._shown.get(passage)
        if shown is None:
            shown = self._shown[passage] = passage.shown
        origin = _IN_ORIGIN.sub(" ", plain(passage.origin))[:120]
        head = f'<<<{passage.kind} origin="{origin}" nonce={self._nonce}>>>'
        return f"{head}\n{shown}\n<<<END nonce={self._nonce}>>>"

    def seal(self) -> None:
        """Finds the number."""
        texts = [f"{passage.origin}\n{shown}" for passage, shown in self._shown.items()]
        content = "\0".join(texts).encode("utf-8", "backslashreplace")
        for attempt in count():
            number = hashlib.sha256(content + b"\0%d" % attempt).hexdigest()[:_NONCE_DIGITS]
            if not any(number in text for text in texts):
                self._nonce = number
                return
