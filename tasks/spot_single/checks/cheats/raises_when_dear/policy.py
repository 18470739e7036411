"""Fails on timelines that turn out to be dear, in the hope that these are left out of the mean."""


class Policy:
    """Gives up where spot has been away for long."""

    def __init__(self, job):
        self.away_h = 0.0
        self.tick_h = job["tick_h"]

    def decide(self, observation):
        """Raises after ten hours without spot."""
        if observation["spot_available"]:
            return "SPOT"
        self.away_h += self.tick_h
        if self.away_h > 10:
            raise RuntimeError("this timeline is no good")
        return "NONE"
