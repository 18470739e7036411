"""The git that keeps a lineage: deaf to whatever is configured, and one writer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adrs.errors import Unavailable

WAIT_S = 5.0
"""How long a writer waits for another."""

_MANY_PACKS = 40
_OLDEST = "2.32"
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "fastimport.unpackLimit": "1",
    "pack.threads": "1",
}
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": os.devnull,
    "XDG_CONFIG_HOME": os.devnull,
    "LC_ALL": "C",
}


class Repository:
    """A bare repository that nobody but us writes to.

    Args:
        folder: where it is, or will be.
        lock: the file that whoever writes holds; outside of it, since it may be deleted.

    Raises, from any method: Unavailable if git is missing, or fails.
    """

    def __init__(self, folder: Path, lock: Path) -> None:
        self.folder = folder
        self._lock = lock
        self._held: int | None = None

    def exists(self) -> bool:
        """Whether it was made."""
        return (self.folder / "HEAD").is_file()

    def size(self) -> int:
        """Bytes that it takes."""
        with self._reaching():
            return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Waits until nobody else writes, and clears up after writers that were killed.

        The commands that are run meanwhile inherit the lock: an orphan of a killed process keeps
        it until it has ended, so whatever lock of git's own is found here has no owner.

        Raises:
            Unavailable: somebody else writes for longer than WAIT_S.
            Unavailable: the folder, or the lock beside it, cannot be written.
        """
        with self._reaching():
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            held = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._wait(held)
            with self._reaching():
                self._sweep()
            self._held = held
            yield
        finally:
            self._held = None
            os.close(held)

    def _wait(self, held: int) -> None:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"another process has written to {self.folder} for more than "
                        f"{WAIT_S:g} s; try again when it is done"
                    ) from None
                time.sleep(0.02)

    def _sweep(self) -> None:
        left = [self.folder / "packed-refs.lock", *self.folder.glob("fast_import_crash_*")]
        left += [*self.folder.glob("refs/heads/**/*.lock"), *self._packs("tmp_*")]
        left += (keep for keep in self._packs("*.keep") if keep.read_bytes() == b"fast-import")
        for file in left:
            file.unlink(missing_ok=True)

    def _packs(self, pattern: str) -> Iterator[Path]:
        return self.folder.glob(f"objects/pack/{pattern}")

    def make(self) -> None:
        """Makes an empty one, all or nothing."""
        made = self.folder.with_name(f"{self.folder.name}.new")
        with self._reaching():
            if made.exists():
                shutil.rmtree(made)
        options = ("--quiet", "--template=", "--initial-branch=main", "--object-format=sha1")
        self._run(["init", "--bare", *options, str(made)])
        with self._reaching():
            made.rename(self.folder)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"{self.folder} must be a repository that can be written, or not be there, but "
                f"{error.filename}: {error.strerror}; get write access, make room, or move it away"
            ) from error

    def import_stream(self, pieces: Iterable[bytes]) -> None:
        """Hands a stream to `git fast-import`; nothing counts unless it ends with `done`."""
        command = self._command(["fast-import", "--quiet", "--done", "--force"])
        with self._started(command) as process:
            assert process.stdin is not None
            try:
                for piece in pieces:
                    process.stdin.write(piece)
            except BrokenPipeError:
                pass  # it says below why it has ended
            except BaseException:
                process.kill()
                process.communicate()
                raise
            _, said = process.communicate()
            self._check(command, process.returncode, said)
        self._run(["pack-refs", "--all"])
        if sum(1 for _ in self._packs("*.pack")) > _MANY_PACKS:
            self._run(["repack", "-d", "--quiet", "--geometric=2"])

    def read(self, *arguments: str) -> str:
        """What a command of git's writes."""
        return self._run(arguments).decode("utf-8", "replace")

    def branches(self, below: str = "") -> dict[str, str]:
        """Branches, or those below a name and named without it, with their commits."""
        prefix = f"refs/heads/{below}"
        told = self.read("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(" ", 1) for line in told.splitlines())
        return {name.removeprefix(prefix): commit for commit, name in pairs}

    def first_parents(self, branch: str) -> list[tuple[str, str]]:
        """The commits of a branch that is there, along first parents, each with its message.

        The oldest comes first.
        """
        form = "--format=%H%n%B"
        told = self.read("log", "--first-parent", "-z", form, f"refs/heads/{branch}")
        pairs = (one.partition("\n") for one in told.split("\0") if one)
        return [(commit, message) for commit, _, message in pairs][::-1]

    def tree_of(self, commit: str) -> str:
        """The tree of a commit; something else if there is no such commit."""
        asked = f"{commit}^{{tree}}\n".encode()
        return self._run(["cat-file", "--batch-check=%(objectname)"], asked).decode().strip()

    def delete_branches(self, names: Iterable[str]) -> None:
        """Removes all of these branches, or none."""
        lines = "".join(f"delete refs/heads/{name}\n" for name in names)
        self._run(["update-ref", "--stdin"], lines.encode())

    def pack(self) -> None:
        """Packs tightly, and forgets what no branch reaches."""
        self._run(["pack-refs", "--all"])
        self._run(["repack", "-a", "-d", "-f", "--quiet"])
        self._run(["prune", "--expire=now"])

    def broken(self) -> list[str]:
        """What `git fsck` finds wrong, line by line."""
        command = ["fsck", "--strict", "--no-dangling", "--no-progress"]
        done = self._finished(self._command(command), b"")
        if done.returncode == 0:
            return []
        said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        return [line for line in said if not line.startswith("notice:")] or ["git fsck failed"]

    def _run(self, arguments: Sequence[str], feed: bytes = b"") -> bytes:
        command = self._command(arguments)
        done = self._finished(command, feed)
        self._check(command, done.returncode, done.stderr)
        return done.stdout

    def _command(self, arguments: Sequence[str]) -> list[str]:
        settings = [word for pair in _SETTINGS.items() for word in ("-c", "=".join(pair))]
        return ["git", f"--git-dir={self.folder}", *settings, *arguments]

    def _finished(self, command: list[str], feed: bytes) -> subprocess.CompletedProcess[bytes]:
        with self._started(command) as process:
            out, said = process.communicate(feed)
            return subprocess.CompletedProcess(command, process.returncode, out, said)

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=kept | _ENVIRONMENT,
                pass_fds=() if self._held is None else (self._held,),
                start_new_session=True,  # an interrupt on the terminal is not meant for it
            )
        except FileNotFoundError as error:
            raise Unavailable(
                "programs are kept as commits by git, which is not installed; on Debian or Ubuntu: "
                "apt-get install git"
            ) from error
        except OSError as error:
            raise Unavailable(f"git could not be started: {error.strerror}") from error

    def _check(self, command: list[str], code: int, said: bytes) -> None:
        if code == 0:
            return
        lines = said.decode("utf-8", "replace").split("\n")
        words = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0])
        what = command[2 + 2 * len(_SETTINGS)]
        raise Unavailable(
            f"git {what} on {self.folder} failed ({code}): {words[:300]!r}; git must be {_OLDEST} "
            f"or newer and the disk have room. If it is damaged, delete {self.folder}: it is made "
            "again from the record"
        )
