"""Programs as they are once they are built, each built once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from adrs import Program, ProgramError, Session, Setting, Status
from adrs_evaluators.building.running import Command, run_command
from adrs_evaluators.outcome import Outcome, crashed

_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Build:
    """What became of a program's build.

    Attributes:
        files: the program's files, with those that the build made or changed; untrusted, like it.
        failure: why there is no build, None if there is one.
        output: the end of what it printed.
    """

    files: Mapping[str, bytes]
    failure: Outcome | None = None
    output: bytes = b""


class Builds:
    """Builds programs inside the candidates' sandbox, and keeps what came of it.

    One is shared by all benches of an evaluator. A build is made once for the same program,
    command and place, also when several ask at the same time. What a limit ended is tried again
    when it is asked for again, since that may have been the machine's fault.

    Args:
        most_mb: MiB kept; what was asked for longest ago goes first.
    """

    def __init__(self, most_mb: int = 512) -> None:
        self._most = most_mb * _MB
        self._kept: dict[Hashable, Build] = {}
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def build(
        self, program: Program, argv: tuple[str, ...], setting: Setting, session: Session
    ) -> Build:
        """A program's build, made under the limits of the task's candidates.

        Args:
            argv: run in the program's folder; `{python}` is the interpreter inside.
            session: of a room made with `command_room`; nothing else may run in it meanwhile.

        Raises:
            SandboxUnavailable: there is no such command in the sandbox; the message has the cure.
            SandboxUnavailable: the sandbox broke.
        """
        task, sandbox = setting.task, setting.sandbox.name
        limits = task.brief.limits
        key = (program.id, argv, sandbox, limits, task.environment, setting.hash_seed)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            found = self._kept.pop(key, None)
            if found is None:
                command = Command(argv, limits, program.files, collects=True)
                found = await _build(program, command, session)
            if found.failure is None or found.failure.status is Status.CRASHED:
                self._kept[key] = found
                self._forget()
        return found

    def _forget(self) -> None:
        """Drops what was asked for longest ago while it is too much."""
        size = sum(map(_size, self._kept.values()))
        while size > self._most and len(self._kept) > 1:
            size -= _size(self._kept.pop(next(iter(self._kept))))


async def _build(program: Program, command: Command, session: Session) -> Build:
    finished = await run_command(session, command, "the build")
    output = finished.end.output
    if finished.failure is not None:
        return Build({}, finished.failure, output)
    files = {**program.files, **(finished.made or {})}
    try:
        Program(dict.fromkeys(files, b""))  # names and their number are held to the same rules
    except ProgramError as error:
        return Build({}, crashed(f"the build made what no run can have: {error}"), output)
    return Build(files, output=output)


def _size(build: Build) -> int:
    return sum(map(len, build.files.values())) + len(build.output)
