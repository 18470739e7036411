"""Uniform Progress, from "Can't Be Late" (NSDI 2024): never be behind a steady pace.

Written from the paper's description; the simulator's last safe moment is its safety net.
"""


class Policy:
    """Buys on demand only while the job is behind the straight line from start to deadline."""

    def __init__(self, job):
        self.changeovers_h = 2 * job["changeover_h"]
        self.pace = job["work_h"] / job["deadline_h"]

    def decide(self, observation):
        elapsed_h, done_h = observation["elapsed_h"], observation["done_h"]
        if observation["instance"] == "ON_DEMAND":
            # Going back to spot and returning once more costs two changeovers: be that far ahead.
            if done_h < self.pace * (elapsed_h + self.changeovers_h):
                return "ON_DEMAND"
        if observation["spot_available"]:
            return "SPOT"
        return "ON_DEMAND" if done_h < self.pace * elapsed_h else "NONE"
