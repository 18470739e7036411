"""Delivers to the cheapest destination only, as if no other had been asked for."""


def broadcast(job, links):
    first = min(job["destinations"], key=lambda d: links[job["source"]][d]["usd_per_gb"])
    return {first: [[[job["source"], first]]] * job["partitions"]}
