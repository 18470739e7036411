"""Runs inside the judge's sandbox: makes the inputs, holds the clock and checks the outputs.

The engine asks for what one call needs ("layouts"), and for each measurement that its inputs be
made ("draw"), that it be timed ("time") and, once the candidate is dead, checked ("check"). With
"time" come the judge's end of the candidate's channel and, for each batch of calls, memory for its
inputs and memory for its outputs. Why it is done like this is in docs/decisions/kernel-timing.md.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.machinery
import importlib.util
import math
import os
import socket
import time
from array import array
from collections.abc import Sequence
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType

    from adrs_evaluators.judge.judge_boot import Server

_ALIGNMENT = 64
_TYPES = "bBhHiIlLqQfd"
_MAX_TEXT = 2000


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    """Serves until the engine hangs up."""
    loader = importlib.machinery.SourceFileLoader("judge_boot", paths["judge_boot"])
    spec = importlib.util.spec_from_loader("judge_boot", loader)
    assert spec is not None
    judge_boot = importlib.util.module_from_spec(spec)
    loader.exec_module(judge_boot)
    judge_boot.serve(channel, lambda: Timing(judge_boot, judge_boot.Server(paths)))


# --- the values of a call, in memory ---------------------------------------------------------


class Place(NamedTuple):
    """Where one argument or output lies in the memory of its call.

    Attributes:
        kind: "array", "int" or "float".
        type: of one element, a type code of the module `array`.
        length: in elements.
        offset: in bytes.
    """

    kind: str
    type: str
    length: int
    offset: int


class Layout:
    """Where the values of one call lie; the same for every call of a workload.

    Args:
        noun: what messages call a value, "argument" or "output".

    Attributes:
        bytes: from one call to the next.
    """

    def __init__(self, values: Sequence[Any], noun: str) -> None:
        self.places: list[Place] = []
        self.bytes = 0
        self._noun = noun
        for number, value in enumerate(_listed(values, noun), 1):
            kind, data = _data(value, f"{noun} {number}")
            self.places.append(Place(kind, data.format, len(data), self.bytes))
            self.bytes += -(-data.nbytes // _ALIGNMENT) * _ALIGNMENT

    def write(self, values: Sequence[Any], block: bytearray, start: int) -> None:
        """Puts the values of one call into a block of memory."""
        if len(_listed(values, self._noun)) != len(self.places):
            raise ValueError(
                f"{len(values)} {self._noun}s, and {len(self.places)} in an earlier call"
            )
        for number, (value, place) in enumerate(zip(values, self.places, strict=True), 1):
            kind, data = _data(value, f"{self._noun} {number}")
            if (kind, data.format, len(data)) != place[:3]:
                raise ValueError(
                    f"{self._noun} {number} is {len(data)} of type {data.format!r}, and "
                    f"{place.length} of type {place.type!r} in an earlier call; all calls of a "
                    "workload need the same types and lengths"
                )
            at = start + place.offset
            block[at : at + data.nbytes] = data.cast("B")

    def read(self, block: bytes) -> list[memoryview]:
        """The arrays of one call."""
        whole = memoryview(block)
        found = []
        for place in self.places:
            end = place.offset + place.length * array(place.type).itemsize
            found.append(whole[place.offset : end].cast(place.type))  # type: ignore[call-overload]
        return found


def _listed(values: Any, noun: str) -> Sequence[Any]:
    if type(values) not in (list, tuple) or not values:
        raise TypeError(f"a list of {noun}s is needed, at least one, not {values!r:.80}")
    found: Sequence[Any] = values
    return found


def _data(value: Any, noun: str) -> tuple[str, memoryview]:
    """What kind of value it is, and its elements."""
    if type(value) is int:
        if not -(2**63) <= value < 2**63:
            raise TypeError(f"{noun} must fit into 64 bits with a sign, not {value!r:.80}")
        return "int", memoryview(array("q", [value]))
    if type(value) is float:
        return "float", memoryview(array("d", [value]))
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(f"{noun} must be an array or a number, not {value!r:.80}") from None
    if view.format not in _TYPES or not view.c_contiguous or not view.nbytes or not view.ndim:
        raise TypeError(
            f"{noun} must be a contiguous array of at least one element of a type out of "
            f"{_TYPES!r}, not {view.nbytes} bytes of type {view.format!r} in "
            f"{view.ndim} dimensions; a number must be an int or a float"
        )
    return "array", view.cast("B").cast(view.format)  # type: ignore[call-overload]


# --- one measurement -------------------------------------------------------------------------


class Drawn:
    """The inputs of one measurement, and the right outputs as far as somebody asked for them.

    Every call has a random generator of its own, so that its arguments can be made again. What a
    generator gives tells what it was seeded with, so that is a digest: the seed stays the judge's.
    """

    def __init__(self, judge: Any, workload: Any, seed: str, batches: Sequence[int]) -> None:
        self._judge = judge
        self._workload = workload
        self._seed = seed
        self._expected: dict[tuple[int, int], bytes] = {}
        self.batches = batches
        self.inputs = Layout(self._arguments(0, 0), "argument")
        reference = judge.reference(workload, self._arguments(0, 0))
        self.outputs = Layout(reference, "output")
        self.blocks = [self._block(batch, calls) for batch, calls in enumerate(batches)]

    def expected(self, batch: int, call: int) -> bytes:
        """The right outputs of a call, as they would lie in memory."""
        found = self._expected.get((batch, call))
        if found is None:
            arguments = self._arguments(batch, call)
            block = bytearray(self.outputs.bytes)
            self.outputs.write(self._judge.reference(self._workload, arguments), block, 0)
            self._check_same(arguments, batch, call)
            found = self._expected[batch, call] = bytes(block)
            if not all(math.isfinite(value) for one in self.outputs.read(found) for value in one):
                raise ValueError("reference() gave a number that is not finite")
        return found

    def _arguments(self, batch: int, call: int) -> Any:
        seed = hashlib.sha256(f"{self._seed}/{batch}/{call}".encode()).digest()
        return self._judge.arguments(self._workload, Random(seed))

    def _check_same(self, arguments: Any, batch: int, call: int) -> None:
        """Raises ValueError unless the reference was given what the function is."""
        step = self.inputs.bytes
        block = bytearray(step)
        self.inputs.write(arguments, block, 0)
        if block != self.blocks[batch][call * step : (call + 1) * step]:
            raise ValueError(
                "arguments() gave something else when it was asked for the same call again, or "
                "reference() changed what it was given; draw with the random generator that "
                "arguments() is given alone, and have reference() change a copy"
            )

    def _block(self, batch: int, calls: int) -> bytearray:
        step = self.inputs.bytes
        block = bytearray(calls * step)
        for call in range(calls):
            self.inputs.write(self._arguments(batch, call), block, call * step)
        if calls > 1 and block[step:] == block[:-step]:
            raise ValueError(
                "arguments() gave the same for every call, so that a program need only remember "
                "its first answer; draw them with the random generator that it is given"
            )
        return block


class Seen(NamedTuple):
    """The outputs of one call, as they were when the clock stopped."""

    batch: int
    call: int
    outputs: bytes


class Timing:
    """Serves the engine's requests; what they have in common with a judge's is that server's."""

    def __init__(self, judge_boot: ModuleType, server: Server) -> None:
        self._channel = judge_boot.Channel
        self._hung_up: type[Exception] = judge_boot.HungUp
        self._server = server
        self._random = SystemRandom()
        self._drawn: tuple[object, Drawn] | None = None
        self._seen: list[Seen] = []

    def answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        ask = request["ask"]
        if ask == "layouts":
            return {"layouts": self._layouts(request)}
        if ask == "draw":
            self._draw(request)
            return {"outcome": "drawn"}
        if ask == "time":
            with socket.socket(fileno=os.dup(descriptors[0])) as end:
                return self._time(request, end, descriptors[1:])
        if ask == "check":
            return self._check(request)
        return self._server.answer(request, descriptors)

    def _layouts(self, request: dict[str, Any]) -> dict[str, tuple[int, int]]:
        """By a workload's digest, the bytes that the inputs and the outputs of one call take."""
        found = {}
        for digest, (workload, _) in self._server.made(request).items():
            drawn = Drawn(self._server.judge, workload, "layout", [1])
            drawn.expected(0, 0)
            found[digest] = drawn.inputs.bytes, drawn.outputs.bytes
        return found

    def _draw(self, request: dict[str, Any]) -> Drawn:
        """What programs that take turns on a workload are all given, made for the first of them."""
        key = request["workload"], request["seed"]
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = None
            workload = self._server.workload(request)
            drawn = Drawn(self._server.judge, workload, request["seed"], request["batches"])
            self._drawn = key, drawn
        return self._drawn[1]

    def _time(
        self, request: dict[str, Any], end: socket.socket, memory: list[int]
    ) -> dict[str, Any]:
        drawn = self._draw(request)
        self._seen = []
        inputs, outputs = memory[::2], memory[1::2]
        for batch, calls in enumerate(drawn.batches):
            _fill(inputs[batch], drawn.blocks[batch])
            # What is no right answer: a call that wrote nothing is a wrong one.
            _fill(outputs[batch], self._random.randbytes(drawn.outputs.bytes) * calls)
        gc.disable()
        try:
            self._greet(request, drawn, end, outputs)
            elapsed_s = [
                self._batch(drawn, batch, end, inputs[batch], outputs[batch], checked)
                for batch, checked in enumerate(request["checked"])
            ]
        except (OSError, self._hung_up):
            return {"outcome": "ended", "reason": ""}
        except Unready as error:
            return {"outcome": "failed", "reason": str(error)}
        finally:
            gc.enable()
        return {"outcome": "timed", "elapsed_s": elapsed_s}

    def _greet(
        self, request: dict[str, Any], drawn: Drawn, end: socket.socket, outputs: list[int]
    ) -> None:
        """Has the candidate load its library and make everything ready but the inputs."""
        plan = {
            "library": request["library"],
            "function": request["function"],
            "batches": drawn.batches,
            "input_bytes": drawn.inputs.bytes,
            "output_bytes": drawn.outputs.bytes,
            "inputs": [(place.kind, place.offset) for place in drawn.inputs.places],
            "outputs": [place.offset for place in drawn.outputs.places],
        }
        self._channel(end).send(plan)
        socket.send_fds(end, [b"o"], outputs)
        said = end.recv(_MAX_TEXT)
        if not said:
            raise self._hung_up
        if said != b"r":
            raise Unready(said.decode("utf-8", "backslashreplace"))

    def _batch(
        self,
        drawn: Drawn,
        batch: int,
        end: socket.socket,
        inputs: int,
        outputs: int,
        checked: int,
    ) -> float:
        """Elapsed seconds of one batch, copies of what will be checked included."""
        step, calls = drawn.outputs.bytes, drawn.batches[batch]
        started = time.perf_counter_ns()
        socket.send_fds(end, [b"g"], [inputs])
        if not end.recv(1):
            raise self._hung_up
        chosen = self._random.sample(range(calls), min(checked, calls))
        copies = [os.pread(outputs, step, call * step) for call in chosen]
        elapsed = time.perf_counter_ns() - started
        self._seen += [Seen(batch, *one) for one in zip(chosen, copies, strict=True)]
        return elapsed / 1e9

    def _check(self, request: dict[str, Any]) -> dict[str, Any]:
        drawn = self._draw(request)
        wanted = sum(map(min, request["checked"], drawn.batches))
        if len(self._seen) != wanted:
            raise ValueError(f"the outputs of {len(self._seen)} calls were kept, not of {wanted}")
        relative, absolute = request["relative_error"], request["absolute_error"]
        worst = 0.0
        for seen in self._seen:
            expected = drawn.expected(seen.batch, seen.call)
            if seen.outputs == expected:
                continue
            pairs = zip(drawn.outputs.read(seen.outputs), drawn.outputs.read(expected), strict=True)
            for number, (given, right) in enumerate(pairs, 1):
                error, element = largest_error(given, right, relative, absolute)
                worst = max(worst, error)
                if not error <= 1:
                    return {
                        "outcome": "invalid",
                        "reason": (
                            f"output {number}, element {element}, of call {seen.call} was "
                            f"{given[element]!r} and had to be {right[element]!r}, within "
                            f"{absolute + relative * abs(right[element]):.3g}"
                        ),
                    }
        return {"outcome": "checked", "error": worst}


class Unready(Exception):
    """The candidate cannot be called; the text is what it says of that."""


def largest_error(
    given: Sequence[float], right: Sequence[float], relative: float, absolute: float
) -> tuple[float, int]:
    """The largest error as a multiple of the bound, and the element that has it.

    Infinite for what is no number, and for any error where the bound is zero.
    """
    worst, element = 0.0, 0
    for place, (one, other) in enumerate(zip(given, right, strict=True)):
        if one == other:
            continue
        bound = absolute + relative * abs(other)
        off = abs(one - other)
        error = off / bound if bound > 0 and math.isfinite(off) else math.inf
        if error > worst:
            worst, element = error, place
    return worst, element


def _fill(descriptor: int, data: bytes | bytearray) -> None:
    """Writes all of a block of memory."""
    view = memoryview(data)
    at = 0
    while at < len(view):
        at += os.pwrite(descriptor, view[at:], at)
