"""Draws what is to be sent from where to where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from random import Random
from typing import Any

Range = Sequence[float]

# Held-out jobs reach this far beyond the declared ranges, on both sides.
HELD_OUT_STRETCH = 1.6
_WITHIN_ONE_PROVIDER = 0.5


def between(random: Random, ends: Range, stretch: float = 1.0) -> float:
    """A number from a range, evenly on a logarithmic scale."""
    low, high = ends
    return exp(random.uniform(log(low / stretch), log(high * stretch)))


def whole_between(random: Random, ends: Range, stretch: float = 1.0) -> int:
    """The same, rounded, and at least 1."""
    return max(1, round(between(random, ends, stretch)))


def draw(
    random: Random,
    regions: Mapping[str, Mapping[str, float]],
    source: str,
    *,
    destinations: Range,
    partitions: Range,
    volume_gb: Range,
    region_usd_per_h: float,
    stretch: float,
) -> dict[str, Any]:
    """Draws a job from `source`, half the time to regions of its own provider only."""
    provider = source.partition(":")[0]
    reachable = [region for region in regions if region != source]
    if random.random() < _WITHIN_ONE_PROVIDER:
        own = [region for region in reachable if region.partition(":")[0] == provider]
        reachable = own if len(own) > 2 else reachable
    count = min(whole_between(random, destinations, stretch), len(reachable))
    return {
        "source": source,
        "destinations": random.sample(reachable, count),
        "volume_gb": round(between(random, volume_gb, stretch), 1),
        "partitions": whole_between(random, partitions, stretch),
        "region_usd_per_h": region_usd_per_h,
        "regions": regions,
    }
