"""Workloads read from a file, each with the split that it serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulator import Transaction

from adrs.judging import Workload

SPLITS = ("train", "validation", "held_out")
SMOKE = 3  # the first so many of train
LEAST_HELD_OUT = 8  # a verdict needs so many
KEYS = ("name", "split", "transactions")
MOST_TRANSACTIONS = 300  # for more long ones the seed needs all its CPU seconds
MOST_OPERATIONS = 100  # of a transaction


def recorded(split: str, path: str | Path) -> list[Workload]:
    """The workloads of a split, in the order of the file; none if none is of that split.

    Args:
        path: a JSON file: a list of objects with `name`, `split` and `transactions`. These are a
            list, or an object whose values count, in their order. A transaction is a string of
            operations with a space between each two, or a list of them: "r-KEY", "w-KEY", or "*"
            for a tick of work without a key.

    Raises:
        ValueError: the file is not as described; says where, what was expected and the cure.
    """
    path = Path(path)
    workloads: dict[str, list[Workload]] = {one: [] for one in SPLITS}
    names: set[str] = set()
    seen: dict[tuple[tuple[str, ...], ...], str] = {}
    for number, record in enumerate(_records(path), 1):
        where = f"{path.name}, workload {number}"
        name, serves, transactions = _workload(record, where)
        if name in names:
            raise ValueError(f"{where}: expected names that differ, got {name!r} again; rename it")
        names.add(name)
        unordered = tuple(sorted(transactions))
        if unordered in seen:
            raise ValueError(
                f"{where}: expected workloads that differ, got the transactions of "
                f"{seen[unordered]!r} again; leave one out"
            )
        seen[unordered] = name
        title = f"{name}-{len(transactions)}-recorded"
        workloads[serves].append(Workload(title, _numbered(transactions)))
    if not workloads["train"]:
        raise ValueError(
            f'{path.name}: expected one or more workloads of split "train", got none; add them'
        )
    if 0 < len(workloads["held_out"]) < LEAST_HELD_OUT:
        raise ValueError(
            f'{path.name}: expected {LEAST_HELD_OUT} or more workloads of split "held_out", or '
            f"none, got {len(workloads['held_out'])}; add some, or leave them out to have them "
            "drawn"
        )
    return workloads["train"][:SMOKE] if split == "smoke" else workloads[split]


def _records(path: Path) -> list[Any]:
    try:
        records = json.loads(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: expected UTF-8 text, got byte {error.start} that is not; "
            "convert the file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name}: expected a list of workloads in JSON, got what is none ({error}); "
            "mend it there"
        ) from error
    if not isinstance(records, list):
        raise ValueError(
            f"{path.name}: expected a list of workloads, got {_short(records)}; put them into one"
        )
    return records


def _workload(record: object, where: str) -> tuple[str, str, list[tuple[str, ...]]]:
    if not isinstance(record, dict) or set(record) != set(KEYS):
        raise ValueError(
            f"{where}: expected an object with {', '.join(KEYS)} and nothing else, got "
            f"{_short(record)}; add or remove keys"
        )
    name, split, transactions = (record[key] for key in KEYS)
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 60:
        raise ValueError(
            f"{where}: expected name to be a word of up to 60 letters, digits and underscores, got "
            f"{_short(name)}; rename it"
        )
    if split not in SPLITS:
        raise ValueError(
            f"{where}: expected split to be one of {', '.join(SPLITS)}, got {_short(split)}; "
            "name one"
        )
    if isinstance(transactions, dict):
        transactions = list(transactions.values())
    if not isinstance(transactions, list) or not 2 <= len(transactions) <= MOST_TRANSACTIONS:
        raise ValueError(
            f"{where}: expected 2 to {MOST_TRANSACTIONS} transactions, got {_short(transactions)}; "
            "cut it up, or leave it out"
        )
    return name, split, [_operations(one, where) for one in transactions]


def _operations(transaction: object, where: str) -> tuple[str, ...]:
    operations = transaction.split() if isinstance(transaction, str) else transaction
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST_OPERATIONS:
        raise ValueError(
            f"{where}: expected a transaction of 1 to {MOST_OPERATIONS} operations, got "
            f"{_short(transaction)}; cut it up, or leave it out"
        )
    for operation in operations:
        if not isinstance(operation, str) or not (
            operation == "*" or (operation[:2] in ("r-", "w-") and len(operation) > 2)
        ):
            raise ValueError(
                f'{where}: expected an operation to be "r-KEY", "w-KEY" or "*", got '
                f"{_short(operation)}; write it so"
            )
    return tuple(operations)


def _numbered(transactions: list[tuple[str, ...]]) -> list[Transaction]:
    """With numbers for keys; work without a key reads one that nobody else uses."""
    numbers: dict[object, int] = {}
    return [
        [
            [
                "w" if operation.startswith("w") else "r",
                numbers.setdefault(
                    (row, place) if operation == "*" else operation[2:], len(numbers)
                ),
            ]
            for place, operation in enumerate(operations)
        ]
        for row, operations in enumerate(transactions)
    ]


def _short(value: object) -> str:
    if isinstance(value, list | dict):
        return f"a {type(value).__name__} of length {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
