"""Workloads that are drawn: networks, demands and faults from a series and a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from random import Random

from faults import KINDS, MIXED, Conditions, observed
from network import State, Topology, abilene, leaf_spine, loaded, ring, waxman

from adrs.judging import Workload

UNITS = {"smoke": 2, "train": 24, "validation": 16, "held_out": 24}
STRETCH = 1.25  # how far held-out conditions may lie outside the declared ranges
Range = Sequence[float]


@dataclass(frozen=True)
class Ranges:
    """Lowest and highest values of what is drawn for a unit; see `loaded` and `Conditions`."""

    edge_mbps: Range
    skew: Range
    down: Range
    faulty: Range
    noise: Range
    wrong_status: Range


def workloads(split: str, salt: str, ranges: Ranges) -> list[Workload]:
    """Draws a split: in each unit one network under each kind of fault, with demands of its own."""
    series = f"{split}/{salt}" if split == "held_out" else split
    found = []
    for number in range(UNITS[split]):
        random = Random(f"telemetry/{series}/{number}")
        topology = _topology(random, split, number)
        stretch = STRETCH if split == "held_out" else 1.0
        low, high = (log(end) for end in ranges.edge_mbps)
        for kind in kinds(split):
            state = loaded(
                random,
                topology,
                edge_mbps=exp(random.uniform(low - log(stretch), high + log(stretch))),
                skew=between(random, ranges.skew, stretch),
                down=between(random, ranges.down, stretch),
            )
            found.append(seen(random, f"{split}-{number:02d}", kind, state, ranges, stretch))
    return found


def kinds(split: str) -> tuple[str, ...]:
    """The published kinds of fault; their mixture only where a program is judged, not made."""
    return (*KINDS, MIXED) if split in ("validation", "held_out") else KINDS


def seen(
    random: Random,
    unit: str,
    kind: str,
    state: State,
    ranges: Ranges,
    stretch: float,
    shares: str = "",
) -> Workload:
    """The workload of one state under one kind of fault."""
    conditions = Conditions(
        kind,
        faulty=between(random, ranges.faulty, stretch),
        noise=between(random, ranges.noise, stretch),
        wrong_status=between(random, ranges.wrong_status, stretch),
    )
    data = observed(random, state, conditions)
    return Workload(f"{unit}-{kind}", data, unit=unit, shares=shares)


def between(random: Random, ends: Range, stretch: float) -> float:
    low, high = ends
    return random.uniform(low / stretch, high * stretch)


def _topology(random: Random, split: str, number: int) -> Topology:
    if split in ("smoke", "train"):
        return abilene()
    if split == "validation":
        draw, most = (ring, waxman)[number % 2], 20
    else:
        draw, most = (ring, waxman, leaf_spine)[number % 3], 40
    return draw(random, random.randint(8, most))
