"""What a session does when its zygote does not keep to the protocol."""

from __future__ import annotations

import asyncio
import socket

import pytest
from adrs_sandboxes import _protocol, _session
from adrs_sandboxes._protocol import Opening, Ready
from adrs_sandboxes._session import ZygoteSession

from adrs import Isolation, IsolationLevel, Job, Limits, SandboxUnavailable


class Scripted:
    """An outside whose zygote is a test's own socket."""

    def __init__(self) -> None:
        self._session, self.zygote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    async def start(self) -> socket.socket:
        self.zygote.send(_protocol.pack(_protocol.READY, Ready("3.11", 0.0)))
        return self._session

    def opening(self) -> Opening:
        return Opening("", "", {}, "", [], None, "")

    def figures(self) -> tuple[int, ...]:
        return ()

    def ready(self, ready: Ready) -> Isolation:
        return Isolation("scripted", IsolationLevel.PROCESS, {}, {}, {})

    async def limit(self, limits: Limits) -> None:
        pass

    def words(self) -> str:
        return ""

    def kill(self) -> None:
        pass

    def wait(self, timeout_s: float) -> bool:
        return True

    def remove(self) -> None:
        self.zygote.close()


@pytest.mark.parametrize(
    "packet",
    [
        b"junk",
        b"\xff\n",
        b"x[1]\n",
        b'x[1,"nonsense",0,0.1,0.1,1.0]\n',
        b'y["3.11",0.0]\n',
    ],
)
def test_junk_breaks_the_room(packet: bytes) -> None:
    async def visit() -> None:
        outside = Scripted()
        session = await ZygoteSession.open(outside)
        ours, theirs = socket.socketpair()
        with ours:
            process = await session.run(Job({}, Limits()), theirs)
            outside.zygote.send(packet)
            with pytest.raises(SandboxUnavailable, match="not of the protocol"):
                await asyncio.wait_for(process.wait(), 5)
        await session.close()

    asyncio.run(visit())


def test_a_stop_that_is_not_heard_breaks_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a container that somebody has paused: whoever waits for the process must not hang."""
    monkeypatch.setattr(_session, "_STOP_S", 0.05)

    async def visit() -> None:
        session = await ZygoteSession.open(Scripted())
        ours, theirs = socket.socketpair()
        with ours:
            process = await session.run(Job({}, Limits(wall_s=600)), theirs)
            process.stop()
            process.stop()
            with pytest.raises(SandboxUnavailable, match="stopped"):
                await asyncio.wait_for(process.wait(), 5)
        await session.close()

    asyncio.run(visit())
