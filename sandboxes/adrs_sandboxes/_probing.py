"""Asking a process in a room whether the walls stand."""

from __future__ import annotations

import asyncio
import json
import socket

from adrs import Job, Limits, SandboxUnavailable, Session


async def leaks(session: Session) -> list[str]:
    """What a process in a room with the boot file `_probe` could do and should not.

    Raises:
        SandboxUnavailable: it did not say.
    """
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        process = await session.run(Job({}, Limits(wall_s=10.0, cpu_s=5.0)), theirs)
        answer = await asyncio.get_running_loop().sock_recv(ours, 4096)
        ended = await process.wait()
    if not answer:
        raise SandboxUnavailable(f"the probe did not answer: {ended.output.decode()[-500:]}")
    return [str(one) for one in json.loads(answer)]
