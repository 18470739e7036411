"""Plain processes: limits are held, but there is no wall between them and this user's files.

For systems without user namespaces, and for programs that one trusts. Its results are never more
than REFUSED unless the user accepts isolation "process".
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path

from adrs import (
    Guarantee,
    Isolation,
    IsolationLevel,
    Limits,
    Probe,
    Room,
    SandboxUnavailable,
    Session,
)
from adrs_sandboxes import _host, _protocol, _python, _readable
from adrs_sandboxes._host import HostSandbox
from adrs_sandboxes._program import ZygoteProgram
from adrs_sandboxes._protocol import Opening, Ready
from adrs_sandboxes._session import ZygoteSession

_HERE = Path(__file__).parent
_PREFIX = "adrs-process-"
_CURE = "use --sandbox bubblewrap"
_HOLDS = {
    Guarantee.WALL: "clock outside of the process",
    Guarantee.CPU: "RLIMIT_CPU, and the tree by /proc",
    Guarantee.MEMORY: "RLIMIT_AS of each process, and the tree by /proc",
    Guarantee.OUTPUT: "pipe, counted",
}
_MISSING = {
    Guarantee.NAMESPACES: f"plain processes of one user; {_CURE}",
    Guarantee.SECCOMP: f"plain processes of one user; {_CURE}",
    Guarantee.PROCESSES: f"the kernel counts all processes of this user together; {_CURE}",
    Guarantee.FILES: f"only the size of each file is limited; {_CURE}",
}


class ProcessSandbox(HostSandbox):
    """Rooms without walls."""

    name = "process"

    async def probe(self) -> Probe:
        try:
            session = await self.open(Room(boot=_HERE / "_probe.py"))
        except SandboxUnavailable as error:
            return Probe(self.name, IsolationLevel.PROCESS, {}, {}, unavailable=str(error))
        await session.close()
        return Probe(self.name, IsolationLevel.PROCESS, _HOLDS, _MISSING)

    def left_over(self) -> list[Path]:
        return _left_over()

    async def open(self, room: Room) -> Session:
        packages = await asyncio.to_thread(_host.packages, room.environment, self.name)
        return await ZygoteSession.open(_Outside(room, packages))


def _words(guarantees: dict[Guarantee, str]) -> dict[str, str]:
    return {str(guarantee): how for guarantee, how in guarantees.items()}


def _left_over() -> list[Path]:
    """Removes the folders of engines that were killed; says which."""
    return _readable.remove_left_over(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"))


class _Outside:
    """A zygote of the same user, and the folder in which its processes work."""

    def __init__(self, room: Room, packages: _python.Packages) -> None:
        self._room, self._packages = room, packages
        self._zygote = ZygoteProgram()
        _left_over()
        self._folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        self._environment = {
            **_python.environment(room),
            "HOME": self._folder,
            "PYTHONPATH": str(_HERE.parent),
        }

    async def start(self) -> socket.socket:
        try:
            return self._zygote.start(_python.zygote_command, self._environment, cwd=self._folder)
        except SandboxUnavailable:
            self.remove()
            raise

    def opening(self) -> Opening:
        return Opening(
            walls=_protocol.NO_WALLS,
            boot=str(self._room.boot.resolve()),
            paths={name: str(path.resolve()) for name, path in self._room.mounts.items()},
            packages=str(self._packages.folder or ""),
            modules=list(self._packages.modules),
            core=self._room.core,
            folder=self._folder,
        )

    def figures(self) -> tuple[int, ...]:
        return ()

    def ready(self, ready: Ready) -> Isolation:
        return Isolation(
            ProcessSandbox.name,
            IsolationLevel.PROCESS,
            _words(_HOLDS),
            _words(_MISSING),
            self._packages.root(ready),
        )

    async def limit(self, limits: Limits) -> None:
        """Each process gets its limits from the zygote."""

    def words(self) -> str:
        return self._zygote.words()

    def kill(self) -> None:
        self._zygote.kill()

    def wait(self, timeout_s: float) -> bool:
        return self._zygote.wait(timeout_s)

    def remove(self) -> None:
        self._zygote.close()
        shutil.rmtree(self._folder, ignore_errors=True)
