"""The best sandbox of this machine, in which nothing gets much memory."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from adrs import (
    Guarantee,
    IsolationLevel,
    Job,
    Probe,
    Process,
    Room,
    SandboxUnavailable,
    Session,
    choose_sandbox,
)

MOST_MEMORY_MB = 512  # CHANGE

_Name = TypeVar("_Name", bound=str)


class MyNameSandbox:
    """CHANGE: rooms of another sandbox, with a limit of one's own."""

    name = "my-name"

    async def probe(self) -> Probe:
        """What holds on this machine. It never raises, and it promises only what was tried."""
        try:
            inner = await choose_sandbox("auto")
        except SandboxUnavailable as error:
            return Probe(self.name, IsolationLevel.SEPARATE, {}, {}, unavailable=str(error))
        probe = await inner.probe()
        return replace(probe, sandbox=self.name, holds=_in_words(probe.holds))

    async def open(self, room: Room) -> Session:
        """A room in which processes are started."""
        inner = await choose_sandbox("auto")
        return _Session(await inner.open(room))


class _Session:
    """A room. Every process that `run` starts in it is a fresh one."""

    def __init__(self, inner: Session) -> None:
        self._inner = inner
        # What results say was enforced: it goes into certificates, so it has to be true.
        enforced = _in_words(inner.isolation.enforced)
        self.isolation = replace(inner.isolation, sandbox=MyNameSandbox.name, enforced=enforced)

    async def run(self, job: Job, channel: socket.socket) -> Process:
        """CHANGE: what is different from the sandbox within."""
        memory_mb = min(job.limits.memory_mb, MOST_MEMORY_MB)
        return await self._inner.run(
            replace(job, limits=replace(job.limits, memory_mb=memory_mb)), channel
        )

    async def close(self) -> None:
        """Ends everything in the room."""
        await self._inner.close()


def _in_words(guarantees: Mapping[_Name, str]) -> dict[_Name, str]:
    """How each guarantee is enforced, with what this sandbox adds."""
    return {
        name: f"{how}, at most {MOST_MEMORY_MB} MiB" if name == Guarantee.MEMORY else how
        for name, how in guarantees.items()
    }
