"""How a command that measures is given up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Has SIGTERM close sandboxes and clear away copies, as an interrupt from the keyboard does."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Abort from None
    finally:
        signal.signal(signal.SIGTERM, before)
