"""What every sandbox must hold, tried with hostile programs.

A sandbox may be unable to hold something, but then it must say so: what its probe declares missing
is not tried, what it declares held is. A sandbox that holds namespaces is tried with programs that
would harm the machine without them; they open what they attack, and never write it.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adrs.errors import SandboxUnavailable
from adrs.model.isolation import Guarantee, Isolation
from adrs.model.task import Limits
from adrs.ports.sandbox import Exit, ExitReason, Job, Process, Room, Sandbox, Session
from adrs.testing._hostile import BOOT, INSPECT, PROGRAMS

OVERRUN_S = 1.0
LIMITS = Limits(wall_s=20.0, cpu_s=10.0, memory_mb=256, processes=8, output_mb=1, files_mb=8)
_MB = 1 << 20


@dataclass(frozen=True)
class Played:
    """What a program said, how it ended, and what was there for the next one.

    Attributes:
        before: what a harmless program saw before it.
        after: what a harmless program saw after it.
        took_s: elapsed seconds as seen from outside.
    """

    said: list[Any]
    exit: Exit
    took_s: float
    before: Any = None
    after: Any = None


@dataclass
class Stage:
    """Plays programs in rooms of one sandbox."""

    sandbox: Sandbox
    folder: Path
    holds: Mapping[Guarantee, str]
    missing: Mapping[Guarantee, str]

    def __post_init__(self) -> None:
        self.marker = f"adrs-{secrets.token_hex(4)}"
        self.mounted = self.folder / "mounted"
        self.mounted.mkdir()
        (self.mounted / "answer").write_text("42")
        (self.folder / "secret").write_text("the engine's own")
        boot = self.folder / "boot.py"
        boot.write_text(BOOT.replace("MARKER", self.marker))
        self.room = Room(boot=boot, mounts={"mounted": self.mounted})

    def needs(self, guarantee: Guarantee) -> None:
        """Goes on if it is held; else makes sure that this was declared."""
        if guarantee not in self.holds:
            why = self.missing.get(guarantee)
            assert why, f"{guarantee} is neither held nor declared missing"
            pytest.skip(f"declares that it does not hold {guarantee}: {why}")

    def inside(self, act: Callable[[Session], Awaitable[Any]], room: Room | None = None) -> Any:
        """Opens a room, acts in it, closes it, and finds nothing left."""

        async def live() -> Any:
            session = await self.sandbox.open(room or self.room)
            try:
                return await act(session)
            finally:
                await session.close()

        result = asyncio.run(live())
        assert self.survivors() == []
        return result

    def play(self, source: str, limits: Limits = LIMITS, **job: Any) -> Played:
        """One program in a room of its own."""
        return self.inside(lambda session: self.run(session, source, limits, **job))

    def attack(self, source: str, limits: Limits = LIMITS) -> Played:
        """One hostile program, with a neighbour in another room and a successor in its own."""

        async def act(session: Session) -> Played:
            neighbours = await self.sandbox.open(self.room)
            try:
                ours, neighbour = await start(neighbours, "say(channel.recv(5).decode())", LIMITS)
                with ours:
                    before = (await self.run(session, INSPECT)).said
                    played = await self.run(session, source, limits)
                    assert self.survivors() == [neighbour_pid for neighbour_pid in running(self)]
                    after = (await self.run(session, INSPECT)).said
                    ours.sendall(b"alive")
                    said = await hear(ours)
                    assert said == ["alive"], "the neighbour was harmed"
                    assert (await neighbour.wait()).reason is ExitReason.ENDED
            finally:
                await neighbours.close()
            return replace(played, before=before, after=after)

        return self.inside(act)
