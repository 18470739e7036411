"""Measures a schedule: asks for an order once, and runs the transactions in it."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

from drawn import drawn
from recorded import recorded
from simulator import lower_bound, makespan

from adrs.judging import Invalid, Program, Workload

# The published score is a line through two totals over three workloads.
_ZERO, _SPAN, _WORKLOADS = 537, 441.9, 3


def workloads(split: str, salt: str, source: str | None = None, **ranges: Any) -> list[Workload]:
    """One workload a batch: those that the file `source` has for the split, else drawn ones."""
    given = [] if source is None else recorded(split, source)
    return given or drawn(split, salt, **ranges)


async def evaluate(program: Program, workload: Workload) -> dict[str, float]:
    """Asks for the order of all transactions, and finds out when the last one ends."""
    transactions = workload.data
    order = await program.call("schedule", transactions)
    check(order, len(transactions))
    ticks = makespan(transactions[index] for index in order)
    bound = lower_bound(transactions)
    return {
        "makespan": ticks,
        "lower_bound": bound,
        "gap": 100 * (ticks / bound - 1),
        "arrival_makespan": makespan(transactions),
        "parallelism": sum(map(len, transactions)) / ticks,
        "published_score": 100 * (_ZERO - _WORKLOADS * ticks) / _SPAN,
    }


def check(order: object, count: int) -> None:
    """Refuses what is not a list of all indices, each once.

    Raises:
        Invalid: says what was expected and what came.
    """
    if type(order) is not list or len(order) != count:
        raise Invalid(
            f"schedule must return a list of {count} indices, one for each transaction; it "
            f"returned {_short(order)}"
        )
    seen = [False] * count
    for index in order:
        if type(index) is not int or not 0 <= index < count:
            raise Invalid(
                f"an index is a whole number from 0 to {count - 1}; schedule returned "
                f"{_short(index)}"
            )
        if seen[index]:
            raise Invalid(f"each transaction must run once; schedule returned index {index} twice")
        seen[index] = True


def _short(answer: object) -> str:
    if isinstance(answer, list | dict):
        return f"a {type(answer).__name__} of length {len(answer)}"
    return f"{reprlib.repr(answer)} ({type(answer).__name__})"


def feedback(samples: Iterable[Mapping[str, Any]]) -> str:
    """On which mixes batches take long, in words, for whoever improves the order."""
    rows = sorted(samples, key=lambda row: float(row["metrics"]["gap"]), reverse=True)
    mixes: dict[str, list[Mapping[str, float]]] = {}
    for row in rows:
        mixes.setdefault(row["workload"].rsplit("-", 1)[-1], []).append(row["metrics"])
    lines = []
    for mix, of in sorted(mixes.items()):
        ticks, bound, arrival, parallelism = (
            mean(one[name] for one in of)
            for name in ("makespan", "lower_bound", "arrival_makespan", "parallelism")
        )
        lines.append(
            f"{len(of)} {mix} workloads: done after {ticks:.1f} ticks, in the order of arrival "
            f"after {arrival:.1f}, never before {bound:.1f}; {parallelism:.1f} operations a tick "
            "(means)."
        )
    lines.append("Furthest above the bound, which often cannot be reached:")
    for row in rows[:3]:
        one = row["metrics"]
        lines.append(
            f"- {row['workload']}: {one['makespan']:.0f} ticks, {one['gap']:.0f} % above the "
            f"bound; in the order of arrival {one['arrival_makespan']:.0f}"
        )
    return "\n".join(lines)
