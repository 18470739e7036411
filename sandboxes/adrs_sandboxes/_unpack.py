"""Has a container unpack its files from its standard input, and then become what they say.

Runs as the text of a command, since there are no files yet. Standard library only. Arguments: the
size of the parcel, and what `_container` is given.
"""

from __future__ import annotations

import sys
import tarfile


class Parcel:
    """So much of standard input, and no more: what follows is for others."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        data = sys.stdin.buffer.read(min(size, self._left))
        self._left -= len(data)
        return data


def main() -> None:
    size = int(sys.argv.pop(1))
    parcel = Parcel(size)
    with tarfile.open(fileobj=parcel, mode="r|", bufsize=1 << 18) as archive:  # type: ignore[call-overload]
        archive.extraction_filter = lambda member, path: member  # the engine has made it
        archive.extractall("/mnt")  # noqa: S202
    parcel.read(size)
    sys.path_importer_cache.clear()  # it was found that there is no /mnt/.zygote
    from adrs_sandboxes import _container

    _container.main()


if __name__ == "__main__":
    main()
