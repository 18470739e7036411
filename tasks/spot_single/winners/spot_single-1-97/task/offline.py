"""The cheapest schedule in hindsight, exactly.

A schedule with so many starts pays for work + starts * changeover seconds in all, so its bill
follows from how many of its ticks run on spot. Exchange arguments leave few schedules to look at:

* A run of ticks with spot (an up run) is used whole or not at all: a tick left out beside a used
  one could replace one on demand without another start, or else come off the end of the job.
* What lies between two used up runs, a gap, is idle throughout or on demand after one start. Idle
  ticks inside on-demand gaps are free to lie in any of them, so they need not be placed.

What is left is a dynamic programme over the runs of the timeline, for all changeovers at once. The
tests compare it with a search over every action at every tick.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from math import inf

from simulator import TICK_S, Job, bill_usd

Schedule = tuple[int, int, int]  # starts, up ticks left unused, ticks in wholly idle gaps


@lru_cache(maxsize=4096)
def cheapest_usd(available: str, job: Job) -> float:
    """The least bill of any schedule that meets the deadline and knows all of `available`."""
    up_ticks, ends_idle, ends_on_demand = _schedules(available[: job.ticks], job.work_s)
    bills = []
    for starts, unused, idle in ends_idle:
        ticks, paid_s = _size(starts, job)
        if idle <= job.ticks - ticks:
            on_demand_s = max(0, ticks - up_ticks + unused) * TICK_S
            bills.append(bill_usd(paid_s - on_demand_s, on_demand_s))
    for starts, unused, idle in ends_on_demand:
        ticks, paid_s = _size(starts, job)
        spot_s = (up_ticks - unused) * TICK_S
        if idle <= job.ticks - ticks and spot_s < paid_s:
            bills.append(bill_usd(spot_s, paid_s - spot_s))
    return min(bills)


def _size(starts: int, job: Job) -> tuple[int, int]:
    """How many ticks and how many paid seconds a schedule with so many starts takes."""
    paid_s = job.work_s + starts * job.changeover_s
    return -(-paid_s // TICK_S), paid_s


@lru_cache(maxsize=64)
def _schedules(available: str, work_s: int) -> tuple[int, list[Schedule], list[Schedule]]:
    """How many ticks are up, and the schedules that end on spot or idle, and on demand."""
    most_idle = len(available) - -(-work_s // TICK_S)
    used: list[Schedule] = []  # the run that ends here is an up run, used
    idle = [(0, 0, 0)]  # nothing has run since the last used one
    on_demand = [(1, 0, 0)]  # on demand is in use since then
    for symbol, run in groupby(available):
        length = len(list(run))
        if symbol == "1":
            used = _best([(s + 1, u, i) for s, u, i in (*idle, *on_demand)], most_idle)
            idle = [(s, u + length, i + length) for s, u, i in idle if i + length <= most_idle]
            on_demand = [(s, u + length, i) for s, u, i in on_demand]
        else:
            waited = [(s, u, i + length) for s, u, i in (*used, *idle)]
            idle = _best(waited, most_idle)
            on_demand = _best((*on_demand, *((s + 1, u, i) for s, u, i in used)), most_idle)
            used = []
    return available.count("1"), [*used, *idle], on_demand


def _best(schedules: Iterable[Schedule], most_idle: int) -> list[Schedule]:
    """Leaves out every schedule that is in nothing better than another."""
    best = []
    least_unused = [inf] * (most_idle + 1)  # of those kept so far, none of them idler
    for schedule in sorted(schedules):
        _, unused, idle = schedule
        if idle <= most_idle and unused < least_unused[idle]:
            best.append(schedule)
            while idle <= most_idle and unused < least_unused[idle]:
                least_unused[idle] = unused
                idle += 1
    return best
