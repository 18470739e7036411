"""Takes out of text what says where or whose a machine is."""

from __future__ import annotations

import contextlib
import getpass
import math
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import JsonValue

from adrs.trust._certificate import LARGEST_INT

_IN_PATH = r"[^\s\"'`,;()<>\[\]{}|]*"
# A slash that starts something, not one between two words ("GB/s") or by itself.
_ABSOLUTE = r"(?<![\w.])/+(?=[^\s/])"
# Names that many machines and users have say nothing of this one.
_COMMON = frozenset({"localhost", "root", "user", "linux"})


class Impersonal:
    """Replaces absolute paths, and the names of this machine and its user.

    Args:
        places: paths that are replaced whatever characters they have.
    """

    def __init__(self, places: Iterable[str | Path]) -> None:
        known = {str(place) for place in places}
        with contextlib.suppress(RuntimeError):  # a user without a home
            known.add(str(Path.home()))
        known -= {"", ".", "/"}
        names = {platform.node(), platform.node().partition(".")[0]}
        with contextlib.suppress(KeyError, OSError):  # a user without a name
            names.add(getpass.getuser())
        starts = [re.escape(place) for place in sorted(known, key=len, reverse=True)]
        self._paths = re.compile(rf"(?:{'|'.join([*starts, _ABSOLUTE])}){_IN_PATH}")
        words = "|".join(re.escape(name) for name in sorted(names - _COMMON) if len(name) > 2)
        self._names = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None

    def text(self, text: str, limit: int | None = None) -> str:
        """The text without these, and cut."""
        text = self._paths.sub("(path)", text)
        if self._names is not None:
            text = self._names.sub("(name)", text)
        text = text.encode("utf-8", "replace").decode()
        return text if limit is None or len(text) <= limit else text[: limit - 1] + "\u2026"

    def texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The same for keys and values."""
        return {self.text(str(key)): self.text(text) for key, text in texts.items()}

    def value(self, value: object) -> JsonValue:
        """The same for plain data, as canonical JSON can carry it."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and abs(value) <= LARGEST_INT:
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        return self.text(str(value))
