"""Counts how many policy calls a second cross the border, for lanes that wait together."""

import time

from adrs.judging import Workload, together

CALLS = 100_000


def workloads(split, salt, source=None):
    return [Workload(f"lanes-{lanes}", lanes) for lanes in (1, 4, 6, 16, 64, 256)]


async def evaluate(program, workload):
    lanes = workload.data
    policies = [await program.new("Policy") for _ in range(lanes)]
    ticks = (CALLS if lanes > 1 else CALLS // 5) // lanes
    started = time.perf_counter()
    actions = await together(*(simulate(policy, ticks) for policy in policies))
    elapsed = time.perf_counter() - started
    assert all(total == ticks for total in actions)
    return {"calls_per_s": ticks * lanes / elapsed}


async def simulate(policy, ticks):
    """A pole that falls: eight numbers of state, one number back."""
    state = [0.01, 0.0, 0.02, 0.0, 0.5, 0.25, 0.125, 1.0]
    answered = 0
    for _ in range(ticks):
        action = await policy.call("decide", state)
        force = 10.0 if action else -10.0
        state[1] += 0.02 * (force * 0.1 - state[2])
        state[0] = (state[0] + 0.02 * state[1]) % 1.0
        state[3] = (state[3] + 0.02 * force) % 1.0
        state[2] = (state[2] + 0.02 * state[3]) % 1.0
        answered += action in (0, 1)
    return answered
