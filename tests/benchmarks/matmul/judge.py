from array import array

from adrs.judging import Workload

SIDE = 32


def workloads(split, salt, source=None):
    return [Workload(f"{split}-{n}", {"n": n, "salt": salt}) for n in range(10)]


def arguments(workload, random):
    return [array("d", [byte / 64 - 2 for byte in random.randbytes(SIDE * SIDE)]) for _ in "ab"]


def reference(workload, arguments):
    a, b = arguments
    columns = [b[j::SIDE] for j in range(SIDE)]
    rows = [a[i * SIDE : (i + 1) * SIDE] for i in range(SIDE)]
    return [
        array("d", [sum(map(float.__mul__, row, column)) for row in rows for column in columns])
    ]
