"""Where a job runs next: on a spot instance, on demand, or nowhere."""


class Policy:
    """Takes spot at every other tick only, and pays for every start."""

    def __init__(self, job):
        self.tick_h = job["tick_h"]

    def decide(self, observation):
        """Returns "SPOT", "ON_DEMAND" or "NONE" for the tick that begins now."""
        tick = round(observation["elapsed_h"] / self.tick_h)
        return "SPOT" if observation["spot_available"] and tick % 2 else "NONE"
