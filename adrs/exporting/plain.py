"""Our records as JSON that anybody can read; the same record is always the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any


def plain(value: object) -> Any:
    """What JSON can carry: records become objects, times ISO 8601, what is no number a text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value) if isinstance(value, str | PurePath) else repr(value)


def json_file(value: object) -> bytes:
    """One object, for people as well."""
    return (json.dumps(plain(value), indent=2, sort_keys=True) + "\n").encode()


def jsonl_file(values: Iterable[object]) -> bytes:
    """One object a line."""
    lines = [json.dumps(plain(value), sort_keys=True) for value in values]
    return "".join(f"{line}\n" for line in lines).encode()
