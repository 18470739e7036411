"""The physics: one job, one timeline of spot availability, one clock, one bill.

All times are whole seconds, so that nothing is lost to rounding and the offline optimum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

TICK_S = 600
SPOT_USD_PER_H = 0.9731
ON_DEMAND_USD_PER_H = 3.06

SPOT = "SPOT"
ON_DEMAND = "ON_DEMAND"
NONE = "NONE"
ACTIONS = (SPOT, ON_DEMAND, NONE)


@dataclass(frozen=True)
class Job:
    """Work to be done by a deadline.

    Attributes:
        work_s: seconds of computing on either kind of instance.
        deadline_s: a multiple of the tick.
        changeover_s: paid seconds without progress at every start of an instance; under one tick.
    """

    work_s: int
    deadline_s: int
    changeover_s: int

    @property
    def ticks(self) -> int:
        return self.deadline_s // TICK_S

    def terms(self) -> dict[str, float]:
        """What a policy is told before the first tick."""
        return {
            "work_h": self.work_s / 3600,
            "deadline_h": self.deadline_s / 3600,
            "changeover_h": self.changeover_s / 3600,
            "tick_h": TICK_S / 3600,
            "spot_usd_per_h": SPOT_USD_PER_H,
            "on_demand_usd_per_h": ON_DEMAND_USD_PER_H,
        }


def bill_usd(spot_s: int, on_demand_s: int) -> float:
    """What these paid seconds cost."""
    return (SPOT_USD_PER_H * spot_s + ON_DEMAND_USD_PER_H * on_demand_s) / 3600


class Simulation:
    """One job on one timeline, moved tick by tick by somebody else's actions.

    Attributes:
        finished_s: when the job was done, in seconds from the start; None while it is not.
        forced_s: paid seconds on demand after the last safe moment, when nobody is asked any more.
    """

    def __init__(self, job: Job, available: str) -> None:
        """Starts the clock.

        Args:
            available: one character a tick, "1" where a spot instance can be had; as many ticks as
                the job's deadline or more.
        """
        self.job = job
        self.available = available
        self.ticks = job.ticks
        self.tick = 0
        self.left_s = job.work_s
        self.instance = NONE
        self.spot_s = 0
        self.on_demand_s = 0
        self.forced_s = 0
        self.changeovers = 0
        self.finished_s: int | None = None
        self._finish_if_last_moment()

    @property
    def cost_usd(self) -> float:
        return bill_usd(self.spot_s, self.on_demand_s)

    @property
    def missed_deadline(self) -> bool:
        return self.finished_s is None or self.finished_s > self.job.deadline_s

    def observation(self) -> dict[str, float | bool | str]:
        """What a policy sees at this tick; nothing in it depends on a later one."""
        return {
            "elapsed_h": self.tick * TICK_S / 3600,
            "done_h": (self.job.work_s - self.left_s) / 3600,
            "instance": self.instance,
            "spot_available": self.available[self.tick] == "1",
        }

    def step(self, action: str) -> None:
        """Spends one tick on `action`, one of ACTIONS; SPOT where there is none counts as NONE."""
        if action == NONE or (action == SPOT and self.available[self.tick] != "1"):
            self.instance = NONE
        else:
            self._run(action, at_most_s=TICK_S)
        self.tick += 1
        if self.finished_s is None:
            if self.instance == SPOT and self.available[self.tick] != "1":
                self.instance = NONE
            self._finish_if_last_moment()

    def _run(self, instance: str, at_most_s: int) -> int:
        """Runs `instance` until the job is done, `at_most_s` at the longest; returns the time."""
        changeover_s = 0
        if instance != self.instance:
            changeover_s = self.job.changeover_s
            self.changeovers += 1
            self.instance = instance
        paid_s = min(changeover_s + self.left_s, at_most_s)
        self.left_s -= paid_s - changeover_s
        if instance == SPOT:
            self.spot_s += paid_s
        else:
            self.on_demand_s += paid_s
        if self.left_s == 0:
            self.finished_s = self.tick * TICK_S + paid_s
        return paid_s

    def _finish_if_last_moment(self) -> None:
        """Finishes on demand once waiting one more tick could miss the deadline.

        The moment has come when ceil((work left + changeover) / tick) >= ticks left. It never goes
        away again: on demand is not interrupted, and starting it takes what the rule kept free.
        """
        ticks_left = self.ticks - self.tick
        if self.left_s + self.job.changeover_s > (ticks_left - 1) * TICK_S:
            self.forced_s = self._run(ON_DEMAND, at_most_s=self.left_s + self.job.changeover_s)
