"""One engine for each run: a lock of the operating system, so that even kill -9 releases it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from adrs.errors import RunIsLive, StoreUnavailable

_PROBE_S = 0.5


class Locks:
    """Lock files in a folder beside the record.

    A lock belongs to an open file, so a process that forks without exec shares it with its child.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, key: int, run: str) -> Iterator[None]:
        """Hold the lock of a run.

        Raises:
            RunIsLive: another engine holds it; the message says which.
            StoreUnavailable: the lock file cannot be written.
        """
        with self._open(self._path(key)) as file:
            self._acquire(file, run)
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            try:
                file.truncate(0)
                os.pwrite(file.fileno(), json.dumps(holder).encode(), 0)
            except OSError as error:
                raise _unavailable(self._path(key), error) from error
            yield

    def held(self, key: int) -> bool:
        """Whether an engine holds the lock of a run."""
        try:
            with self._path(key).open("rb", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise _unavailable(self._path(key), error) from error
        return False

    def forget(self, key: int) -> None:
        """Remove the lock file of a run that is gone; its number is never used again."""
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Wait for the right to make or upgrade the store."""
        path = self._folder / "store"
        with self._open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, key: int) -> Path:
        return self._folder / f"run-{key}"

    def _open(self, path: Path) -> FileIO:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
        except OSError as error:
            raise _unavailable(path, error) from error

    def _acquire(self, file: FileIO, run: str) -> None:
        """Take the lock, or give up once it cannot be a mere look by `held`."""
        deadline = time.monotonic() + _PROBE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunIsLive(
                        f"run {run} must be free, but {_holder(file)} works on it; "
                        f"wait for it, or end it with: adrs stop {run}"
                    ) from None
                time.sleep(0.01)
            else:
                return


def _holder(file: FileIO) -> str:
    try:
        holder = json.loads(os.pread(file.fileno(), 4096, 0))
        return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    except (ValueError, KeyError, TypeError):  # it has the lock and is about to write its name
        return "another process"


def _unavailable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the lock file {path} must be writable, but: {error.strerror}; "
        "make room or get write access, then go on with: adrs run --resume RUN"
    )
