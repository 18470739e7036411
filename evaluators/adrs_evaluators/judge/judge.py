"""The author's judge as the engine talks to it: one process in a room of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from adrs import (
    NO_FEEDBACK,
    ConfigError,
    Exit,
    Job,
    Limits,
    Process,
    Request,
    Room,
    Sample,
    SandboxUnavailable,
    Session,
    Setting,
    Task,
    WorkloadRef,
)
from adrs_evaluators.judge.wire import JudgeGone, JudgeWire
from adrs_evaluators.named import check_names

# The judge is the author's code: its limits only keep an accident from taking the machine down.
_LIMITS = Limits(wall_s=1e7, cpu_s=1e7, memory_mb=8192, processes=64, output_mb=1024, files_mb=256)
_SET_UP_S = 120.0
# Sets of workloads whose listings are kept: more than one run has at hand at the same time.
_KEPT_LISTINGS = 16


class Judge:
    """A task's judge.py in its own sandbox; a process that is lost is started again when asked."""

    def __init__(self, task: Task, room: Session, source: Path | None = None) -> None:
        self._task = task
        self._origin = f" from {source}" if source else ""
        self._room = room
        self._process: Process | None = None
        self._wire: JudgeWire | None = None
        self._listings: dict[tuple[str, str, str], tuple[WorkloadRef, ...]] = {}
        self._has_feedback = False

    @classmethod
    async def open(
        cls, setting: Setting, boot: Path, mounts: Mapping[str, Path] | None = None
    ) -> Judge:
        """Makes its room.

        Args:
            boot: what serves the engine in there.
            mounts: what `boot` finds beside the task, its real workloads and adrs.judging.

        Raises:
            SandboxUnavailable: there is no sandbox for it.
        """
        task = setting.task
        judging = find_spec("adrs.judging")
        assert judging is not None
        assert judging.origin is not None
        shown = {"task": task.folder, "judging": Path(judging.origin), **(mounts or {})}
        if setting.source is not None:
            shown["source"] = setting.source
        room = Room(boot, shown, task.environment, setting.core, setting.hash_seed)
        return cls(task, await setting.sandbox.open(room), setting.source)

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """Names, units, digests and sizes of what a request asks for.

        Raises:
            ConfigError: judge.py raised, answered nonsense, or makes no workload of a given name.
            SandboxUnavailable: the sandbox broke.
        """
        key = (
            request.split.value,
            request.salt,
            json.dumps(self._parameters(request), sort_keys=True),
        )
        listing = self._listings.pop(key, None)
        if listing is None:
            answer = await self.describe(request, "workloads")
            self._has_feedback = bool(answer["has_feedback"])
            listing = tuple(WorkloadRef(*row) for row in answer["workloads"])
        self._listings[key] = listing
        if len(self._listings) > _KEPT_LISTINGS:
            del self._listings[next(iter(self._listings))]
        if not request.names:
            return listing
        check_names(request, [ref.name for ref in listing], self._task.name)
        return tuple(ref for ref in listing if ref.name in request.names)

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload, as JSON."""
        found = []
        for ref in await self.workloads(request):  # one at a time: all may be more than an answer
            answer = await self.describe(request, "contents", workload=ref.digest)
            found.append(str(answer["contents"]).encode())
        return tuple(found)

    async def ready(self, request: Request) -> None:
        """Has a process that was lost make its workloads again, before a program's clock runs.

        If it cannot, whoever asks next is told so.

        Raises:
            SandboxUnavailable: the sandbox broke.
        """
        if self._wire is None:
            with contextlib.suppress(ConfigError):
                await self.describe(request, "workloads")

    async def describe(self, request: Request, ask: str, **more: str) -> dict[str, Any]:
        """What the judge says of a set of workloads; `ask` names the question and the answer.

        Args:
            more: what else belongs to the question.

        Raises:
            ConfigError: judge.py raised, or took too long.
            SandboxUnavailable: the sandbox broke.
        """
        name, split = self._task.name, request.split
        try:
            wire = await self._connected()
            answer = await wire.ask({**self.about(request, ask), **more}, limit_s=_SET_UP_S)
        except TimeoutError:
            await self._end()
            raise ConfigError(
                f"the judge of {name} took over {_SET_UP_S:g} s to make the "
                f"workloads of {split}; make them smaller or fewer"
            ) from None
        except JudgeGone as error:
            await self._end()
            raise ConfigError(f"the judge of {name} ended: {error}") from None
        if ask not in answer:
            raise ConfigError(
                f"the judge of {name} cannot make the workloads of {split}{self._origin}: "
                f"{answer.get('reason', answer)}"
            )
        return answer

    def about(self, request: Request, ask: str) -> dict[str, Any]:
        """The part of a question that names its set of workloads."""
        return {
            "ask": ask,
            "split": request.split.value,
            "salt": request.salt,
            "parameters": dict(self._parameters(request)),
        }

    async def evaluate(
        self,
        question: Mapping[str, Any],
        *,
        program_s: float = 0.0,
        end: socket.socket | None = None,
        memory: Sequence[int] = (),
    ) -> dict[str, Any]:
        """The judge's answer about a program, or that the judge failed.

        Args:
            program_s: elapsed seconds that the program may take meanwhile.
            end: the judge's end of the program's channel; closed here.
            memory: descriptors of memory that the judge shares with the program.
        """
        limit_s = self._task.evaluator.wall_s
        wire = await self._connected()
        try:
            return await wire.ask(question, limit_s=program_s + limit_s, end=end, memory=memory)
        except TimeoutError:
            return await self._lost(f"no answer within {limit_s:g} s")
        except JudgeGone as error:
            return await self._lost(str(error))
        except asyncio.CancelledError:
            await self._end()  # its late answer must not meet the next question
            raise

    async def feedback(self, samples: Sequence[Sample], request: Request) -> str:
        """The author's words on SCORED samples; "" if none are wanted or none are given."""
        if not request.feedback or not self._has_feedback:
            return ""
        question = self.about(request, "feedback")
        question["samples"] = _by_workload(samples)
        limit_s = self._task.evaluator.wall_s
        wire = await self._connected()
        try:
            answer = await wire.ask(question, limit_s=limit_s)
        except TimeoutError:
            await self._end()
            return f"{NO_FEEDBACK}none came within {limit_s:g} s)"
        except JudgeGone as error:
            await self._end()
            return f"{NO_FEEDBACK}{error})"
        return str(answer.get("feedback", f"{NO_FEEDBACK}{answer.get('reason')})"))

    async def close(self) -> None:
        """Ends its process and its room."""
        with contextlib.suppress(SandboxUnavailable):  # then there is nothing left to end
            await self._end()
        await self._room.close()

    def _parameters(self, request: Request) -> Mapping[str, object]:
        return self._task.generator if request.parameters is None else request.parameters

    async def _connected(self) -> JudgeWire:
        if self._wire is None:
            ours, theirs = socket.socketpair()
            self._process = await self._room.run(Job({}, _LIMITS), theirs)
            self._wire = JudgeWire(ours)
        return self._wire

    async def _lost(self, why: str) -> dict[str, Any]:
        end = await self._end()
        tail = "" if end is None else end.output.decode("utf-8", "replace").strip()[-1000:]
        reason = f"the judge failed: {why}" + (f"\n{tail}" if tail else "")
        return {"outcome": "judge_failed", "reason": reason}

    async def _end(self) -> Exit | None:
        wire, process, self._wire, self._process = self._wire, self._process, None, None
        if wire is not None:
            wire.close()
        if process is None:
            return None
        process.stop()
        return await process.wait()


def _by_workload(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """What a judge's feedback is about: each workload once, its metrics as means over repeats."""
    repeats: dict[str, list[Sample]] = {}
    for sample in samples:
        repeats.setdefault(sample.workload, []).append(sample)
    return [
        {
            "workload": workload,
            "unit": several[0].unit,
            "metrics": {
                name: fmean(sample.metrics[name] for sample in several)
                for name in several[0].metrics
                if all(name in sample.metrics for sample in several)
            },
        }
        for workload, several in repeats.items()
    ]
