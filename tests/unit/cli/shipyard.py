"""A sandbox that has something to build and to sweep, and an evaluator that needs no room in it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

import pytest

from adrs import (
    NEEDED_FOR_WINNER,
    Environment,
    Isolation,
    IsolationLevel,
    Probe,
    Program,
    Room,
    SandboxUnavailable,
    Session,
    Status,
    WorkloadRef,
)
from adrs.testing.fakes import FunctionEvaluator

HELD = dict.fromkeys(NEEDED_FOR_WINNER, "claimed by a fake")
ROOT = {"image": "sha256:5eed", "packages": "numpy 2.4.1\x1b[2J"}


@dataclass
class Yard:
    """What the sandbox finds, and what it was asked for.

    Attributes:
        lacks: what has to be built, in words; "" once it is built.
        prints: lines that the build prints.
        breaks: why the build ends badly; "" if it does not.
        interrupted: whether somebody presses Ctrl-C while it goes on, which then takes for ever.
        told_before: all that the command had written when the build began.
        left: what killed runs left.
        unused: what else there is where unused environments go too.
        unavailable: why nothing can be swept; "" if it can.
        built: environments that were built, in order.
    """

    lacks: str = ""
    prints: tuple[str, ...] = ()
    breaks: str = ""
    interrupted: bool = False
    told_before: str = ""
    left: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    unavailable: str = ""
    built: list[Environment] = field(default_factory=list)


yard = Yard()


class Shipyard:
    """Preparing and Sweeping, as `yard` says."""

    name = "shipyard"

    async def probe(self) -> Probe:
        facts = {"engine": "20.10\x1b[2J", "storage": "overlay2"}
        return Probe(self.name, IsolationLevel.SEPARATE, HELD, {}, facts=facts)

    async def open(self, room: Room) -> Session:
        raise AssertionError("the evaluator of these tests needs no room")

    async def lacking(self, environment: Environment) -> str:
        return yard.lacks

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        yard.told_before = "".join(map(_written, (sys.stdout, sys.stderr)))
        for line in yard.prints:
            tell(line)
        if yard.interrupted:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        if yard.breaks:
            raise SandboxUnavailable(yard.breaks)
        yard.built.append(environment)
        yard.lacks = ""

    async def sweep(self, unused: bool = False) -> Sequence[str]:
        if yard.unavailable:
            raise SandboxUnavailable(yard.unavailable)
        return [*yard.left, *(yard.unused if unused else ())]


def evaluator() -> FunctionEvaluator:
    """Programs cost what their first constant says."""
    isolation = Isolation("shipyard", IsolationLevel.SEPARATE, HELD, {}, ROOT)
    return FunctionEvaluator(_cost, isolation=isolation)


def _cost(program: Program, workload: WorkloadRef) -> dict[str, float] | Status:
    found = re.search(r"cost = (\S+)", program.text("main.py"))
    if found is None:
        return Status.CRASHED
    share = 1.0 + int(workload.digest[:2], 16) / 1000
    return {"cost_usd": 1.0 + abs(float(found[1])) * share}


def _written(stream: object) -> str:
    stream.flush()  # type: ignore[attr-defined]
    text: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return text.decode()


def install(monkeypatch: pytest.MonkeyPatch) -> Yard:
    """Makes `shipyard` the only sandbox there is, and adds the evaluator; a yard at rest."""
    ours = {
        "adrs.sandboxes": [EntryPoint("shipyard", f"{__name__}:Shipyard", "adrs.sandboxes")],
        "adrs.evaluators": [EntryPoint("costs", f"{__name__}:evaluator", "adrs.evaluators")],
    }
    monkeypatch.setattr(
        "adrs.plugins.entry_points", lambda group: ours.get(group) or entry_points(group=group)
    )
    monkeypatch.setattr(sys.modules[__name__], "yard", Yard())
    return yard
