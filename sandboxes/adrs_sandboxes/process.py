"""Plain processes: limits are held, but there is no wall between them and this user's files.

For systems without user namespaces, and for programs that one trusts. Its results are never more
than REFUSED unless the user accepts isolation "process".
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

from adrs import Guarantee, Isolation, IsolationLevel, Probe, Room, SandboxUnavailable, Session
from adrs_sandboxes import _python
from adrs_sandboxes._protocol import Opening
from adrs_sandboxes._session import ZygoteSession

_HERE = Path(__file__).parent
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


class ProcessSandbox:
    """Rooms without walls."""

    name = "process"

    async def probe(self) -> Probe:
        try:
            session = await self.open(Room(boot=_HERE / "_probe.py"))
        except SandboxUnavailable as error:
            return Probe(self.name, IsolationLevel.PROCESS, {}, {}, unavailable=str(error))
        await session.close()
        return Probe(self.name, IsolationLevel.PROCESS, _HOLDS, _MISSING)

    async def open(self, room: Room) -> Session:
        packages = await asyncio.to_thread(_python.packages, room.python)
        outside = _Outside(room)
        isolation = Isolation(self.name, IsolationLevel.PROCESS, _words(_HOLDS), _words(_MISSING))
        session = ZygoteSession(outside, isolation)
        opening = Opening(
            walls=False,
            boot=str(room.boot.resolve()),
            paths={name: str(path.resolve()) for name, path in room.mounts.items()},
            packages=str(packages.folder or ""),
            modules=list(packages.modules),
            core=room.core,
            folder=outside.folder,
        )
        await session.prepare(opening)
        return session


def _words(guarantees: dict[Guarantee, str]) -> dict[str, str]:
    return {str(guarantee): how for guarantee, how in guarantees.items()}


class _Outside:
    """A zygote of the same user, and the folder in which its processes work."""

    def __init__(self, room: Room) -> None:
        self.folder = tempfile.mkdtemp(prefix="adrs-process-")
        self._environment = {
            **_python.environment(room),
            "HOME": self.folder,
            "PYTHONPATH": str(_HERE.parent),
        }
        self._zygote: subprocess.Popen[bytes] | None = None

    def start(self, control: int, errors: int) -> subprocess.Popen[bytes]:
        self._zygote = subprocess.Popen(
            _python.zygote_command(control),
            env=self._environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(control,),
            start_new_session=True,
        )
        return self._zygote

    def figures(self) -> tuple[int, ...]:
        return ()

    def ready(self) -> None:
        """Nothing to settle without a cgroup."""

    def limit_memory(self, memory_mb: int) -> None:
        """Each process gets its limit from the zygote."""

    def kill(self) -> None:
        if self._zygote:
            self._zygote.kill()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
