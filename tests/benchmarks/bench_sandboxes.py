"""What a process costs in each sandbox, beside the others, in one run.

    python tests/benchmarks/bench_sandboxes.py [--processes 200] [--rooms 3]

Wall time of: a cold start (probe included), a further room, a process that answers and ends in a
warm room (median and 95th percentile), such a process in a room whose sandbox has had 50 and 500 ms
in between to get ready again, and a call over the channel. Docker is measured in both of its ways,
and left out where no engine answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from adrs_sandboxes.bubblewrap import Bubblewrap
from adrs_sandboxes.docker import Docker
from adrs_sandboxes.process import ProcessSandbox

import adrs

CALLS = 2000
LIMITS = adrs.Limits(wall_s=20.0, cpu_s=10.0, memory_mb=256)
BOOT = """
def main(channel, paths):
    while data := channel.recv(1):
        channel.sendall(data)
"""
SANDBOXES: dict[str, Callable[[], adrs.Sandbox]] = {
    "process": ProcessSandbox,
    "bubblewrap": Bubblewrap,
    "docker": Docker,
    "docker, a container for each process": lambda: Docker(own_namespaces=False),
}


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    started = time.perf_counter()
    done = await work()
    return 1000 * (time.perf_counter() - started), done


async def one_process(session: adrs.Session, calls: int = 1) -> float:
    """Runs a process to its end; milliseconds of one call."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        process = await session.run(adrs.Job({"main.py": b""}, LIMITS), theirs)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(ours, b"x")
        await loop.sock_recv(ours, 1)
        ours.setblocking(True)
        started = time.perf_counter()
        for _ in range(calls):
            ours.sendall(b"x")
            ours.recv(1)
        took = time.perf_counter() - started
        process.stop()
        await process.wait()
    return 1000 * took / calls


async def after_pause(session: adrs.Session, pause_s: float) -> float:
    """Milliseconds of one process that is started a while after the one before."""
    await asyncio.sleep(pause_s)
    took, _ = await timed(lambda: one_process(session))
    return took


async def measured(sandbox: adrs.Sandbox, boot: Path, rooms: int, count: int) -> dict[str, Any]:
    """All figures of one sandbox, in milliseconds."""
    cold, probe = await timed(sandbox.probe)
    if probe.unavailable:
        return {"unavailable": probe.unavailable[:200]}
    room = adrs.Room(boot=boot)
    opened = []
    for _ in range(rooms):
        took, session = await timed(lambda: sandbox.open(room))
        opened.append(took)
        closing, _ = await timed(session.close)
    session = await sandbox.open(room)
    try:
        await one_process(session)
        in_a_row = [(await timed(lambda: one_process(session)))[0] for _ in range(count)]
        after_50, after_500 = [
            [await after_pause(session, pause_s) for _ in range(min(count, 30))]
            for pause_s in (0.05, 0.5)
        ]
        call_ms = await one_process(session, CALLS)
    finally:
        await session.close()
    return {
        "cold_start_ms": round(cold),
        "open_ms": round(statistics.median(opened)),
        "close_ms": round(closing),
        "process_ms": round(statistics.median(in_a_row), 2),
        "process_p95_ms": round(sorted(in_a_row)[int(0.95 * len(in_a_row))], 2),
        "process_after_50_ms": round(statistics.median(after_50), 2),
        "process_after_500_ms": round(statistics.median(after_500), 2),
        "call_us": round(1000 * call_ms, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--rooms", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        boot = Path(folder, "boot.py")
        boot.write_text(BOOT)
        for name, make in SANDBOXES.items():
            figures = asyncio.run(measured(make(), boot, arguments.rooms, arguments.processes))
            print(json.dumps({"sandbox": name, **figures}))


if __name__ == "__main__":
    main()
