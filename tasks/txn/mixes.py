"""Draws the transactions of a workload: the published shapes, and mixes like known benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import accumulate
from random import Random

from simulator import Transaction

# An operation before its key has a number: "r" or "w", and what it is done to.
Access = tuple[str, Hashable]


class Zipf:
    """Ranks from 0, of which rank i is drawn with a chance in proportion to 1 / (i + 1) ** skew."""

    def __init__(self, count: int, skew: float) -> None:
        self._ranks = range(count)
        self._sums = list(accumulate((rank + 1) ** -skew for rank in self._ranks))

    def draw(self, random: Random, count: int) -> list[int]:
        """So many different ranks, in the order in which they were first drawn."""
        drawn: dict[int, None] = {}
        while len(drawn) < count:
            drawn[random.choices(self._ranks, cum_weights=self._sums)[0]] = None
        return list(drawn)


def wide(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """The first published shape: 16 operations on 165 keys."""
    return _operations(random, count, Zipf(165, skew), 16, write_share)


def mixed(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """The second published shape: 5 to 21 operations on 41 keys, first reads, then writes.

    A transaction writes so large a share of the keys that it has read.
    """
    keys = Zipf(41, skew)
    transactions = []
    for _ in range(count):
        length = random.randint(5, 21)
        read = keys.draw(random, round(length / (1 + write_share)))
        written = random.sample(read, length - len(read))
        accesses: list[Access] = [("r", key) for key in read]
        transactions.append(accesses + [("w", key) for key in written])
    return transactions


def hot(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """The third published shape: 9 operations on 10 keys, one of them a write of a hot key."""
    written_keys = Zipf(10, 2 + skew)
    transactions = []
    for _ in range(count):
        (written,) = written_keys.draw(random, 1)
        read = random.sample([key for key in range(10) if key != written], 8)
        accesses: list[Access] = [("r", key) for key in read]
        accesses.insert(random.randrange(9), ("w", written))
        transactions.append(accesses)
    return transactions


def ycsb(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """Like YCSB: reads and updates of single records, of which few are popular."""
    length = random.randint(4, 20)
    keys = Zipf(random.randint(50, 400), skew)
    return _operations(random, count, keys, length, write_share)


def _operations(
    random: Random, count: int, keys: Zipf, length: int, write_share: float
) -> list[list[Access]]:
    return [
        [("w" if random.random() < write_share else "r", key) for key in keys.draw(random, length)]
        for _ in range(count)
    ]


def smallbank(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """Like SmallBank: short transactions on the checking and savings accounts of customers.

    Such a share of them change a balance, by five kinds of transaction in the usual proportions.
    """
    customers = Zipf(random.randint(6, 24), skew)
    transactions = []
    for _ in range(count):
        one, other = customers.draw(random, 2)
        kind = "balance"
        if random.random() < write_share:
            (kind,) = random.choices(list(_SMALLBANK_WRITES), list(_SMALLBANK_WRITES.values()))
        accesses: list[Access] = [("r", ("customer", one))]
        if kind in ("send_payment", "amalgamate"):
            accesses.append(("r", ("customer", other)))
        if kind in ("balance", "write_check", "transact_savings", "amalgamate"):
            accesses.append(("r", ("savings", one)))
        if kind in ("transact_savings", "amalgamate"):
            accesses.append(("w", ("savings", one)))
        if kind in ("balance", "write_check", "deposit_checking", "send_payment", "amalgamate"):
            accesses.append(("r", ("checking", one)))
        if kind in ("write_check", "deposit_checking", "send_payment", "amalgamate"):
            accesses.append(("w", ("checking", one)))
        if kind in ("send_payment", "amalgamate"):
            accesses += [("r", ("checking", other)), ("w", ("checking", other))]
        transactions.append(accesses)
    return transactions


_SMALLBANK_WRITES = {
    "send_payment": 25,
    "amalgamate": 15,
    "deposit_checking": 15,
    "transact_savings": 15,
    "write_check": 15,
}


def tpcc(random: Random, count: int, skew: float, write_share: float) -> list[list[Access]]:
    """Like TPC-C, with fewer items: orders and payments at few warehouses of ten districts.

    Such a share of the transactions are new orders and payments, about as many of each; the others
    look up stocks and customers.
    """
    warehouses = random.randint(1, 3)
    items = Zipf(100, skew)
    customers = Zipf(30, skew)
    transactions = []
    for number in range(count):
        warehouse = ("warehouse", random.randrange(warehouses))
        district = ("district", warehouse, random.randrange(10))
        (rank,) = customers.draw(random, 1)
        customer = ("customer", district, rank)
        stocks = [("stock", warehouse, item) for item in items.draw(random, random.randint(3, 8))]
        accesses: list[Access]
        if random.random() >= write_share:
            accesses = [("r", district), ("r", customer), *(("r", stock) for stock in stocks)]
        elif random.random() < 0.5:
            accesses = [("r", warehouse), ("r", district), ("w", district), ("r", customer)]
            for stock in stocks:
                accesses += [("r", stock), ("w", stock)]
            accesses.append(("w", ("order", number)))
        else:
            accesses = [
                (kind, record) for record in (warehouse, district, customer) for kind in "rw"
            ]
        transactions.append(accesses)
    return transactions


MIXES: dict[str, Callable[[Random, int, float, float], list[list[Access]]]] = {
    mix.__name__: mix for mix in (wide, mixed, hot, ycsb, smallbank, tpcc)
}


def numbered(random: Random, transactions: list[list[Access]]) -> list[Transaction]:
    """The transactions with numbers for keys, from 0, that tell nothing about them."""
    keys = list(dict.fromkeys(key for accesses in transactions for _, key in accesses))
    numbers = list(range(len(keys)))
    random.shuffle(numbers)
    number_of = dict(zip(keys, numbers, strict=True))
    return [[[kind, number_of[key]] for kind, key in accesses] for accesses in transactions]
