"""What a judge imports. Standard library only: this file is all of ADRS that a judge can see.

A judge is a file `judge.py` with at most three functions::

    def workloads(split, salt, source=None, **parameters): return [Workload(name, data), ...]
    async def evaluate(program, workload): return {"makespan_s": 12.5}
    def feedback(samples): return "queue 3 starves in bursty-2"

`evaluate` never holds the program itself. `program` is a handle on another process; what it
answers is plain data (None, bool, int, float, str, list, dict), checked while it is decoded.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from typing import Any

__all__ = ["Invalid", "Program", "ProgramFailed", "ProgramObject", "Workload", "together"]


class Invalid(Exception):
    """Raised by a judge that refuses an answer; the text is the reason that the proposer reads."""


class ProgramFailed(Exception):
    """A call raised inside the program. Uncaught, it makes the evaluation CRASHED.

    Attributes:
        kind: name of the exception class inside the program, for instance "ValueError".
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Workload:
    """One input that programs are measured on.

    Attributes:
        name: unique in its split.
        data: what `evaluate` needs: plain data, never sent anywhere by ADRS itself.
        unit: name of the independent block it belongs to; its own name unless told otherwise.
            Intervals count units, so two workloads that share a cause share a unit.
        shares: what units have in common all the same ("days"), said beside every verdict.
    """

    name: str
    data: Any
    unit: str = ""
    shares: str = ""


class Call:
    """A call that waits for its answer."""

    __slots__ = ("arguments", "limit_s", "name", "target")

    def __init__(
        self, target: int, name: str, arguments: tuple[Any, ...], limit_s: float | None
    ) -> None:
        self.target = target
        self.name = name
        self.arguments = arguments
        self.limit_s = limit_s

    def __await__(self) -> Generator[Call, Any, Any]:
        return (yield self)


class Together:
    """Coroutines that run in lock step."""

    __slots__ = ("coroutines",)

    def __init__(self, coroutines: tuple[Coroutine[Any, Any, Any], ...]) -> None:
        self.coroutines = coroutines

    def __await__(self) -> Generator[Together, Any, list[Any]]:
        return (yield self)  # type: ignore[no-any-return]


def together(*coroutines: Coroutine[Any, Any, Any]) -> Together:
    """Runs coroutines in lock step and returns their results in order.

    Calls that wait at the same time travel in one frame, so a hundred simulations that ask for one
    decision per tick cost little more than one. They share the candidate's process: run together
    only what can tell each other nothing (the same workload, at the same tick).

    Raises:
        Exception: what the first failing coroutine raises; the others are closed.
    """
    return Together(coroutines)


class ProgramObject:
    """A handle on an object inside the candidate's process."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def call(self, method: str, *arguments: Any, limit_s: float | None = None) -> Call:
        """Awaits `method(*arguments)` of the object.

        Args:
            limit_s: elapsed seconds after which the program is TIMED_OUT; calls that travel in
                one frame have the sum of their limits, if each has one.

        Raises:
            ProgramFailed: the method raised.
        """
        return Call(self._number, method, arguments, limit_s)


class Program:
    """A handle on a candidate's process, fresh for this workload and repeat."""

    __slots__ = ("_objects",)

    def __init__(self) -> None:
        self._objects = 0

    def call(self, function: str, *arguments: Any, limit_s: float | None = None) -> Call:
        """Awaits `function(*arguments)` of the entry module.

        Args:
            limit_s: elapsed seconds after which the program is TIMED_OUT; calls that travel in
                one frame have the sum of their limits, if each has one.

        Raises:
            ProgramFailed: the function raised, or there is none of that name.
        """
        return Call(0, function, arguments, limit_s)

    async def new(self, name: str, *arguments: Any, limit_s: float | None = None) -> ProgramObject:
        """Makes an object of class `name` of the entry module in the candidate's process.

        Raises:
            ProgramFailed: its constructor raised, or there is no class of that name.
        """
        self._objects += 1
        number = self._objects
        await Call(-number, name, arguments, limit_s)
        return ProgramObject(number)
