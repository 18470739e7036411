"""Where a job runs next: on a spot instance, on demand, or nowhere."""


class Policy:
    """Keeps to a steady pace, and buys on demand only for what it is behind."""

    def __init__(self, job):
        self.pace = job["work_h"] / job["deadline_h"]

    def decide(self, observation):
        """Returns "SPOT", "ON_DEMAND" or "NONE" for the tick that begins now."""
        if observation["spot_available"]:
            return "SPOT"
        behind = observation["done_h"] < self.pace * observation["elapsed_h"]
        return "ON_DEMAND" if behind else "NONE"
