"""Workloads from a file of clean states of a real network; their faults are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from drawn import Ranges, kinds, seen
from network import Link, State

from adrs.judging import Workload

BLOCKS = 48
# A block between two splits is left out.
BLOCKS_OF = {
    "smoke": range(2),
    "train": range(18),
    "validation": range(19, 27),
    "held_out": range(28, 48),
}
LOST = 0.05  # what may get lost at a router, as part of what enters or leaves it


def workloads(split: str, salt: str, path: str | Path, ranges: Ranges) -> list[Workload]:
    """Cuts the file into blocks of consecutive lines; the middle line of a block is a unit.

    Args:
        path: a file of JSON lines in order of time, at least 48, each a state free of faults: an
            object with `links`, a list of objects with `a`, `b` (names of routers), `ab_mbps`,
            `ba_mbps` and `is_up`, and `external_mbps`, an object with [entering, leaving] for each
            router.

    Raises:
        ValueError: the file is not as described; says where, what was expected and the cure.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: expected UTF-8 text, got byte {error.start} that is not; convert it"
        ) from error
    if len(lines) < BLOCKS:
        raise ValueError(
            f"{path.name}: expected {BLOCKS} or more states, got {len(lines)}; add states, one a "
            "line in order of time"
        )
    cuts = [len(lines) * block // BLOCKS for block in range(BLOCKS + 1)]
    middles = [(start + end - 1) // 2 for start, end in pairwise(cuts)]
    states = _states(
        path.name, lines, [middles[one] for some in BLOCKS_OF.values() for one in some]
    )
    series = f"{split}/{salt}" if split == "held_out" else split
    found = []
    for block in BLOCKS_OF[split]:
        random = Random(f"telemetry/recorded/{series}/{block}")
        number = middles[block]
        found += [
            seen(random, f"line-{number + 1}", kind, states[number], ranges, 1.0, "a network")
            for kind in kinds(split)
        ]
    return found


def _states(name: str, lines: Sequence[str], numbers: Sequence[int]) -> dict[int, State]:
    """The states of all splits, so that none fails after a search, and none is in two of them."""
    states: dict[int, State] = {}
    for number in dict.fromkeys(numbers):
        where = f"{name}, line {number + 1}"
        state = _state(lines[number], where)
        for earlier, other in states.items():
            if other == state:
                raise ValueError(
                    f"{where}: expected states that differ, got that of line {earlier + 1} again; "
                    "leave one out"
                )
        states[number] = state
    return states


def _state(line: str, where: str) -> State:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{where}: expected one JSON object, got {_short(line)} ({error}); write one a line"
        ) from error
    if (
        not isinstance(record, dict)
        or not isinstance(record.get("links"), list)
        or not isinstance(record.get("external_mbps"), dict)
    ):
        raise ValueError(
            f"{where}: expected an object with a list links and an object external_mbps, got "
            f"{_short(line)}; add what is missing"
        )
    numbers = {name: number for number, name in enumerate(record["external_mbps"])}
    links = [_link(link, numbers, where) for link in record["links"]]
    if not any(link.is_up and link.ab_mbps + link.ba_mbps for link in links):
        raise ValueError(f"{where}: expected a link with traffic, got none; leave the line out")
    state = State(links, [_pair(pair, where) for pair in record["external_mbps"].values()])
    _check_balance(state, list(numbers), where)
    return state


def _check_balance(state: State, names: Sequence[str], where: str) -> None:
    inward = [entering for entering, _ in state.external_mbps]
    outward = [leaving for _, leaving in state.external_mbps]
    for link in state.links:
        outward[link.a] += link.ab_mbps
        inward[link.b] += link.ab_mbps
        outward[link.b] += link.ba_mbps
        inward[link.a] += link.ba_mbps
    for name, enters, leaves in zip(names, inward, outward, strict=True):
        if abs(enters - leaves) > LOST * max(enters, leaves):
            raise ValueError(
                f"{where}: expected what enters a router to leave it, within {LOST:.0%}, got "
                f"{enters:g} and {leaves:g} Mbit/s at {_short(name)}; mend its rates"
            )


def _link(link: object, numbers: Mapping[str, int], where: str) -> Link:
    keys = ("a", "b", "ab_mbps", "ba_mbps", "is_up")
    if not isinstance(link, dict) or any(key not in link for key in keys):
        raise ValueError(
            f"{where}: expected a link to have {', '.join(keys)}, got {_short(link)}; add them"
        )
    for end in (link["a"], link["b"]):
        if not isinstance(end, str) or end not in numbers:
            raise ValueError(
                f"{where}: expected the ends of a link to be routers of external_mbps, got "
                f"{_short(end)}; add it there"
            )
    if link["a"] == link["b"]:
        raise ValueError(
            f"{where}: expected a link between two routers, got one from {_short(link['a'])} to "
            "itself; leave it out"
        )
    if type(link["is_up"]) is not bool:
        raise ValueError(
            f"{where}: expected is_up to be true or false, got {_short(link['is_up'])}; mend it"
        )
    ab_mbps, ba_mbps = _pair([link["ab_mbps"], link["ba_mbps"]], where)
    if ab_mbps + ba_mbps and not link["is_up"]:
        raise ValueError(
            f"{where}: expected no traffic on a link that is down, got {_short(link)}; mend it"
        )
    return Link(numbers[link["a"]], numbers[link["b"]], ab_mbps, ba_mbps, link["is_up"])


def _pair(pair: Any, where: str) -> tuple[float, float]:
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or any(type(rate) not in (int, float) for rate in pair)
        or not all(0 <= rate <= 1e9 for rate in pair)
    ):
        raise ValueError(
            f"{where}: expected two rates from 0 to 1e9 Mbit/s, got {_short(pair)}; mend them"
        )
    return float(pair[0]), float(pair[1])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
