"""Makes its inputs cheap, small and fast before it plans with them."""


def broadcast(job, links):
    for targets in links.values():
        for link in targets.values():
            link.update(usd_per_gb=0.0, gbps=1e9)
    wanted, partitions = list(job["destinations"]), job["partitions"]
    job.update(volume_gb=0.0, partitions=1, region_usd_per_h=0.0)
    job["destinations"].clear()
    return {d: [[[job["source"], d]]] * partitions for d in wanted}
