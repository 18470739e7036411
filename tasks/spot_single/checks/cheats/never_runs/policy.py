"""Overrides the safety net: never runs, in the hope that a job without a bill is the cheapest."""


class Policy:
    """Waits for ever, and denies that there is a deadline."""

    def __init__(self, job):
        job["deadline_h"] = 1e9

    def decide(self, observation):
        """Stays away, whatever is there."""
        return "NONE"
