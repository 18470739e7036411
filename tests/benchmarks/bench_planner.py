"""What a round of the planner costs by itself: CPU milliseconds, with a model that answers at once.

    python tests/benchmarks/bench_planner.py

Four ideas a round, each written at the first try, after 200 trials; the mean of 100 rounds.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

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


async def measure() -> float:
    """CPU seconds of one round."""
    from adrs_agents.planner import Planner

    task = adrs.load_task(TASK)
    told = history(task)
    best = min(told, key=lambda trial: trial.score.value if trial.score else 0.0)
    planner = Planner()
    for trial in told:
        planner.observe(trial)

    async def one_round(ordinal: int) -> None:
        context = adrs.Context(
            task.brief,
            ordinal,
            ordinal,
            adrs.Selection(0, told[-1], tuple(told[5:7])),
            best,
            wanted=IDEAS,
            operator=("refine", "explore", "combine")[ordinal % 3],
            history=told,
            models=InstantModel(),
        )
        answers = await planner.propose(context)
        made = [answer for answer in answers if isinstance(answer, Candidate)]
        assert len(made) == IDEAS, answers

    for ordinal in range(5):
        await one_round(ordinal)
    began = time.process_time()
    for ordinal in range(ROUNDS):
        await one_round(ordinal)
    return (time.process_time() - began) / ROUNDS


if __name__ == "__main__":
    print(json.dumps({"cpu_ms_per_round": round(1000 * asyncio.run(measure()), 1)}))
