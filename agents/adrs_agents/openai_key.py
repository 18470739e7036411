"""The key of the API: taken out of the environment, and out of every text."""

from __future__ import annotations

import base64
import json
import os
import re
from urllib.parse import quote

from adrs import ConfigError

_VARIABLE = "OPENAI_API_KEY"
_REMOVED = "[key removed]"
_SECRET_FROM = 8  # characters; what local servers are given, such as EMPTY, is no secret
_MASKED = re.compile(r"(?<![\w.-])sk-[\w*.-]{6,}", re.ASCII)  # not in "task-..." or "disk-..."


class Key:
    """A key that neither prints nor pickles."""

    __slots__ = ("_spelled", "_value")

    def __init__(self, value: str = "") -> None:
        self._value = value
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        spellings = {value, quote(value, safe=""), json.dumps(value)[1:-1], encoded}
        longest_first = sorted(spellings, key=len, reverse=True)
        # Some write %2B as %2b, and headers in capitals.
        pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE | re.ASCII)
        self._spelled = pattern if len(value) >= _SECRET_FROM else None

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Key()"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def reveal(self) -> str:
        """The key itself, for the one who sends it."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without the key, however it is spelled.

        A key of fewer than eight characters is taken for a placeholder and stays.
        """
        return text if self._spelled is None else self._spelled.sub(_REMOVED, text)


def unmasked(text: str) -> str:
    """The text without what looks like a key or a part of one, as servers put it into complaints.

    Programs may have such words, so this is not for prompts and answers.
    """
    return _MASKED.sub(_REMOVED, text)


_taken = Key()


def take_key() -> Key:
    """The key from the environment, which no process that is started later inherits.

    Raises:
        ConfigError: it has characters that a key cannot have.
    """
    global _taken
    value = os.environ.pop(_VARIABLE, "").strip()
    if not value:
        return _taken
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ConfigError(
            f"{_VARIABLE} must be printable ASCII without blanks, and it has other characters; "
            "copy the key again"
        )
    _taken = Key(value)
    return _taken
