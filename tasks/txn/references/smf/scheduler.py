"""Shortest Makespan First, from "Towards Optimal Transaction Scheduling" (VLDB 2024).

Written from the paper's description: of a few transactions drawn at random from those that wait,
next comes the one after which the batch so far ends soonest.
"""

from random import Random

CANDIDATES = 10


class Timeline:
    """When each key was last written and last used, and when the last transaction ends."""

    def __init__(self):
        self.last_write = {}
        self.last_use = {}
        self.end = 0

    def before(self, transaction):
        """The tick before the one at which the transaction would start."""
        before = 0
        for place, (kind, key) in enumerate(transaction, 1):
            free = (self.last_use if kind == "w" else self.last_write).get(key, 0)
            before = max(before, free - place + 1)
        return before

    def end_with(self, transaction):
        """When the batch would end if the transaction came next."""
        return max(self.end, self.before(transaction) + len(transaction))

    def append(self, transaction):
        self.end = self.end_with(transaction)
        for tick, (kind, key) in enumerate(transaction, self.before(transaction) + 1):
            if kind == "w":
                self.last_write[key] = tick
            self.last_use[key] = max(self.last_use.get(key, 0), tick)


def schedule(transactions):
    """The indices of all transactions, in the order in which they are to run."""
    random = Random(0)
    timeline = Timeline()
    waiting = list(range(len(transactions)))
    order = []
    while waiting:
        count = min(CANDIDATES, len(waiting)) if order else 1  # the first one is anyone
        best = min(
            random.sample(waiting, count), key=lambda one: timeline.end_with(transactions[one])
        )
        timeline.append(transactions[best])
        waiting.remove(best)
        order.append(best)
    return order
