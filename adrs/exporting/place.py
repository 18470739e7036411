"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from adrs.errors import ConfigError, Unavailable

_PARTIAL = ".adrs-partial"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip file knows no earlier time
_REGULAR = 0o100644 << 16
_UNIX = 3


def check_place(target: Path, force: bool) -> None:
    """Sees that something may be written at `target`.

    Raises:
        ConfigError: something is there, and is not to be replaced.
        ConfigError: it may not be replaced: a link, a repository, the working folder or one above.
    """
    if not os.path.lexists(target):
        return
    if not force:
        raise ConfigError(f"{target} is there already; name another place, or replace it: --force")
    if target.is_symlink():
        raise ConfigError(f"{target} is a link, which is never replaced; name what it leads to")
    if Path.cwd().is_relative_to(target.resolve()):
        raise ConfigError(f"{target} holds the working folder and is not replaced; name another")
    if (target / ".git").exists():
        raise ConfigError(f"{target} is a git repository and is not replaced; name a folder in it")


def write_folder(files: Mapping[str, bytes], target: Path, force: bool) -> None:
    """Writes a folder of files, by path in it.

    Raises:
        ConfigError: see `check_place`.
        Unavailable: it cannot be written.
    """
    _publish(target, force, lambda partial: _write_tree(partial, files))


def write_file(content: bytes, target: Path, force: bool) -> None:
    """Writes a file.

    Raises:
        ConfigError: see `check_place`.
        Unavailable: it cannot be written.
    """
    _publish(target, force, lambda partial: _write(partial, content))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file whose bytes depend on the files alone: no times, and nothing is compressed.

    Compressed bytes would depend on the version of the library as well.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.external_attr, entry.create_system = _REGULAR, _UNIX
            archive.writestr(entry, data)
    return buffer.getvalue()


def _publish(target: Path, force: bool, write: Callable[[Path], None]) -> None:
    """Writes beside the place, then renames; a kill leaves nothing half done under the name."""
    check_place(target, force)
    target = target.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(target):
            partial = _beside(target)
            try:
                write(partial)
                check_place(target, force)
                if os.path.lexists(target) and (target.is_dir() or partial.is_dir()):
                    target.rename(_beside(target))  # a folder cannot be replaced in one step
                partial.rename(target)
                _sync(target.parent)
            finally:
                _clear(target)
    except OSError as error:
        raise Unavailable(
            f"{target} cannot be written: {error.strerror}; make room, or name another place"
        ) from error


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}{_PARTIAL}")


@contextlib.contextmanager
def _only_writer(target: Path) -> Iterator[None]:
    """Holds the folder of a target, and clears away what writers left that were killed."""
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # released even by kill -9
        _clear(target)
        yield
    finally:
        os.close(descriptor)


def _clear(target: Path) -> None:
    start = f".{target.name}."
    for left in list(target.parent.iterdir()):
        if left.name.startswith(start) and left.name.endswith(_PARTIAL):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    root.mkdir()
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, data)
    for base, _, _ in os.walk(root):
        _sync(Path(base))


def _write(file: Path, content: bytes) -> None:
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
