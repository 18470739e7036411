"""Measures how soon clients are served after an outage, with a rule for waiting between retries.

This file runs in a sandbox of its own, and the program in another. It may import the standard
library, `adrs.judging` and other files of this folder. The clock, the chance and the state of the
simulation are here: the program is asked for decisions, and nothing that it says is believed.
"""

from heapq import heapify, heappop, heappush
from random import Random

from adrs.judging import Invalid, Workload

# CHANGE: how many of each. Winners need 8 held-out ones; 20 and more find smaller improvements.
COUNTS = {"smoke": 2, "train": 8, "validation": 8, "held_out": 24}

ATTEMPTS = 12
LEAST_S, MOST_S = 0.1, 600.0
SLOT_S = 0.1


def workloads(split, salt, source=None, *, clients, outage_s, capacity_per_s):
    """CHANGE: what differs from case to case in reality. All chance comes from split and salt.

    The salt is drawn after the best program was frozen, so that nobody has seen what is held out.
    """
    series = f"{split}/{salt}" if split == "held_out" else split
    found = []
    for number in range(COUNTS[split]):
        random = Random(f"{series}/{number}")
        outage = {
            "clients": round(random.uniform(*clients)),
            "outage_s": random.uniform(*outage_s),
            "capacity_per_s": random.uniform(*capacity_per_s),
            "seed": random.getrandbits(32),
        }
        found.append(Workload(f"{split}-{number}", outage))
    return found


async def evaluate(program, workload):
    """CHANGE: ask the program, refuse what is no answer, and work out the metrics of task.toml."""
    waits_s = await program.call("waits_s", ATTEMPTS, limit_s=5)
    if type(waits_s) is not list or len(waits_s) != ATTEMPTS:
        raise Invalid(f"waits_s({ATTEMPTS}) must return a list of {ATTEMPTS} numbers")
    for wait_s in waits_s:
        # Exact types: True is an int in Python, and an answer is anything that JSON can carry.
        if type(wait_s) not in (int, float) or not LEAST_S <= wait_s <= MOST_S:
            raise Invalid(f"a wait is a number from {LEAST_S} to {MOST_S}, not {wait_s!r:.40}")
    return simulate(workload.data, waits_s)


def simulate(outage, waits_s):
    """The means over all clients."""
    random = Random(outage["seed"])
    over_s = outage["outage_s"]
    coming = [(random.uniform(0, over_s), 0) for _ in range(outage["clients"])]
    heapify(coming)
    capacity = max(1, round(outage["capacity_per_s"] * SLOT_S))
    total_s, requests = 0.0, 0
    while coming:
        end = (int(coming[0][0] / SLOT_S) + 1) * SLOT_S
        arrived = []
        while coming and (coming[0][0] < end or not arrived):
            arrived.append(heappop(coming))
        requests += len(arrived)
        served = 0
        if end > over_s:
            served = max(1, capacity * capacity // max(capacity, len(arrived)))
        for now_s, _ in arrived[:served]:
            total_s += max(0.0, now_s - over_s)
        for now_s, failed in arrived[served:]:
            again_s = now_s + waits_s[min(failed, ATTEMPTS - 1)] * random.uniform(0.5, 1.5)
            if again_s >= over_s + MOST_S:
                total_s += MOST_S
            else:
                heappush(coming, (again_s, failed + 1))
    return {"late_s": total_s / outage["clients"], "requests": requests / outage["clients"]}
