"""Small real implementations of the ports, for tests that need no sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from adrs.errors import AdrsError, ConfigError
from adrs.model.call import Answer, AnswerStatus, ModelRequest
from adrs.model.evaluation import Evaluation, Sample, Status, WorkloadRef, set_digest
from adrs.model.isolation import NEEDED_FOR_WINNER, Isolation, IsolationLevel
from adrs.model.program import Program
from adrs.ports.evaluator import Request, Setting

Measure = Callable[[Program, WorkloadRef], Mapping[str, float] | Status | AdrsError]


class FunctionEvaluator:
    """Measures programs with a Python function in this process: no sandbox, no judge.

    Args:
        measure: metrics of a program on a workload; a Status for a measurement that failed; an
            exception of ours to be raised, as a broken sandbox would. It is called once for every
            repeat, so one that draws from a generator of its own is as noisy as that.
        units: independent workloads in every split.
        isolation: what the evaluations claim was enforced; all that a WINNER needs by default.
    """

    name = "function"

    def __init__(
        self, measure: Measure, units: int = 10, isolation: Isolation | None = None
    ) -> None:
        self._measure = measure
        self._units = units
        enforced = {guarantee.value: "claimed by a fake" for guarantee in NEEDED_FOR_WINNER}
        self._isolation = isolation or Isolation("fake", IsolationLevel.SEPARATE, enforced, {})
        self.measured = 0

    async def open(self, setting: Setting) -> FunctionEvaluator:
        """Needs nothing of the setting."""
        return self

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """As many as there are units; their names spell out salt and parameters.

        Raises:
            ConfigError: a name that there is not.
        """
        asked = "" if request.parameters is None else json.dumps(dict(request.parameters))
        made = [f"{request.split}{request.salt}{asked}-{n}" for n in range(self._units)]
        unknown = sorted(set(request.names) - set(made))
        if unknown:
            raise ConfigError(f"no workload is named {unknown[0]!r}; the first is {made[0]!r}")
        return tuple(
            WorkloadRef(name, name, "", hashlib.sha256(name.encode()).hexdigest(), len(name))
            for name in made
            if not request.names or name in request.names
        )

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Calls the function for every repeat and workload, until one is not SCORED."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Calls the function for each program in turn."""
        self.measured += len(programs)
        await asyncio.sleep(0)
        workloads = await self.workloads(request)
        courses: list[tuple[Program, list[Sample]]] = [(program, []) for program in programs]
        order = courses
        for repeat in range(request.first, request.first + request.repeats):
            for workload in workloads:
                for program, samples in order:
                    samples.append(self._sample(program, workload, repeat))
                order = [one for one in reversed(order) if one[1][-1].status is Status.SCORED]
        return [
            Evaluation(
                split=request.split,
                status=samples[-1].status,
                samples=tuple(samples),
                workloads=set_digest(workloads),
                isolation=self._isolation,
                reason=samples[-1].reason,
            )
            for _, samples in courses
        ]

    def _sample(self, program: Program, workload: WorkloadRef, repeat: int) -> Sample:
        answer = self._measure(program, workload)
        if isinstance(answer, AdrsError):
            raise answer
        if isinstance(answer, Status):
            reason = "as the function said"
            return Sample(workload.name, workload.unit, repeat, answer, reason=reason)
        return Sample(workload.name, workload.unit, repeat, Status.SCORED, answer)

    async def close(self) -> None:
        """There is nothing to end."""


class FunctionModel:
    """A models' server that is a Python function in this process.

    Args:
        respond: what it answers to a request: text, or a whole Answer.
        latency_s: elapsed seconds that every answer takes.

    Attributes:
        requests: what it was asked, in order.
        most_at_once: the most calls that were in flight at a time.
    """

    def __init__(
        self, respond: Callable[[ModelRequest], str | Answer], latency_s: float = 0.0
    ) -> None:
        self._respond = respond
        self._latency_s = latency_s
        self._in_flight = 0
        self.requests: list[ModelRequest] = []
        self.most_at_once = 0

    async def answer(self, request: ModelRequest) -> Answer:
        """Calls the function; a text is an answer whose tokens are its words."""
        self.requests.append(request)
        self._in_flight += 1
        self.most_at_once = max(self.most_at_once, self._in_flight)
        try:
            await asyncio.sleep(self._latency_s)
            said = self._respond(request)
        finally:
            self._in_flight -= 1
        if isinstance(said, Answer):
            return said
        asked = sum(len(message.content.split()) for message in request.prompt.messages)
        return Answer(AnswerStatus.ANSWERED, said, tokens_in=asked, tokens_out=len(said.split()))

    def scrub(self, text: str) -> str:
        """It has no key."""
        return text

    async def close(self) -> None:
        """There is nothing to end."""


class Silent:
    """An observer that says nothing."""

    def phase(self, words: str) -> None:
        """Ignored."""

    def calibrated(self, calibration: object) -> None:
        """Ignored."""

    def told(self, trial: object) -> None:
        """Ignored."""
