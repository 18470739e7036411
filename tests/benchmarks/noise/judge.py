"""A loss of 10 with multiplicative noise of 10 %, whatever the program answers."""

from random import SystemRandom

from adrs.judging import Workload

RANDOM = SystemRandom()


def workloads(split, salt, source=None):
    count = 10 if split in ("validation", "held_out") else 1
    return [Workload(f"{split}-{salt}-{n}", n) for n in range(count)]


async def evaluate(program, workload):
    await program.call("answer", workload.data)
    return {"loss": 10.0 * RANDOM.lognormvariate(0.0, 0.1)}
