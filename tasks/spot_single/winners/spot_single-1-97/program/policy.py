"""Where a job runs next: on a spot instance, on demand, or nowhere."""


class Policy:
    """Takes spot whenever it is there, and waits when it is not.

    The deadline is left to the simulator, which finishes on demand when it must.
    """

    def __init__(self, job):
        self.job = job

    def decide(self, observation):
        """Returns "SPOT", "ON_DEMAND" or "NONE" for the tick that begins now."""
        if observation["spot_available"] or observation["elapsed_h"] < 1.31 * self.job["tick_h"]:
            return "SPOT"
        return "ON_DEMAND"
