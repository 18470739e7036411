"""Reading folders that somebody else wrote: no links, no devices, bounded."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from adrs.errors import ConfigError, ProgramError
from adrs.model.program import MAX_BYTES, MAX_FILES, Program, check_path

_SKIPPED = "__pycache__"
# What a person reads or what is found out later: none of it decides a measurement.
_UNMEASURED = frozenset({"README.md", "winners", "checks"})


def read_program(folder: str | Path) -> Program:
    """The files of a folder as a program. Folders named __pycache__ are left out.

    Links below the folder are never followed, and reading stops at the caps of a program.

    Raises:
        ProgramError: it is not a folder that can be read.
        ProgramError: something in it is neither a regular file nor a folder.
        ProgramError: a file name that a program may not have.
        ProgramError: too many files or folders, too many bytes, or no file at all.
    """
    root = Path(folder)
    files: dict[str, bytes] = {}
    with _as_program_errors(root), _opened(str(root), os.O_DIRECTORY) as top:
        _gather(top, "", files, _Room())
    if not files:
        raise ProgramError(f"{root} has no file; a program has 1 to {MAX_FILES}")
    return Program(files)


def task_digests(folder: Path) -> dict[str, str]:
    """Every file of a task that may decide a measurement, to the SHA-256 of its bytes.

    Left out are README.md, winners/, checks/, __pycache__ and names that start with a dot.

    Raises:
        ConfigError: a link, or something else that is not a regular file.
        ConfigError: a file that cannot be read.
    """
    digests = {}
    for path in deciding_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ConfigError(
                    f"{path} is not a regular file, so it cannot be part of a task; "
                    "put a copy there, or hand large data in with --workloads"
                )
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(error, path) from error
    return digests


def digest_listing(digests: Mapping[str, str]) -> str:
    """SHA-256 over files, given as relative path to the SHA-256 of their bytes."""
    names = sorted(digests, key=PurePosixPath)
    listing = "".join(f"{digests[name]} {name!a}\n" for name in names)
    return hashlib.sha256(listing.encode()).hexdigest()


def deciding_files(folder: Path) -> list[Path]:
    """The files of a task that may decide a measurement, in order; whatever else they are.

    Raises:
        ConfigError: a folder that cannot be read.
    """
    found = []
    for base, folders, names in os.walk(folder, onerror=_refuse):
        here = Path(base)
        skipped = _UNMEASURED if here == folder else frozenset()
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in skipped and not _is_private(name)]
        found += [here / name for name in (*names, *links) if name not in skipped]
    return sorted(path for path in found if not _is_private(path.name))


def _refuse(error: OSError) -> None:
    raise _unreadable(error, Path(error.filename)) from error


def _unreadable(error: OSError, path: Path) -> ConfigError:
    return ConfigError(f"{path} cannot be read: {error.strerror}")


def _is_private(name: str) -> bool:
    return name == _SKIPPED or name.startswith(".")


class _Room:
    """What a program may still hold while it is being read."""

    def __init__(self) -> None:
        self.bytes = MAX_BYTES
        self.entries = 2 * MAX_FILES  # files, and as many folders again

    def take_entry(self) -> None:
        self.entries -= 1
        if self.entries < 0:
            raise ProgramError(f"a program has at most {MAX_FILES} files, this one has more")

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise ProgramError(f"a program has at most {MAX_BYTES} bytes, this one has more")


def _gather(folder: int, prefix: str, files: dict[str, bytes], room: _Room) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == _SKIPPED:
                continue
            room.take_entry()
            path = prefix + entry.name
            check_path(path)
            if entry.is_dir(follow_symlinks=False):
                with _opened(entry.name, os.O_DIRECTORY | os.O_NOFOLLOW, folder) as inner:
                    _gather(inner, f"{path}/", files, room)
            elif entry.is_file(follow_symlinks=False):
                # The folder may change while it is read, hence the second look after opening.
                with _opened(entry.name, os.O_NOFOLLOW | os.O_NONBLOCK, folder) as file:
                    files[path] = _read(file, path, room)
            else:
                raise _not_regular(path)


def _read(file: int, path: str, room: _Room) -> bytes:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise _not_regular(path)
    with os.fdopen(file, "rb", closefd=False) as stream:
        data = stream.read(room.bytes + 1)
    room.take_bytes(len(data))
    return data


def _not_regular(path: str) -> ProgramError:
    return ProgramError(
        f"{path!a} is a link, a pipe or a device; a program holds regular files only, "
        "so put a copy of the file there"
    )


@contextmanager
def _opened(path: str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _as_program_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = root if error.filename in (None, str(root)) else root / str(error.filename)
        raise ProgramError(f"{where} cannot be read: {error.strerror}") from error
