"""Lets paths share links: each destination is reached from what was reached before."""

import heapq


def broadcast(job, links):
    """Takes in the destination that is nearest in price, until none is left."""
    came_from = {}
    left = list(job["destinations"])
    while left:
        path = nearest([job["source"], *came_from], left, links)
        came_from.update({end: start for start, end in path})
        left = [destination for destination in left if destination not in came_from]
    plan = {}
    for destination in job["destinations"]:
        path = []
        region = destination
        while region != job["source"]:
            path.append([came_from[region], region])
            region = came_from[region]
        plan[destination] = [path] * job["partitions"]
    return plan


def nearest(reached, left, links):
    """The cheapest path from any region that is reached to any destination that is left."""
    usd = dict.fromkeys(reached, 0.0)
    before = {}
    queue = [(0.0, region) for region in reached]
    while True:
        so_far, region = heapq.heappop(queue)
        if region in left:
            break
        if so_far > usd[region]:
            continue
        for target, link in links[region].items():
            total = so_far + link["usd_per_gb"]
            if total < usd.get(target, float("inf")):
                usd[target] = total
                before[target] = region
                heapq.heappush(queue, (total, target))
    path = []
    while region in before:
        path.append([before[region], region])
        region = before[region]
    return path
