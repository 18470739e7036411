"""The cheapest schedule in hindsight, exactly.

With p and P the prices of spot and on demand, a schedule with `starts` changeovers pays for
work + starts * changeover seconds, so its bill is known from how many of its ticks run on spot.
Three exchange arguments leave few schedules to look at:

* an up run is used whole or not at all (a spot tick left out beside a used one can replace an
  on-demand tick without another start, or be left out at the end of the job);
* what lies between two used up runs, a gap, is idle throughout, or runs on demand after one start;
* idle ticks inside on-demand gaps may lie in any of them, so only their total matters.

What is left is a dynamic programme over the runs of the timeline, from (starts, spot ticks) to the
fewest ticks in wholly idle gaps. It holds for every changeover at once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from simulator import TICK_S, Job, bill_usd

Schedules = dict[tuple[int, int], int]  # (starts, spot ticks) -> fewest ticks in wholly idle gaps


def cheapest_usd(available: str, job: Job) -> float:
    """The least bill of any schedule that meets the deadline and knows all of `available`."""
    ups, ends_idle, ends_on_demand = _schedules(available[: job.ticks], job.work_s)
    bills = [_spot_only(ups, job)]
    for (starts, spot), idle in ends_idle.items():
        ticks, paid_s = _size(starts, job)
        if idle <= job.ticks - ticks:
            on_demand_s = max(0, ticks - spot) * TICK_S
            bills.append(bill_usd(paid_s - on_demand_s, on_demand_s))
    for (starts, spot), idle in ends_on_demand.items():
        ticks, paid_s = _size(starts, job)
        if idle <= job.ticks - ticks and spot < ticks:
            bills.append(bill_usd(spot * TICK_S, paid_s - spot * TICK_S))
    return min(bills)


def _size(starts: int, job: Job) -> tuple[int, int]:
    """How many ticks and how many paid seconds a schedule with so many starts takes."""
    paid_s = job.work_s + starts * job.changeover_s
    return -(-paid_s // TICK_S), paid_s


def _spot_only(ups: tuple[int, ...], job: Job) -> float:
    """The bill without on demand: the longest up runs, as few as will do."""
    total = 0
    for starts, length in enumerate(sorted(ups, reverse=True), 1):
        total += length
        ticks, paid_s = _size(starts, job)
        if total >= ticks:
            return bill_usd(paid_s, 0)
    return float("inf")


@lru_cache(maxsize=1024)
def _schedules(available: str, work_s: int) -> tuple[tuple[int, ...], Schedules, Schedules]:
    """The up runs' lengths, and the schedules that end on spot or idle, and on demand."""
    most_idle = len(available) - -(-work_s // TICK_S)
    ups = []
    used: Schedules = {}  # the run that ends here is an up run, used
    idle: Schedules = {(0, 0): 0}  # nothing has run since the last used one
    on_demand: Schedules = {(1, 0): 0}  # on demand is in use since then
    for symbol, run in groupby(available):
        length = len(list(run))
        waited = {key: ticks + length for key, ticks in idle.items() if ticks + length <= most_idle}
        if symbol == "1":
            ups.append(length)
            used = {}
            for before in (idle, on_demand):
                for (starts, spot), ticks in before.items():
                    _keep(used, (starts + 1, spot + length), ticks)
            idle = waited
        else:
            for (starts, spot), ticks in used.items():
                _keep(on_demand, (starts + 1, spot), ticks)
                if ticks + length <= most_idle:
                    _keep(waited, (starts, spot), ticks + length)
            idle, used = waited, {}
    for key, ticks in used.items():
        _keep(idle, key, ticks)
    return tuple(ups), idle, on_demand


def _keep(schedules: Schedules, key: tuple[int, int], idle: int) -> None:
    if idle < schedules.get(key, idle + 1):
        schedules[key] = idle
