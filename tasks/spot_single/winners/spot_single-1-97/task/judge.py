"""Measures a policy: asks it for an action at every tick, and keeps clock, progress and bill."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

import timelines
from offline import cheapest_usd
from simulator import ACTIONS, Job, Simulation

from adrs.judging import Invalid, Program, Workload, together

JOBS = [
    Job(work_s=48 * 3600, deadline_s=deadline_h * 3600, changeover_s=changeover_s)
    for deadline_h in (52, 70)
    for changeover_s in (72, 180, 360)  # 0.02, 0.05, 0.10 h
]


def workloads(
    split: str, salt: str, source: str | None = None, **ranges: Sequence[float]
) -> list[Workload]:
    """One workload a timeline: real ones from the file `source`, else drawn within `ranges`."""
    if source is not None:
        return timelines.real(split, source)
    return timelines.drawn(split, salt, **ranges)


async def evaluate(program: Program, workload: Workload) -> dict[str, float]:
    """Runs all jobs on one timeline, tick by tick side by side.

    They share a process. At any moment all of them are at the same tick, so what one policy could
    tell another, that one has seen already.
    """
    simulations = [Simulation(job, workload.data) for job in JOBS]
    await together(*(follow(program, simulation) for simulation in simulations))
    return {
        "cost_usd": mean(one.cost_usd for one in simulations),
        "missed_deadlines": sum(one.missed_deadline for one in simulations),
        "optimum_usd": mean(cheapest_usd(workload.data, job) for job in JOBS),
        "on_demand_h": mean(one.on_demand_s for one in simulations) / 3600,
        "forced_h": mean(one.forced_s for one in simulations) / 3600,
        "changeovers": mean(one.changeovers for one in simulations),
    }


async def follow(program: Program, simulation: Simulation) -> None:
    """Lets one policy decide until the job is done, or until nothing is left to decide."""
    policy = await program.new("Policy", simulation.job.terms())
    while simulation.finished_s is None:
        action = await policy.call("decide", simulation.observation())
        if action not in ACTIONS:
            raise Invalid(
                f'decide must return "SPOT", "ON_DEMAND" or "NONE"; it returned {_short(action)}'
            )
        simulation.step(action)


def _short(answer: object) -> str:
    if isinstance(answer, str):
        return reprlib.repr(answer)
    return f"something of type {type(answer).__name__}"


def feedback(samples: Iterable[Mapping[str, Any]]) -> str:
    """Where money is lost, in words, for whoever improves the policy."""
    rows = sorted(samples, key=_regret_usd, reverse=True)
    figures = [row["metrics"] for row in rows]
    cost, optimum, on_demand, forced, changeovers = (
        mean(row[name] for row in figures)
        for name in ("cost_usd", "optimum_usd", "on_demand_h", "forced_h", "changeovers")
    )
    lines = [
        f"Mean cost ${cost:.2f}; the best schedule in hindsight costs ${optimum:.2f}.",
        f"{on_demand:.1f} h on demand per job, {forced:.1f} h of them after the last safe moment; "
        f"{changeovers:.1f} changeovers.",
        "Most is lost on:",
    ]
    for row in rows[:3]:
        of = row["metrics"]
        lines.append(
            f"- {row['workload']}: ${of['cost_usd']:.2f}, in hindsight ${of['optimum_usd']:.2f}; "
            f"{of['on_demand_h']:.1f} h on demand ({of['forced_h']:.1f} h forced), "
            f"{of['changeovers']:.1f} changeovers"
        )
    return "\n".join(lines)


def _regret_usd(row: Mapping[str, Any]) -> float:
    return float(row["metrics"]["cost_usd"] - row["metrics"]["optimum_usd"])
