"""Pushes against the fall."""


class Policy:
    def decide(self, state):
        return 1 if state[2] + state[3] > 0.5 else 0
