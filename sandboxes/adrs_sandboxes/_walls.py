"""What a fresh process does to itself before a line of untrusted code runs. Runs inside."""

# Without pathlib, whose import every room would pay for.
# ruff: noqa: PTH102, PTH103, PTH120, PTH123, S108

from __future__ import annotations

import json
import math
import os
import resource
import signal
from contextlib import suppress
from typing import Protocol

from adrs_sandboxes import _linux, _seccomp
from adrs_sandboxes._protocol import Start

_MB = 1 << 20
_OPEN_FILES = 256
_FOLDER_ENTRIES = 1 << 14
_EVERY_DESCRIPTOR = (1 << 31) - 1
_USER = 1000  # seen inside; outside it is the user that bubblewrap was started as


class Walls(Protocol):
    """What stands around each process. Made once, entered by each fork.

    Attributes:
        counts_processes: whether the kernel's limit on processes counts those of one job alone.
    """

    counts_processes: bool

    def fork(self) -> int:
        """As os.fork; the child may be in a pid namespace of its own."""
        ...

    def enter(self, tmpfs_bytes: int) -> str:
        """Puts up what needs rights; returns the folder that may be written."""
        ...

    def shut(self) -> None:
        """Gives up every right that was needed to get here, and puts the filter in force."""
        ...

    def end_rest(self) -> None:
        """Ends what a job has left behind, its first process being dead."""
        ...


class Namespaces:
    """Namespaces and mounts of each process, no capabilities, a seccomp filter."""

    counts_processes = True

    def __init__(self) -> None:
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
        with open("/proc/sys/kernel/cap_last_cap") as file:
            self._last_capability = int(file.read())
        self._filter = _linux.Seccomp(_seccomp.program())
        _close_room()

    def fork(self) -> int:
        """Forks; the child is process 1 of a new pid namespace."""
        _linux.unshare(_linux.CLONE_NEWPID)
        child = os.fork()
        if child:  # so that the next unshare works again
            _linux.setns(self._pid_namespace, _linux.CLONE_NEWPID)
        return child

    def enter(self, tmpfs_bytes: int) -> str:
        """Puts namespaces and mounts in force; returns the folder that may be written."""
        _linux.unshare(_linux.CLONE_NEWUSER | _linux.CLONE_NEWNS | _linux.CLONE_NEWIPC)
        _write("/proc/self/uid_map", f"{_USER} 0 1")
        _write("/proc/self/gid_map", f"{_USER} 0 1")
        quiet = _linux.MS_NOSUID | _linux.MS_NODEV
        room = f"size={tmpfs_bytes},nr_inodes={_FOLDER_ENTRIES},mode=0700"
        _linux.mount("tmpfs", "/tmp", quiet, room)
        _linux.mount("", "/dev/shm", _linux.MS_BIND, source="/tmp")
        _linux.mount("tmpfs", "/proc", quiet | _linux.MS_NOEXEC | _linux.MS_RDONLY, "size=4k")
        os.mkdir("/tmp/job", 0o700)
        return "/tmp/job"

    def shut(self) -> None:
        """Gives up every right that was needed to get here."""
        _linux.drop_capabilities(self._last_capability)
        _linux.forbid_new_privileges()
        self._filter.enforce()

    def end_rest(self) -> None:
        """All of it died with process 1 of its namespace."""


class OneContainer:
    """A seccomp filter in a container that holds this zygote, process 1, and one job of it.

    The zygote has the job's user, so it must be out of reach in other ways: no signal reaches
    process 1 from inside its own pid namespace, its /proc entries are root's, and the filter
    refuses what else changes another process.
    """

    # The kernel would count all processes of this user; the container's pids cgroup does it.
    counts_processes = False

    def __init__(self) -> None:
        self._filter = _linux.Seccomp(_seccomp.program())
        _linux.set_dumpable(False)

    def fork(self) -> int:
        child = os.fork()
        if child == 0:
            _linux.set_dumpable(True)  # else it could not even be marked for the memory killer
        return child

    def enter(self, tmpfs_bytes: int) -> str:
        """The container's tmpfs was given its size when the container was made."""
        os.mkdir("/tmp/job", 0o700)
        return "/tmp/job"

    def shut(self) -> None:
        """There are no capabilities in the container."""
        _linux.forbid_new_privileges()
        self._filter.enforce()

    def end_rest(self) -> None:
        """Ends everything in the container but this process, which is its process 1."""
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _close_room() -> None:
    """Makes every mount read-only: what one process changes, be it a time stamp, another could see.

    Devices can be written all the same. /proc is needed by each fork, which then covers it.
    """
    closed = _linux.MS_REMOUNT | _linux.MS_BIND | _linux.MS_RDONLY
    with open("/proc/self/mountinfo", "rb") as mounts:
        places = {line.split()[4].decode("unicode_escape") for line in mounts}  # " " is \040
    for place in sorted(place.encode("latin-1") for place in places):
        try:
            flags = os.statvfs(place).f_flag
        except OSError:  # below what is covered
            continue
        if not (flags & os.ST_RDONLY or (place + b"/").startswith(b"/proc/")):
            kept = flags & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
            _linux.mount("", os.fsdecode(place), closed | kept)


def first_to_be_killed_for_memory() -> None:
    """Turns the kernel's out-of-memory killer away from zygote and engine, to this process."""
    _write("/proc/self/oom_score_adj", "1000")


def limit(start: Start, address_space: int | None, count_processes: bool) -> None:
    """The kernel's own limits; what concerns the whole tree is watched from outside."""
    _hard(resource.RLIMIT_CORE, 0)
    _hard(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _hard(resource.RLIMIT_FSIZE, start.files_mb * _MB)
    if start.cpu_s < 1 << 30:
        # A second later than the limit: who is killed at it by the kernel used a little less, by
        # the figures, and would count as ended by itself.
        _hard(resource.RLIMIT_CPU, math.ceil(start.cpu_s) + 1)
    if address_space is not None:
        _hard(resource.RLIMIT_AS, address_space)
    if count_processes:
        _hard(resource.RLIMIT_NPROC, start.processes)


def write_files(block: int) -> None:
    """Copies the files of a job from a block in memory into the working folder."""
    length = int.from_bytes(os.pread(block, 8, 0), "little")
    offset = 8 + length
    made = {""}
    for path, size in json.loads(os.pread(block, length, 8)):
        folder = os.path.dirname(path)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        end = offset + size
        while offset < end:
            offset += os.sendfile(file, block, offset, end - offset)
        os.close(file)


def arrange_descriptors(channel: int, output: int) -> None:
    """0 is nothing, 1 and 2 are the output, 3 is the channel; every other one is closed."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    for wanted, given in enumerate((nothing, output, output, channel)):
        if given != wanted:
            os.dup2(given, wanted, inheritable=wanted < 3)
    os.closerange(4, _EVERY_DESCRIPTOR)


def _hard(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    os.write(file, text.encode())
    os.close(file)
