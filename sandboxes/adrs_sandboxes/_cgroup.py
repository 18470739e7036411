"""A memory limit for a whole session, where the kernel lets this user set one."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

from adrs import SandboxUnavailable

_MB = 1 << 20
_SLACK_MB = 8
_COUNTER = itertools.count()


class Cgroup:
    """One cgroup (version 2) or one in each of two hierarchies (version 1).

    Attributes:
        kind: "cgroup v1" or "cgroup v2".
    """

    def __init__(self, kind: str, memory: Path, cpu: Path) -> None:
        self.kind = kind
        self._memory, self._cpu = memory, cpu
        self._base_mb = 0
        self._limit_mb = 0

    @classmethod
    def make(cls) -> Cgroup | None:
        """A new one below or beside this process's own; None where that is not allowed."""
        name = f"adrs-{os.getpid()}-{next(_COUNTER)}"
        for kind, memory, cpu in _places():
            _remove_stale(memory)
            _remove_stale(cpu)
            made = cls(kind, memory / name, cpu / name)
            try:
                made._memory.mkdir()
                made._cpu.mkdir(exist_ok=True)
                made._set_limit(1 << 20)
            except OSError:
                made.remove()
            else:
                return made
        return None

    @staticmethod
    def sweep() -> list[Path]:
        """Removes what engines left that were killed."""
        parents = {parent for _, memory, cpu in _places() for parent in (memory, cpu)}
        return [gone for parent in sorted(parents) for gone in _remove_stale(parent)]

    def add(self, process: int) -> None:
        """Moves a process in; what it starts from then on is in as well."""
        for folder in {self._memory, self._cpu}:
            (folder / "cgroup.procs").write_text(str(process))

    def open_figures(self) -> tuple[int, int]:
        """Descriptors of the files with CPU use and with out-of-memory kills."""
        cpu = self._cpu / ("cpuacct.usage" if self._is_v1 else "cpu.stat")
        kills = self._memory / ("memory.oom_control" if self._is_v1 else "memory.events")
        return os.open(cpu, os.O_RDONLY), os.open(kills, os.O_RDONLY)

    def settle(self) -> None:
        """Takes what is in use now as the zygote's own, on top of which jobs get their memory."""
        used = self._memory / ("memory.usage_in_bytes" if self._is_v1 else "memory.current")
        self._base_mb = int(used.read_text()) // _MB + _SLACK_MB

    def limit_memory(self, memory_mb: int) -> None:
        """Sets what the next process may use.

        Raises:
            SandboxUnavailable: the kernel refused it.
        """
        if memory_mb != self._limit_mb:
            try:
                self._set_limit(self._base_mb + memory_mb)
            except OSError as error:
                raise SandboxUnavailable(
                    f"{self._memory} did not take a limit of {memory_mb} MiB: {error}"
                ) from error
            self._limit_mb = memory_mb

    def remove(self) -> None:
        """Removes it; all of its processes must be dead."""
        for folder in {self._memory, self._cpu}:
            _rmdir_soon(folder)

    @property
    def _is_v1(self) -> bool:
        return self.kind == "cgroup v1"

    def _set_limit(self, limit_mb: int) -> None:
        """Memory, and with it swap; raising the two needs the other order than lowering them."""
        text = str(limit_mb * _MB)
        if not self._is_v1:
            (self._memory / "memory.max").write_text(text)
            _write_if_there(self._memory / "memory.swap.max", "0")
            return
        both = self._memory / "memory.memsw.limit_in_bytes"
        if both.exists():
            both.write_text("-1")
        (self._memory / "memory.limit_in_bytes").write_text(text)
        _write_if_there(both, text)


def _places() -> list[tuple[str, Path, Path]]:
    """Where a cgroup could be made: kind, folder for memory, folder for CPU figures."""
    mounted = _mounted()
    places = []
    if "memory" in mounted and "cpuacct" in mounted:
        places.append(("cgroup v1", mounted["memory"], mounted["cpuacct"]))
    if own := mounted.get(""):
        places += [("cgroup v2", folder, folder) for folder in (own, own.parent)]
    return places


def _mounted() -> dict[str, Path]:
    """Controller ("" for version 2) to this process's own cgroup folder."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path
    mounted = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        front, _, back = line.partition(" - ")
        root, point = front.split()[3:5]
        kind, _, options = back.split()[:3]
        offered = {"cgroup": options.split(","), "cgroup2": [""]}.get(kind, [])
        for controller in offered:
            if controller in own:
                below = own[controller].removeprefix(root.rstrip("/")).lstrip("/")
                folder = Path(point) / below
                mounted[controller] = folder if folder.is_dir() else Path(point)
    return mounted


def _remove_stale(parent: Path) -> list[Path]:
    """Removes what an engine left that was killed."""
    removed = []
    for folder in parent.glob("adrs-*-*"):
        engine = folder.name.split("-")[1]
        if not Path("/proc", engine).exists():
            _rmdir_soon(folder, attempts=1)
            removed.append(folder)
    return removed


def _rmdir_soon(folder: Path, attempts: int = 50) -> None:
    """The kernel needs a moment after the last process has gone."""
    for _ in range(attempts):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return


def _write_if_there(path: Path, text: str) -> None:
    if path.exists():
        path.write_text(text)
