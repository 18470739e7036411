"""What a round of the planner costs by itself: CPU milliseconds, with a model that answers at once.

    python tests/benchmarks/bench_planner.py

Four ideas a round after 200 trials; the mean of 100 rounds. Once with a model in this process; once
with a server, every call recorded, beside the same calls made by the bare client.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import adrs
from adrs import (
    Admission,
    Answer,
    AnswerStatus,
    Candidate,
    Evaluation,
    Idea,
    Lineage,
    Prompt,
    Sample,
    Score,
    Split,
    Status,
    Trial,
)
from adrs.plugins import load
from adrs.search.calls import ModelCalls
from adrs.search.desk import RoundModels

TASK = Path(__file__).parents[2] / "tasks" / "spot_single"
IDEAS = 4
TRIALS = 200
ROUNDS = 100
WORKLOADS = 40


class InstantModel:
    """Plans four ideas; writes each as one edit of the method's last line."""

    name = "instant"
    usd = 0.01

    async def ask(self, prompt: Prompt) -> Answer:
        if prompt.step == "plan":
            ideas = [
                {
                    "title": f"idea {n}",
                    "hypothesis": "the slack is spent too early",
                    "change": f"wait {n} ticks longer",
                    "metric": "cost_usd",
                    "expected_percent": n,
                    "risk": "the deadline",
                }
                for n in range(IDEAS)
            ]
            return Answer(AnswerStatus.ANSWERED, json.dumps({"diagnosis": "late", "ideas": ideas}))
        new = f'        return "NONE" if self.job else "{prompt.digest[:8]}"'
        edit = f'<<<<<<< SEARCH\n        return "NONE"\n=======\n{new}\n>>>>>>> REPLACE'
        return Answer(AnswerStatus.ANSWERED, f"FILE: policy.py\n{edit}\n")


def history(task: adrs.Task) -> list[Trial]:
    """A search so far: each trial changes a line of one before it."""
    told: list[Trial] = []
    text = task.seed.text("policy.py")
    for number in range(TRIALS):
        value = 120.0 - number % 37
        samples = [
            Sample(f"train-{n}", f"train-{n}", 0, Status.SCORED, {"cost_usd": value + n % 7})
            for n in range(WORKLOADS)
        ]
        isolation = adrs.Isolation("none", adrs.IsolationLevel.PROCESS, {}, {})
        evaluation = Evaluation(Split.TRAIN, Status.SCORED, tuple(samples), "0" * 64, isolation)
        lines = "".join(f"LIMIT_{n} = {number + n}\n" for n in range(100))
        program = (
            adrs.Program({"policy.py": f"{text}\n\n{lines}".encode()}) if number else task.seed
        )
        idea = Idea("it is late", "be early", "cost_usd", 0.05, "cost")
        lineage = Lineage("planner", "1", (number // 2,), plan="be early", author="m", idea=idea)
        told.append(
            Trial(
                number,
                Candidate(program, lineage if number else Lineage("seed")),
                evaluations=(evaluation,),
                score=Score(value),
                admission=Admission(number % 3 == 0, "among the best"),
            )
        )
    return told


class Kept:
    """A model that remembers what it was asked."""

    def __init__(self, models: adrs.Models, prompts: list[Prompt]) -> None:
        self._models = models
        self._prompts = prompts
        self.name = models.name

    @property
    def usd(self) -> float:
        return self._models.usd

    async def ask(self, prompt: Prompt) -> Answer:
        self._prompts.append(prompt)
        return await self._models.ask(prompt)


class Rounds:
    """Rounds of one planner after the same history."""

    def __init__(self) -> None:
        from adrs_agents.planner import Planner

        self.task = adrs.load_task(TASK)
        self._told = history(self.task)
        self._planner = Planner()
        for trial in self._told:
            self._planner.observe(trial)

    async def one(self, ordinal: int, models: adrs.Models) -> list[Candidate | adrs.Rejection]:
        context = adrs.Context(
            self.task.brief,
            ordinal,
            ordinal,
            adrs.Selection(0, self._told[-1], tuple(self._told[5:7])),
            min(self._told, key=lambda trial: trial.score.value if trial.score else 0.0),
            wanted=IDEAS,
            operator=("refine", "explore", "combine")[ordinal % 3],
            history=self._told,
            models=models,
        )
        return list(await self._planner.propose(context))


async def alone() -> float:
    """CPU seconds of one round with a model in this process."""
    rounds = Rounds()
    for ordinal in range(5):
        await rounds.one(ordinal, InstantModel())
    began = time.process_time()
    for ordinal in range(ROUNDS):
        answers = await rounds.one(ordinal, InstantModel())
        assert all(isinstance(answer, Candidate) for answer in answers), answers
    return (time.process_time() - began) / ROUNDS


async def with_server(base_url: str, folder: str) -> dict[str, float]:
    """CPU seconds of one round with calls that are recorded, and of the same calls bare."""
    from openai import AsyncOpenAI

    rounds = Rounds()
    with closing(adrs.open_store(folder)) as store:
        settings = adrs.RunSettings(str(TASK), trials=1, models=(("scripted", 1.0),))
        run = store.create_run(rounds.task, settings).name
        server: Any = load("adrs.models", "openai")(base_url)
        calls = ModelCalls(store, run, settings, server)
        asked: list[list[Prompt]] = []
        for ordinal in range(ROUNDS + 5):
            if ordinal == 5:
                began = time.process_time()
            asked.append([])
            await rounds.one(ordinal, Kept(RoundModels(calls, ordinal, "scripted"), asked[-1]))
        ours = time.process_time() - began
        await calls.close()
    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        async def bare(prompt: Prompt) -> None:
            more: Any = {}
            if prompt.schema is not None:
                form = {"name": "answer", "strict": True, "schema": prompt.schema}
                more["response_format"] = {"type": "json_schema", "json_schema": form}
            messages: Any = [{"role": m.role, "content": m.content} for m in prompt.messages]
            await client.chat.completions.create(
                model="scripted", messages=messages, max_tokens=prompt.max_tokens, **more
            )

        for number, prompts in enumerate(asked):
            if number == 5:
                began = time.process_time()
            plans = [prompt for prompt in prompts if prompt.step.startswith("plan")]
            for prompt in plans:
                await bare(prompt)
            await asyncio.gather(*(bare(prompt) for prompt in prompts if prompt not in plans))
        theirs = time.process_time() - began
    return {
        "cpu_ms_per_round_with_server": round(1000 * ours / ROUNDS, 1),
        "cpu_ms_per_round_bare_client": round(1000 * theirs / ROUNDS, 1),
        "cpu_ms_per_round_beyond": round(1000 * (ours - theirs) / ROUNDS, 1),
        "calls_per_round": round(sum(map(len, asked)) / len(asked), 2),
    }


def main() -> None:
    command = [sys.executable, "-m", "adrs.testing.model_server"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            figures = asyncio.run(with_server(base_url, folder))
    finally:
        server.terminate()
        server.wait()
    print(json.dumps({"cpu_ms_per_round": round(1000 * asyncio.run(alone()), 1), **figures}))


if __name__ == "__main__":
    main()
