"""What a broadcast costs, and how long it takes.

A job is a dict with `source`, `destinations`, `volume_gb`, `partitions`, `region_usd_per_h` and
`regions`: by name, `ingress_gbps` and `egress_gbps`. Links are dicts by source, then by target:
`usd_per_gb` and `gbps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GBIT_PER_GB = 8
Link = tuple[str, str]


@dataclass(frozen=True)
class Bill:
    """What one job came to.

    Attributes:
        transfer_s: until the slowest link has carried its last partition.
        regions_used: regions that a paid link starts or ends in.
    """

    egress_usd: float
    instances_usd: float
    transfer_s: float
    regions_used: int

    @property
    def cost_usd(self) -> float:
        return self.egress_usd + self.instances_usd


def bill(
    job: Mapping[str, Any], links: Mapping[str, Any], carried: Mapping[Link, set[int]]
) -> Bill:
    """Adds up a job.

    Args:
        carried: the partitions that each link carries; a link pays for each of them once.
    """
    partition_gb = job["volume_gb"] / job["partitions"]
    flows = _flows_gbps(job, links, carried)
    egress_usd = 0.0
    transfer_s = 0.0
    for (source, target), partitions in carried.items():
        loaded_gb = len(partitions) * partition_gb
        egress_usd += loaded_gb * links[source][target]["usd_per_gb"]
        transfer_s = max(transfer_s, loaded_gb * GBIT_PER_GB / flows[source, target])
    regions_used = len({region for link in carried for region in link})
    instances_usd = regions_used * job["region_usd_per_h"] / 3600 * transfer_s
    return Bill(egress_usd, instances_usd, transfer_s, regions_used)


def _flows_gbps(
    job: Mapping[str, Any], links: Mapping[str, Any], carried: Mapping[Link, set[int]]
) -> dict[Link, float]:
    """What each link carries at once: its throughput, unless a region at one end is the narrower.

    A region whose links could bring in (send out) more than its limit gives each the same share
    of the limit. The sums are of throughputs, so no order of regions matters.
    """
    flows = {(source, target): links[source][target]["gbps"] for source, target in carried}
    throughputs = dict(flows)
    for end, limit in ((1, "ingress_gbps"), (0, "egress_gbps")):
        at: dict[str, list[Link]] = {}
        for link in carried:
            at.setdefault(link[end], []).append(link)
        for region, sharing in at.items():
            limit_gbps = job["regions"][region][limit]
            if sum(throughputs[link] for link in sharing) > limit_gbps:
                for link in sharing:
                    flows[link] = min(flows[link], limit_gbps / len(sharing))
    return flows
