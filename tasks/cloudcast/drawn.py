"""Draws clouds that do not exist, and broadcasts in them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import jobs
from bound import least_cost_usd

from adrs.judging import Workload

UNITS = {"smoke": 3, "train": 24, "validation": 24, "held_out": 32}

_VMS = 2  # in each region; limits and throughputs below are of one
_CONTINENTS = ("america", "europe", "asia", "south", "gulf", "oceania")
_CHEAP = 2  # on the first of these, traffic is cheap
_SLOW_LINKS = 0.015


@dataclass(frozen=True)
class _Provider:
    """Prices in USD per GB, rates in Gbit/s of one virtual machine.

    Attributes:
        near_usd: to another of its regions on the same continent.
        far_usd: to its regions elsewhere.
        out_usd: to other providers.
        is_flat: whether traffic between its own regions is free of their surcharges.
    """

    name: str
    near_usd: float
    far_usd: float
    out_usd: float
    gbps: float
    ingress_gbps: float
    egress_gbps: float
    is_flat: bool


@dataclass(frozen=True)
class _Region:
    """A provider's presence somewhere; `surcharge_usd` is what traffic from here costs more."""

    name: str
    provider: _Provider
    continent: str
    surcharge_usd: float


def drawn(
    split: str,
    salt: str,
    *,
    providers: jobs.Range,
    regions: jobs.Range,
    destinations: jobs.Range,
    partitions: jobs.Range,
    volume_gb: jobs.Range,
    region_usd_per_h: jobs.Range,
) -> list[Workload]:
    """Draws a split: each unit is one broadcast in a cloud of its own.

    Args:
        salt: makes another set of "held_out"; the other splits are always the same.
        providers: fewest and most providers of a cloud; the other ranges are alike.
        region_usd_per_h: price of all machines of a region.
    """
    is_held_out = split == "held_out"
    series = f"{split}/{salt}" if is_held_out else split
    stretch = jobs.HELD_OUT_STRETCH if is_held_out else 1.0
    workloads = []
    for number in range(UNITS[split]):
        random = Random(f"cloudcast/{series}/{number}")
        cloud = _regions(
            random,
            jobs.whole_between(random, regions, stretch),
            jobs.whole_between(random, providers, stretch),
            is_even=not is_held_out,
        )
        job = jobs.draw(
            random,
            {region.name: _limits(region.provider) for region in cloud},
            random.choice(cloud).name,
            destinations=destinations,
            partitions=partitions,
            volume_gb=volume_gb,
            region_usd_per_h=round(jobs.between(random, region_usd_per_h, stretch), 2),
            stretch=stretch,
        )
        links = {
            start.name: {end.name: _link(random, start, end) for end in cloud if end is not start}
            for start in cloud
        }
        data = {"job": job, "links": links, "bound_usd": least_cost_usd(job, links)}
        workloads.append(Workload(f"{split}-{number:02d}", data))
    return workloads


def _regions(random: Random, count: int, providers: int, *, is_even: bool) -> list[_Region]:
    """Regions of several providers: as many of each, or some much larger than others."""
    companies = [_provider(random, f"cloud{number}") for number in range(1, providers + 1)]
    sizes = [1.0 if is_even else random.uniform(0.1, 1.0) for _ in companies]
    found = []
    for number in range(count):
        provider = random.choices(companies, sizes)[0]
        at = random.choices(range(len(_CONTINENTS)), (6, 6, 6, 2, 2, 2))[0]
        surcharge_usd = 0.0 if at < _CHEAP else random.uniform(0.02, 0.12)
        name = f"{provider.name}:{_CONTINENTS[at]}-{number}"
        found.append(_Region(name, provider, _CONTINENTS[at], surcharge_usd))
    return found


def _provider(random: Random, name: str) -> _Provider:
    return _Provider(
        name,
        near_usd=random.choice((0.01, 0.02, 0.02)),
        far_usd=random.choice((0.02, 0.05, 0.08)),
        out_usd=random.choice((0.0875, 0.09, 0.12)),
        gbps=jobs.between(random, (5.0, 25.0)),
        ingress_gbps=random.choice((10.0, 16.0)),
        egress_gbps=random.choice((5.0, 7.0, 16.0)),
        is_flat=random.random() < 0.5,
    )


def _limits(provider: _Provider) -> dict[str, float]:
    return {
        "ingress_gbps": _VMS * provider.ingress_gbps,
        "egress_gbps": _VMS * provider.egress_gbps,
    }


def _link(random: Random, start: _Region, end: _Region) -> dict[str, Any]:
    is_near = start.continent == end.continent
    provider = start.provider
    if end.provider is not provider:
        usd = provider.out_usd + 0.6 * start.surcharge_usd
    else:
        usd = provider.near_usd if is_near else provider.far_usd
        usd += 0.0 if provider.is_flat else start.surcharge_usd
    gbps = min(provider.gbps, end.provider.gbps) * random.lognormvariate(0.0, 0.1)
    if not is_near:
        gbps *= random.uniform(0.4, 0.9)
    if random.random() < _SLOW_LINKS:
        gbps *= random.uniform(0.05, 0.3)
    return {"usd_per_gb": round(usd, 4), "gbps": round(_VMS * gbps, 3)}
