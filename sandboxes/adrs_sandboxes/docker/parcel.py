"""A room's files in one piece, to be sent to containers that cannot be shown them."""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from adrs import SandboxUnavailable
from adrs_sandboxes._container import FOLDER, NOTHING

_PIECE = 1 << 18
_PAGE = 4096


class Parcel:
    """A tar file of regular files, folders and links; made once for all containers of a room.

    Links stay links, with their text: inside they lead where they would if they were shown, to
    what travels along or to nothing. Pipes, sockets and devices stay behind.

    Args:
        shown: place inside, below `FOLDER`, to file or folder outside, which is no link.

    Attributes:
        size: of the file in bytes.
        unpacked: bytes that it takes in memory, unpacked.
        entries: how many files, folders and links there are, and the folder of all.

    Raises:
        SandboxUnavailable: something cannot be read.
    """

    def __init__(self, shown: Mapping[str, Path]) -> None:
        self.unpacked, self.entries = _PAGE, 1
        with tempfile.TemporaryFile() as file:
            try:
                with tarfile.open(fileobj=file, mode="w") as archive:
                    self._fill(archive, shown)
            except OSError as error:
                raise SandboxUnavailable(f"a room's files cannot be read: {error}") from error
            self.size = file.tell()
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes."""
        for at in range(0, self.size, _PIECE):
            yield os.pread(self._file, _PIECE, at)

    def _fill(self, archive: tarfile.TarFile, shown: Mapping[str, Path]) -> None:
        below = {PurePosixPath(inside).relative_to(FOLDER): shown[inside] for inside in shown}
        parents = {parent for place in below for parent in place.parents}
        for place in sorted(parents - below.keys()):
            self._add(archive, _entry(place, tarfile.DIRTYPE))
        nothing = _entry(PurePosixPath(NOTHING).relative_to(FOLDER), tarfile.REGTYPE)
        nothing.mode = 0
        self._add(archive, nothing)
        for place, outside in below.items():
            self._add_path(archive, place, outside)
            for path in _below(outside):
                self._add_path(archive, place / path.relative_to(outside), path)

    def _add_path(self, archive: tarfile.TarFile, place: PurePosixPath, path: Path) -> None:
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            with path.open("rb") as file:
                self._add(archive, _entry(place, tarfile.REGTYPE, os.fstat(file.fileno())), file)
        elif stat.S_ISDIR(found.st_mode):
            self._add(archive, _entry(place, tarfile.DIRTYPE, found))
        elif stat.S_ISLNK(found.st_mode):
            link = _entry(place, tarfile.SYMTYPE, found)
            link.linkname, link.size = str(path.readlink()), 0
            self._add(archive, link)

    def _add(
        self, archive: tarfile.TarFile, entry: tarfile.TarInfo, file: IO[bytes] | None = None
    ) -> None:
        archive.addfile(entry, file)
        self.entries += 1
        self.unpacked += -(-entry.size // _PAGE) * _PAGE


def _below(folder: Path) -> Iterator[Path]:
    """All that is below a folder, each after what it is in; links are not followed."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            yield path
            if not path.is_symlink():
                yield from _below(path)


def _entry(
    place: PurePosixPath, kind: bytes, found: os.stat_result | None = None
) -> tarfile.TarInfo:
    """An entry that all may read and nobody may write."""
    entry = tarfile.TarInfo(str(place))
    entry.type = kind
    entry.mode = 0o555
    if found:
        entry.mtime = found.st_mtime
        if kind == tarfile.REGTYPE:
            entry.size = found.st_size
            entry.mode = 0o555 if found.st_mode & stat.S_IXUSR else 0o444
    return entry
