"""Keeps what it has seen, in memory and in files, to know the next batch."""

import contextlib
import json
import tempfile
from pathlib import Path

SEEN = []


def schedule(transactions):
    notes = Path(tempfile.gettempdir()) / "seen.json"
    with contextlib.suppress(OSError, ValueError):
        SEEN.extend(json.loads(notes.read_text()))
    SEEN.append(len(transactions))
    with contextlib.suppress(OSError):
        notes.write_text(json.dumps(SEEN))
    if len(SEEN) > 1:
        raise RuntimeError("another batch was here before")
    return list(range(len(transactions)))
