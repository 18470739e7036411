"""Memory that a judge and a candidate share, of a size that neither can change."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@contextmanager
def shared_memory(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Blocks of so many bytes as descriptors, which are closed in the end.

    Sealed, since whoever reads memory that another has shrunk is killed.
    """
    blocks: list[int] = []
    try:
        for size in sizes:
            block = os.memfd_create("calls", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            blocks.append(block)
            os.ftruncate(block, size)
            fcntl.fcntl(block, fcntl.F_ADD_SEALS, _SEALS)
        yield blocks
    finally:
        for block in blocks:
            os.close(block)
