"""Copies of what an unprivileged user may not read where it is.

An engine that runs as root starts bubblewrap as a user that owns nothing. What lies below a
private home (often the interpreter itself) is then shown from a copy.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adrs import SandboxUnavailable

# One that no program runs as: not nobody, which may own processes and files on other systems.
UNPRIVILEGED = 65533

_PRIVATE = Path("/var/tmp")  # noqa: S108  only for folders that mkdtemp makes
_COUNTER = itertools.count()
_MAKING = "making-"
_held: dict[Path, int] = {}


def dropped_user() -> int | None:
    """The user to start bubblewrap as; None to stay the one that this process is."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def is_readable(path: Path) -> bool:
    """Whether the user of the sandbox can read a file, or a folder with all that is in it."""
    if dropped_user() is None:
        return os.access(path, os.R_OK)
    if any(not _lets_others(parent, stat.S_IXOTH) for parent in path.resolve().parents):
        return False
    if not path.is_dir():
        return _lets_others(path, stat.S_IROTH)
    return all(
        _lets_others(Path(folder), stat.S_IROTH | stat.S_IXOTH)
        and all(_lets_others(Path(folder, name), stat.S_IROTH) for name in files)
        for folder, _, files in os.walk(path)
    )


def cached(key: str, fill: Callable[[Path], None]) -> Path:
    """A folder readable by all that `fill` made once, and that only this user could have made.

    Raises:
        SandboxUnavailable: it cannot be made, or someone else has taken its place.
    """
    if not _place(key).exists():
        with making(key) as folder:
            fill(folder)
    return _ours(_place(key))


def found(key: str) -> Path | None:
    """What `cached` or `making` has made for this key; None if nothing.

    Raises:
        SandboxUnavailable: someone else has taken its place.
    """
    return _ours(_place(key)) if _place(key).exists() else None


@contextmanager
def making(key: str) -> Iterator[Path]:
    """A folder to be filled, which is then what `found` finds.

    It is made beside its place: what is there is whole, whoever else makes it meanwhile.

    Raises:
        SandboxUnavailable: it cannot be made.
    """
    place = _place(key)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.parent.chmod(0o755)
        folder = Path(tempfile.mkdtemp(prefix=_MAKING, dir=place.parent))
        lock = _locked(folder, fcntl.LOCK_SH)
        try:
            yield folder
            for inside, _, _ in os.walk(folder):
                Path(inside).chmod(0o755)
            _put(folder, place)
        finally:
            os.close(lock)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise SandboxUnavailable(f"{place} cannot be made: {error}") from error


def _put(folder: Path, place: Path) -> None:
    """Gives it its name, unless another process was first."""
    try:
        folder.rename(place)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _place(key: str) -> Path:
    return _cache() / hashlib.sha256(key.encode()).hexdigest()[:16]


def _ours(folder: Path) -> Path:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SandboxUnavailable(
            f"{folder} should be a folder that only user {os.geteuid()} can write, "
            f"but belongs to user {found.st_uid} with mode {stat.filemode(found.st_mode)}; "
            "remove it"
        )
    if folder not in _held:
        _held[folder] = _locked(folder, fcntl.LOCK_SH)
    return folder


def sweep_cache(unused: bool) -> list[Path]:
    """Removes what was never finished and, if asked, all that no process uses.

    A process uses what it has asked for, as long as it lives.
    """
    removed = []
    for folder in sorted(_cache().glob("*" if unused else f"{_MAKING}*")):
        try:
            lock = _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or just removed by another
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        removed.append(folder)
    return removed


def _locked(folder: Path, kind: int) -> int:
    """A descriptor that holds a lock on a folder until it is closed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _cache() -> Path:
    """Not below /var/tmp, where files that nobody read for a month are cleared away one by one."""
    if dropped_user() is not None:
        return Path("/var/cache/adrs")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adrs"


def show(source: Path, target: Path) -> None:
    """Puts a file that all can read at `target`: the same file where possible, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    found = source.stat()
    if found.st_mode & stat.S_IROTH:
        try:
            os.link(os.path.realpath(source), target)
        except OSError:
            pass  # another file system, or not ours to link
        else:
            return
    shutil.copy2(source, target)
    target.chmod(0o755 if found.st_mode & stat.S_IXUSR else 0o644)


def give(path: Path) -> None:
    """Makes the sandbox's user the owner of what only the owner may read."""
    if (user := dropped_user()) is not None:
        os.chown(path, user, user, follow_symlinks=False)


class Copies:
    """Private copies for one session, readable by the sandbox's user alone."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def folder(self, name: str) -> Path:
        """A new folder in which the sandbox's user can read."""
        made = self._home() / name
        made.mkdir(mode=0o700)
        give(made)
        return made

    def unreadable(self) -> Path:
        """An empty file that nobody may read."""
        made = self._home() / "nothing"
        made.touch(mode=0o000)
        return made

    def path(self, source: Path) -> Path:
        """Where the sandbox's user can read `source`."""
        if is_readable(source):
            return source
        home = self._home()
        target = home / f"{len(list(home.iterdir()))}-{source.name}"
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
        for folder, folders, files in os.walk(target):
            for name in folders + files:
                give(Path(folder, name))
        give(target)
        return target

    def _home(self) -> Path:
        if self._folder is None:
            sweep_copies()
            name = f"adrs-session-{os.getpid()}-{next(_COUNTER)}-"
            self._folder = Path(tempfile.mkdtemp(prefix=name, dir=_PRIVATE))
            give(self._folder)
        return self._folder

    def remove(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def sweep_copies() -> list[Path]:
    """Removes what engines left that were killed."""
    return remove_left_over(_PRIVATE.glob("adrs-session-*-*-*"), dropped_user())


def remove_left_over(folders: Iterable[Path], user: int | None = None) -> list[Path]:
    """Removes folders named PREFIX-WORD-PID-… whose process is gone.

    Args:
        user: whose they are; None for this process's own.
    """
    removed = []
    for folder in folders:
        engine = folder.name.split("-")[2]
        with suppress(FileNotFoundError):  # another engine removes it at the same time
            ours = folder.lstat().st_uid == (os.geteuid() if user is None else user)
            if ours and not Path("/proc", engine).exists():
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _lets_others(path: Path, wanted: int) -> bool:
    try:
        return path.stat().st_mode & wanted == wanted
    except FileNotFoundError:  # a link to nowhere hides nothing
        return True
