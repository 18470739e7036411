"""Copies of what an unprivileged user may not read where it is.

An engine that runs as root starts bubblewrap as a user that owns nothing. What lies below a
private home (often the interpreter itself) is then shown from a copy.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from adrs import SandboxUnavailable

# One that no program runs as: not nobody, which may own processes and files on other systems.
UNPRIVILEGED = 65533

_PRIVATE = Path("/var/tmp")  # noqa: S108  only for folders that mkdtemp makes
_COUNTER = itertools.count()


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
        SandboxUnavailable: someone else has taken its place.
    """
    folder = _cache() / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not folder.exists():
        try:
            _make(folder, fill)
        except OSError as error:
            raise SandboxUnavailable(f"{folder} cannot be made: {error}") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SandboxUnavailable(
            f"{folder} should be a folder that only user {os.geteuid()} can write, "
            f"but belongs to user {found.st_uid} with mode {stat.filemode(found.st_mode)}; "
            "remove it"
        )
    return folder


def _cache() -> Path:
    """Not below /var/tmp, where files that nobody read for a month are cleared away one by one."""
    if dropped_user() is not None:
        return Path("/var/cache/adrs")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adrs"


def _make(folder: Path, fill: Callable[[Path], None]) -> None:
    """Makes it beside its place first: what is there is whole, whoever else makes it meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o755)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        fill(making)
        for inside, _, _ in os.walk(making):
            Path(inside).chmod(0o755)
        with suppress(FileExistsError):
            making.rename(folder)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


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


class Copies:
    """Private copies for one session, readable by the sandbox's user alone."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def path(self, source: Path) -> Path:
        """Where the sandbox's user can read `source`."""
        if is_readable(source):
            return source
        if self._folder is None:
            _remove_stale()
            name = f"adrs-session-{os.getpid()}-{next(_COUNTER)}-"
            self._folder = Path(tempfile.mkdtemp(prefix=name, dir=_PRIVATE))
            os.chown(self._folder, UNPRIVILEGED, UNPRIVILEGED)
        target = self._folder / f"{len(list(self._folder.iterdir()))}-{source.name}"
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
        for folder, folders, files in os.walk(target):
            for name in folders + files:
                os.chown(Path(folder, name), UNPRIVILEGED, UNPRIVILEGED, follow_symlinks=False)
        os.chown(target, UNPRIVILEGED, UNPRIVILEGED)
        return target

    def remove(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _remove_stale() -> None:
    """Removes what an engine left that was killed."""
    for folder in _PRIVATE.glob("adrs-session-*-*-*"):
        engine = folder.name.split("-")[2]
        with suppress(FileNotFoundError):  # another engine removes it at the same time
            ours = folder.lstat().st_uid == UNPRIVILEGED
            if ours and not Path("/proc", engine).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _lets_others(path: Path, wanted: int) -> bool:
    try:
        return path.stat().st_mode & wanted == wanted
    except FileNotFoundError:  # a link to nowhere hides nothing
        return True
