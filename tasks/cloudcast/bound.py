"""What no plan for a broadcast can do without, known to the judge only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transfer import GBIT_PER_GB


def least_cost_usd(job: Mapping[str, Any], links: Mapping[str, Any]) -> float:
    """A lower bound on the cost of a job.

    Every partition needs a tree, so egress is at least that of the cheapest tree. All data leaves
    the source and enters each destination, none of which is faster than its limit.
    """
    volume_gb, regions = job["volume_gb"], job["regions"]
    tree_usd_per_gb = _least_tree(job["source"], job["destinations"], links)
    narrowest_gbps = min(
        regions[job["source"]]["egress_gbps"],
        *(regions[destination]["ingress_gbps"] for destination in job["destinations"]),
    )
    shortest_s = volume_gb * GBIT_PER_GB / narrowest_gbps
    ends = 1 + len(job["destinations"])
    return float(volume_gb * tree_usd_per_gb + ends * job["region_usd_per_h"] / 3600 * shortest_s)


def _least_tree(source: str, destinations: Sequence[str], links: Mapping[str, Any]) -> float:
    """A lower bound on the USD per GB of a tree from source to destinations, by dual ascent.

    The regions that can reach a destination over links paid for already are a cut around it: any
    tree must buy a link into that cut. So the cheapest such link is paid, all others become
    cheaper by as much, and the cut grows, until every cut holds the source.
    """
    left: dict[str, dict[str, float]] = {}  # by target, then by source: what is still to be paid
    for start, targets in links.items():
        for end, link in targets.items():
            left.setdefault(end, {})[start] = link["usd_per_gb"]
    bound = 0.0
    waiting = list(destinations)
    while waiting:
        # The smallest cut first, which keeps the bound close.
        cuts = [_cut(destination, left) for destination in waiting]
        open_cuts = [(len(cut), at) for at, cut in enumerate(cuts) if source not in cut]
        waiting = [waiting[at] for _, at in open_cuts]
        if not open_cuts:
            break
        cut = cuts[min(open_cuts)[1]]
        into = [(left[end], start) for end in cut for start in left[end] if start not in cut]
        step = min(prices[start] for prices, start in into)
        bound += step
        for prices, start in into:
            prices[start] -= step
    return bound


def _cut(destination: str, left: Mapping[str, Mapping[str, float]]) -> dict[str, None]:
    """The regions from which a destination is reached over links with nothing left to pay."""
    cut = {destination: None}
    queue = [destination]
    for end in queue:
        for start, price in left.get(end, {}).items():
            if price <= 1e-12 and start not in cut:
                cut[start] = None
                queue.append(start)
    return cut
