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

    __slots__ = ("_spellings", "_value")

    def __init__(self, value: str = "") -> None:
        self._value = value
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        spellings = {value, quote(value, safe=""), json.dumps(value)[1:-1], encoded}
        secret = len(value) >= _SECRET_FROM
        self._spellings = sorted(spellings, key=len, reverse=True) if secret else []

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
        """The text without the key, however it is spelled, and without what looks like one.

        A key of fewer than eight characters is taken for a placeholder and stays.
        """
        for spelling in self._spellings:
            text = text.replace(spelling, _REMOVED)
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
