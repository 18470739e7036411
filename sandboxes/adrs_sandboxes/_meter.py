"""How much a process tree uses while it runs. Standard library only: it runs inside."""

# Without pathlib, whose import every room would pay for.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
import time
from typing import Protocol

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MB = 1 << 20
_LOOKS_AT_SHARES = 3


class Meter(Protocol):
    """What one process tree uses."""

    def look(self, enough_mb: float) -> tuple[float, float]:
        """CPU seconds so far, and MiB of memory now (exact only above `enough_mb`)."""
        ...

    def final_cpu_s(self) -> float:
        """CPU seconds, once all of the tree is dead."""
        ...

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a part of the tree for memory."""
        ...


class CgroupMeter:
    """Reads the session's cgroup, in which there is the zygote and what it runs.

    Args:
        relay: the file with the CPU use of a further process of ours in there; None if none is.
    """

    def __init__(self, cpu: int, kills: int, relay: int | None = None) -> None:
        self._cpu, self._kills, self._relay = cpu, kills, relay
        self._cpu_before = self._others_cpu_s()
        self._kills_before = self._killed()

    def look(self, enough_mb: float) -> tuple[float, float]:
        return self.final_cpu_s(), 0.0  # the kernel holds the memory limit itself

    def final_cpu_s(self) -> float:
        return self._others_cpu_s() - self._cpu_before

    def out_of_memory(self) -> bool:
        return self._killed() > self._kills_before

    def _others_cpu_s(self) -> float:
        text = os.pread(self._cpu, 256, 0)
        if text.startswith(b"usage_usec"):
            session = int(text.split(None, 2)[1]) / 1e6
        else:
            session = int(text) / 1e9
        if self._relay is not None:
            session -= int(os.pread(self._relay, 64, 0).split()[0]) / 1e9
        return session - time.process_time()

    def _killed(self) -> int:
        fields = os.pread(self._kills, 512, 0).split()
        return int(fields[fields.index(b"oom_kill") + 1])


class TreeMeter:
    """Reads /proc.

    What lives shorter than the time between two looks, and is never waited for by its parent, is
    not seen; RLIMIT_CPU and the wall limit bound that.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[tuple[int, int], float] = {}

    def look(self, enough_mb: float) -> tuple[float, float]:
        tree = descendants(self._root)
        for process in tree:
            self._seen[process.pid, process.started] = process.cpu_s
        memory_mb = sum(process.resident_mb for process in tree)
        # While the tree forks, a page is counted before and after it is shared: look again.
        for _ in range(_LOOKS_AT_SHARES):
            if memory_mb <= enough_mb:
                break
            shares = sum(_proportional_mb(process) for process in descendants(self._root))
            memory_mb = min(memory_mb, shares)
        return self.final_cpu_s(), memory_mb

    def final_cpu_s(self) -> float:
        return sum(self._seen.values())

    def out_of_memory(self) -> bool:
        return False


class Seen:
    """One line of /proc."""

    __slots__ = ("cpu_s", "parent", "pid", "resident_mb", "started")

    def __init__(self, pid: int, stat: bytes) -> None:
        fields = stat[stat.rindex(b")") + 2 :].split()
        self.pid = pid
        self.parent = int(fields[1])
        self.cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
        self.started = int(fields[19])
        self.resident_mb = int(fields[21]) * _PAGE / _MB


def descendants(root: int) -> list[Seen]:
    """A process and all below it, in other pid namespaces as well."""
    children: dict[int, list[Seen]] = {}
    tree = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _read(f"/proc/{name}/stat")):
            process = Seen(int(name), stat)
            children.setdefault(process.parent, []).append(process)
            if process.pid == root:
                tree.append(process)
    below = [root]
    while below:
        found = children.pop(below.pop(), [])
        tree += found
        below += [process.pid for process in found]
    return tree


def _proportional_mb(process: Seen) -> float:
    """Its part of pages that it shares with forked copies of itself; else all that is resident."""
    for line in _read(f"/proc/{process.pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) / 1024
    return process.resident_mb


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # it has ended, or is not ours to look at
        return b""
