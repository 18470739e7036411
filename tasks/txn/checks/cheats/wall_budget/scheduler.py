"""Takes ten minutes of wall time for a search, as the published programs did."""

import random
import time


def ends(transactions, order):
    last_write, last_use, end = {}, {}, 0
    for index in order:
        before = 0
        for place, (kind, key) in enumerate(transactions[index], 1):
            free = (last_use if kind == "w" else last_write).get(key, 0)
            before = max(before, free - place + 1)
        for tick, (kind, key) in enumerate(transactions[index], before + 1):
            if kind == "w":
                last_write[key] = tick
            last_use[key] = max(last_use.get(key, 0), tick)
        end = max(end, before + len(transactions[index]))
    return end


def schedule(transactions):
    until = time.monotonic() + 600
    best = list(range(len(transactions)))
    while time.monotonic() < until:
        best = min(best, random.sample(best, len(best)), key=lambda one: ends(transactions, one))
    return best
