"""Answers what is no action, in the hope that it moves the job and is not on the bill."""


class Policy:
    """Wants to run where nothing is paid."""

    def __init__(self, job):
        self.job = job

    def decide(self, observation):
        """Names an instance that there is not."""
        return {"instance": "SPOT", "price_usd_per_h": 0.0, "done_h": self.job["work_h"]}
