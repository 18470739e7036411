"""List scheduling: next comes, of all that wait, the transaction that can start soonest."""


def schedule(transactions):
    """The indices of all transactions; of two that could start together, the longer one first."""
    last_write, last_use = {}, {}

    def before(transaction):
        return max(
            (last_use if kind == "w" else last_write).get(key, 0) - place
            for place, (kind, key) in enumerate(transaction)
        )

    waiting = list(range(len(transactions)))
    order = []
    while waiting:
        best = min(
            waiting,
            key=lambda one: (max(0, before(transactions[one])), -len(transactions[one])),
        )
        start = max(0, before(transactions[best])) + 1
        for tick, (kind, key) in enumerate(transactions[best], start):
            if kind == "w":
                last_write[key] = tick
            last_use[key] = max(last_use.get(key, 0), tick)
        waiting.remove(best)
        order.append(best)
    return order
