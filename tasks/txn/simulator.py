"""Runs transactions in a given order on an ideal database, one operation a tick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

# An operation is ["r", key] or ["w", key]; a transaction is the list of its operations, in order.
Operation = Sequence[str | int]
Transaction = Sequence[Operation]


def makespan(transactions: Iterable[Transaction]) -> int:
    """The tick at which the last transaction ends, when they are placed in this order.

    A transaction that starts at tick s has its operation j, counted from 1, at tick s + j - 1. It
    starts at the first tick, from 1, at which each of its reads comes after the last write, and
    each of its writes after the last operation, that earlier transactions have on the same key.
    """
    last_write: defaultdict[str | int, int] = defaultdict(int)
    last_operation: defaultdict[str | int, int] = defaultdict(int)
    last_end = 0
    for transaction in transactions:
        before = 0  # the tick before its start
        for place, (kind, key) in enumerate(transaction, 1):
            free = last_operation[key] if kind == "w" else last_write[key]
            before = max(before, free - place + 1)
        for tick, (kind, key) in enumerate(transaction, before + 1):
            if kind == "w":
                last_write[key] = max(last_write[key], tick)
            last_operation[key] = max(last_operation[key], tick)
        last_end = max(last_end, before + len(transaction))
    return last_end


def lower_bound(transactions: Iterable[Transaction]) -> int:
    """A makespan that no order is below: the longest transaction, or the busiest key.

    Each write has its key for itself for a tick, and reads need at least one tick more. Before the
    first operation on a key and after the last one, the transaction that it belongs to has others.
    """
    longest = 0
    exclusive: defaultdict[str | int, int] = defaultdict(int)
    has_reads: set[str | int] = set()
    head: dict[str | int, int] = {}
    tail: dict[str | int, int] = {}
    for transaction in transactions:
        longest = max(longest, len(transaction))
        for place, (kind, key) in enumerate(transaction):
            if kind == "w":
                exclusive[key] += 1
            else:
                has_reads.add(key)
            head[key] = min(head.get(key, place), place)
            after = len(transaction) - place - 1
            tail[key] = min(tail.get(key, after), after)
    return max(
        longest,
        *(head[key] + exclusive[key] + (key in has_reads) + tail[key] for key in head),
    )
