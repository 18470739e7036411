"""Measures programs: a fresh process for each example, asked from outside of the sandbox."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    Split,
    Status,
    Task,
    WorkloadRef,
    read_options,
    set_digest,
)
from adrs_evaluator_my_name.examples import Example, read_examples

_BOOT = Path(__file__).with_name("boot.py")
_LONGEST_ANSWER = 65536
_LARGEST = 1e15
_BROKEN_LIMITS = {
    ExitReason.WALL: Status.TIMED_OUT,
    ExitReason.CPU: Status.TIMED_OUT,
    ExitReason.MEMORY: Status.OVER_MEMORY,
    ExitReason.OUTPUT: Status.OVER_OUTPUT,
}


@dataclass(frozen=True, slots=True)
class Options:
    """CHANGE: the keys of [evaluator.options] in a task.toml; those without a default are needed.

    Attributes:
        function: module and function, "fit:kelvin".
        examples: a file in the task's folder.
    """

    function: str
    examples: str = "examples.json"


class MyNameEvaluator:
    """Opens benches for tasks that say use = "my-name"."""

    name = "my-name"

    async def open(self, setting: Setting) -> Bench:
        """Reads the examples, and makes the room in which programs run."""
        task = setting.task
        options = read_options(task, Options)
        if len(task.brief.metrics) != 1:
            raise ConfigError(f"{task.folder / 'task.toml'} must declare one [[metric]]")
        examples = read_examples(task.folder / options.examples)
        room = Room(_BOOT, {}, task.environment, setting.core, setting.hash_seed)
        return Bench(task, options, examples, await setting.sandbox.open(room))


@dataclass(slots=True)
class _Course:
    """One program's turns so far; they end with the first that is not SCORED."""

    program: Program
    samples: list[Sample] = field(default_factory=list)
    output: str = ""
    wall_s: float = 0.0


class Bench:
    """A room, and what programs in it are asked."""

    def __init__(
        self,
        task: Task,
        options: Options,
        examples: Mapping[Split, tuple[Example, ...]],
        room: Session,
    ) -> None:
        self._limits = task.brief.limits
        self._metric = task.brief.metrics[0].name
        self._module, _, self._function = options.function.partition(":")
        self._examples = examples
        self._room = room

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """The examples that a request asks for."""
        return tuple(example.workload for example in self._asked(request))

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """What the examples hold, in the same order; with it `adrs check` compares splits."""
        return tuple(example.content for example in self._asked(request))

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """One program is a comparison of one."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Takes turns, in an order that is reversed every time."""
        examples = self._asked(request)
        courses = [_Course(program) for program in programs]
        order = courses
        for repeat in range(request.first, request.first + request.repeats):
            for example in examples:
                for course in order:
                    await self._turn(course, example, repeat)
                order = [one for one in reversed(order) if one.samples[-1].status is Status.SCORED]
        return [
            Evaluation(
                split=request.split,
                status=course.samples[-1].status,
                samples=tuple(course.samples),
                workloads=set_digest([example.workload for example in examples]),
                isolation=self._room.isolation,
                reason=course.samples[-1].reason,
                output=course.output,
                wall_s=course.wall_s,
            )
            for course in courses
        ]

    async def close(self) -> None:
        """Ends everything in the room."""
        await self._room.close()

    def _asked(self, request: Request) -> tuple[Example, ...]:
        examples = self._examples[request.split]
        known = [example.workload.name for example in examples]
        for name in request.names:
            if name not in known:
                raise ConfigError(f"no example of {request.split} is named {name!r:.80}")
        return tuple(
            example
            for example in examples
            if not request.names or example.workload.name in request.names
        )

    async def _turn(self, course: _Course, example: Example, repeat: int) -> None:
        """Runs a program on an example; whatever it does becomes a status."""
        started = time.monotonic()
        luck = zlib.crc32(f"{course.program.id}/{example.workload.digest}/{repeat}".encode())
        ours, theirs = socket.socketpair()
        with ours:
            job = Job(course.program.files, self._limits, seed=luck)
            process = await self._room.run(job, theirs)
            try:
                answer = await self._ask(ours, example)
            finally:
                process.stop()
                end = await process.wait()
        status, metrics, reason = self._outcome(answer, example, end)
        course.samples.append(
            Sample(
                workload=example.workload.name,
                unit=example.workload.unit,
                repeat=repeat,
                status=status,
                metrics=metrics,
                reason=reason,
                cpu_s=end.cpu_s,
                wall_s=end.wall_s,
                peak_mb=end.peak_mb,
            )
        )
        course.output = end.output.decode("utf-8", "replace")
        course.wall_s += time.monotonic() - started

    async def _ask(self, line: socket.socket, example: Example) -> bytes:
        """What the program's process answers; the sandbox ends it at its limits."""
        question = {
            "module": self._module,
            "function": self._function,
            "arguments": example.arguments,
        }
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        heard = b""
        try:
            await loop.sock_sendall(line, json.dumps(question).encode() + b"\n")
            while not heard.endswith(b"\n") and len(heard) < _LONGEST_ANSWER:
                chunk = await loop.sock_recv(line, 4096)
                if not chunk:
                    break
                heard += chunk
        except ConnectionError:  # it ended without listening
            pass
        return heard

    def _outcome(
        self, heard: bytes, example: Example, end: Exit
    ) -> tuple[Status, dict[str, float], str]:
        """CHANGE: weighs what a program answered. Nothing in it is to be believed as it stands."""
        if end.reason in _BROKEN_LIMITS:
            return _BROKEN_LIMITS[end.reason], {}, f"over its limit: {end.reason}"
        if not heard:
            return Status.CRASHED, {}, "its process ended before it answered"
        try:
            reply = json.loads(heard)
        except (ValueError, RecursionError):
            return Status.INVALID, {}, "its answer is not JSON"
        if type(reply) is dict and "raised" in reply:
            return Status.CRASHED, {}, str(reply["raised"])[:500]
        answer: Any = reply.get("answer") if type(reply) is dict else None
        # Exact types: True is an int in Python. A comparison with NaN is never true.
        if type(answer) in (int, float) and -_LARGEST <= answer <= _LARGEST:
            return Status.SCORED, {self._metric: abs(answer - example.expected)}, ""
        return Status.INVALID, {}, f"a number was expected, and {answer!r:.60} came"
