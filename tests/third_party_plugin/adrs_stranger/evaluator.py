"""Measures how long the way is through numbers, in the order that a program puts them in."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from adrs import (
    ConfigError,
    Evaluation,
    Exit,
    ExitReason,
    Job,
    Program,
    Request,
    Room,
    Sample,
    Session,
    Setting,
    Status,
    Task,
    WorkloadRef,
    read_options,
    set_digest,
)

_LIMITS = {
    ExitReason.WALL: Status.TIMED_OUT,
    ExitReason.CPU: Status.TIMED_OUT,
    ExitReason.MEMORY: Status.OVER_MEMORY,
    ExitReason.OUTPUT: Status.OVER_OUTPUT,
}


@dataclass(frozen=True, slots=True)
class Options:
    """The table [evaluator.options]; sets is how many sets of numbers a split has."""

    sets: int = 8


class Tour:
    """Opens benches that draw numbers."""

    name = "tour"

    async def open(self, setting: Setting) -> TourBench:
        """Makes one room for all programs."""
        task = setting.task
        sets = read_options(task, Options).sets
        boot = Path(__file__).with_name("boot.py")
        room = Room(boot, {}, task.environment, setting.core, setting.hash_seed)
        return TourBench(task, sets, await setting.sandbox.open(room))


class TourBench:
    """One room; the numbers stay outside until they are asked about."""

    def __init__(self, task: Task, sets: int, room: Session) -> None:
        self._task = task
        self._sets = sets
        self._room = room

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        return tuple(workload for workload, _ in self._drawn(request))

    async def measure(self, program: Program, request: Request) -> Evaluation:
        return (await self.side_by_side([program], request))[0]

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        drawn = self._drawn(request)
        taken: list[list[Sample]] = [[] for _ in programs]
        order = list(range(len(programs)))
        for repeat in range(request.first, request.first + request.repeats):
            for workload, numbers in drawn:
                for one in order:
                    sample = await self._run(programs[one], workload, numbers, repeat)
                    taken[one].append(sample)
                order = [n for n in reversed(order) if taken[n][-1].status is Status.SCORED]
        return [
            Evaluation(
                split=request.split,
                status=samples[-1].status,
                samples=tuple(samples),
                workloads=set_digest([workload for workload, _ in drawn]),
                isolation=self._room.isolation,
                reason=samples[-1].reason,
                wall_s=sum(sample.wall_s for sample in samples),
            )
            for samples in taken
        ]

    async def close(self) -> None:
        await self._room.close()

    def _drawn(self, request: Request) -> list[tuple[WorkloadRef, list[int]]]:
        given = self._task.generator if request.parameters is None else request.parameters
        count = given.get("count", 12)
        if type(count) is not int:
            raise ConfigError(f"[generator] count must be a whole number, not {count!r:.40}")
        found = []
        for number in range(self._sets):
            name = f"{request.split}-{number}"
            random = Random(f"{name}/{request.salt}")
            numbers = [random.randrange(1000) for _ in range(count)]
            digest = hashlib.sha256(f"{name} {numbers}".encode()).hexdigest()
            found.append((WorkloadRef(name, name, "", digest), numbers))
        unknown = set(request.names) - {workload.name for workload, _ in found}
        if unknown:
            raise ConfigError(f"there is no {min(unknown)!r:.80} on {request.split}")
        return [one for one in found if not request.names or one[0].name in request.names]

    async def _run(
        self, program: Program, workload: WorkloadRef, numbers: list[int], repeat: int
    ) -> Sample:
        ours, theirs = socket.socketpair()
        with ours:
            job = Job(program.files, self._task.brief.limits, seed=repeat)
            process = await self._room.run(job, theirs)
            try:
                heard = await _ask(ours, numbers)
            finally:
                process.stop()
                end = await process.wait()
        status, metrics, reason = _weighed(heard, numbers, end)
        return Sample(
            workload.name, workload.unit, repeat, status, metrics, reason, end.cpu_s, end.wall_s
        )


async def _ask(line: socket.socket, numbers: list[int]) -> bytes:
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    heard = b""
    try:
        await loop.sock_sendall(line, json.dumps(numbers).encode() + b"\n")
        while not heard.endswith(b"\n") and len(heard) < 65536:
            chunk = await loop.sock_recv(line, 4096)
            if not chunk:
                break
            heard += chunk
    except ConnectionError:  # it is gone
        pass
    return heard


def _weighed(
    heard: bytes, numbers: list[int], end: Exit
) -> tuple[Status, Mapping[str, float], str]:
    if end.reason in _LIMITS:
        return _LIMITS[end.reason], {}, f"over its limit: {end.reason}"
    if not heard:
        return Status.CRASHED, {}, "it ended without an order"
    try:
        order = json.loads(heard)
    except (ValueError, RecursionError):
        order = None
    if type(order) is not list or any(type(one) is not int for one in order):
        return Status.INVALID, {}, "ORDER must be a list of positions"
    if sorted(order) != list(range(len(numbers))):
        return Status.INVALID, {}, "ORDER must have every position once"
    way = [numbers[one] for one in order]
    return Status.SCORED, {"way": float(sum(abs(a - b) for a, b in pairwise(way)))}, ""
