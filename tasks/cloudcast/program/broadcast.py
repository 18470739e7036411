"""Plans how data gets from one cloud region to many."""

import heapq


def broadcast(job, links):
    """Sends every partition over the cheapest path to each destination."""
    came_from = cheapest_paths(job["source"], links)
    plan = {}
    for destination in job["destinations"]:
        path = []
        region = destination
        while region != job["source"]:
            path.append([came_from[region], region])
            region = came_from[region]
        plan[destination] = [path] * job["partitions"]
    return plan


def cheapest_paths(source, links):
    """The region before each region on the cheapest path from the source, in USD per GB."""
    usd = {source: 0.0}
    came_from = {}
    done = set()
    queue = [(0.0, source)]
    while queue:
        so_far, region = heapq.heappop(queue)
        if region in done:
            continue
        done.add(region)
        for target, link in links[region].items():
            total = so_far + link["usd_per_gb"]
            if target not in done and total < usd.get(target, float("inf")):
                usd[target] = total
                came_from[target] = region
                heapq.heappush(queue, (total, target))
    return came_from
