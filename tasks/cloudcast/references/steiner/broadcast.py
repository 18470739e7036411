"""Cheap trees, by local search on the whole bill, then different ones for parts of the data.

Broadcast over shared trees, planned jointly for egress, machines and striping over partitions, is
the approach of Cloudcast (NSDI 2024), which solves it as an integer program. Here trees are grown
by the cheapest next path (Takahashi and Matsuyama), with a price on slowness, once for each region
as a relay that must be in. The best of them are improved by moving regions to other parents,
through new relays too, and by dropping relays. Last, parts of the data get trees of their own.
"""

import heapq

SLOWNESS_USD = 0.1  # per GB and s/Gbit, for the trees to start from
STARTS = 16
MOST_TREES = 4


def broadcast(job, links):
    """Returns a list of links for each destination and each partition."""
    search = Search(job, links)
    partitions = [job["partitions"]]
    grown = [search.grown(relay) for relay in job["regions"]]
    grown.sort(key=lambda tree: search.bill([tree], partitions))
    found = [search.improved([tree], partitions) for tree in grown[:STARTS]]
    usd, trees, counts = min(found, key=lambda one: one[0])
    while 2 * len(trees) <= min(MOST_TREES, job["partitions"]):
        halves = [part for count in counts for part in (count - count // 2, count // 2)]
        split = search.improved([dict(tree) for tree in trees for _ in "ab"], halves)
        if split[0] >= usd - 1e-9:
            break
        usd, trees, counts = split
    routes = {destination: [] for destination in job["destinations"]}
    for tree, count in zip(trees, counts):
        for destination, taken in routes.items():
            taken.extend([path(tree, destination)] * count)
    return routes


def path(tree, region):
    """The links from the source to a region; a tree has the parent of each region in it."""
    taken = []
    while region in tree:
        taken.append([tree[region], region])
        region = tree[region]
    return taken[::-1]


class Search:
    """Looks for trees whose bill is small, the bill being that of the whole job."""

    def __init__(self, job, links):
        self.source = job["source"]
        self.destinations = set(job["destinations"])
        self.regions = list(job["regions"])
        self.limits = job["regions"]
        self.partition_gb = job["volume_gb"] / job["partitions"]
        self.region_usd_per_s = job["region_usd_per_h"] / 3600
        self.links = links
        self.usd_per_gb = {
            start: {end: link["usd_per_gb"] for end, link in ends.items()}
            for start, ends in links.items()
        }

    def grown(self, relay):
        """A tree that takes in a relay, then always the destination that is cheapest to reach."""
        tree = {}
        for wanted in ({relay}, self.destinations):
            while left := wanted - tree.keys() - {self.source}:
                self.take_in(left, tree)
        return self.pruned(tree)

    def take_in(self, left, tree):
        """Adds the cheapest path from the tree to one of the regions that are left."""
        usd = dict.fromkeys([self.source, *tree], 0.0)
        parent = {}
        queue = [(0.0, region) for region in usd]
        heapq.heapify(queue)
        region = None
        while region not in left:
            so_far, region = heapq.heappop(queue)
            if so_far > usd[region]:
                continue
            for end, link in self.links[region].items():
                total = so_far + link["usd_per_gb"] + SLOWNESS_USD / link["gbps"]
                if total < usd.get(end, float("inf")):
                    usd[end] = total
                    parent[end] = region
                    heapq.heappush(queue, (total, end))
        while region in parent:
            tree[region] = parent[region]
            region = parent[region]

    def improved(self, trees, counts):
        """Takes improving moves in any of the trees until there is none."""
        usd, spare = self.bill(trees, counts)
        is_better = True
        while is_better:
            is_better = False
            for at, count in enumerate(counts):
                gb = count * self.partition_gb
                for change in self.moves(trees[at], lambda: spare / gb):
                    before = trees[at]
                    trees[at] = self.pruned({**before, **change})
                    now, machines = self.bill(trees, counts)
                    if now < usd - 1e-9:
                        usd, spare, is_better = now, machines, True
                        break
                    trees[at] = before
        return usd, trees, counts

    def moves(self, tree, worth):
        """New parents to try, as long as they cost less per GB than machines could ever save."""
        usd_per_gb = self.usd_per_gb
        for child in list(tree):
            below = self.below(tree, child)
            hosts = [one for one in (self.source, *tree) if one not in below]
            paid = usd_per_gb[tree[child]][child]
            for host in hosts:
                if usd_per_gb[host].get(child, 9e9) - paid < worth():
                    yield {child: host}
            for relay in self.regions:
                if relay in tree or relay == self.source or child not in usd_per_gb[relay]:
                    continue
                last = usd_per_gb[relay][child]
                for host in hosts:
                    if usd_per_gb[host].get(relay, 9e9) + last - paid < worth():
                        yield {relay: host, child: relay}
        for relay in tree:
            if relay not in self.destinations:
                change = self.without(tree, relay)
                if change:
                    yield change

    def without(self, tree, relay):
        """The cheapest new parents for what hangs below a relay, one after the other."""
        change = {}
        for child in [one for one, parent in tree.items() if parent == relay]:
            below = self.below({**tree, **change}, child)
            hosts = [
                host
                for host in (self.source, *tree)
                if host != relay and host not in below and child in self.usd_per_gb[host]
            ]
            if not hosts:
                return {}
            change[child] = min(hosts, key=lambda host: self.usd_per_gb[host][child])
        return change

    def below(self, tree, top):
        """A region and all that is reached through it."""
        return {one for one in tree if one == top or self.passes(tree, one, top)}

    def passes(self, tree, region, top):
        while region in tree and region != top:
            region = tree[region]
        return region == top

    def pruned(self, tree):
        """The tree without relays that lead nowhere."""
        kept = {}
        for region in self.destinations:
            while region in tree and region not in kept:
                kept[region] = tree[region]
                region = tree[region]
        return {region: kept[region] for region in sorted(kept)}

    def bill(self, trees, counts):
        """What the job costs, and how much of it is for machines."""
        loads = {}
        for tree, count in zip(trees, counts):
            for end, start in tree.items():
                loads[start, end] = loads.get((start, end), 0) + count
        into, out = {}, {}
        egress_usd = 0.0
        for (start, end), load in loads.items():
            link = self.links[start][end]
            egress_usd += load * link["usd_per_gb"]
            out.setdefault(start, []).append(link["gbps"])
            into.setdefault(end, []).append(link["gbps"])
        slowest = 0.0
        for (start, end), load in loads.items():
            gbps = self.links[start][end]["gbps"]
            limit = self.limits[end]["ingress_gbps"]
            if sum(into[end]) > limit:
                gbps = min(gbps, limit / len(into[end]))
            limit = self.limits[start]["egress_gbps"]
            if sum(out[start]) > limit:
                gbps = min(gbps, limit / len(out[start]))
            slowest = max(slowest, load / gbps)
        used = len(out.keys() | into.keys())
        machines_usd = used * self.region_usd_per_s * slowest * self.partition_gb * 8
        return egress_usd * self.partition_gb + machines_usd, machines_usd
