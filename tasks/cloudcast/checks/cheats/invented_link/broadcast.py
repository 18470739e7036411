"""Uses links to a free relay that does not exist."""


def broadcast(job, links):
    return {
        d: [[[job["source"], "free:relay"], ["free:relay", d]]] * job["partitions"]
        for d in job["destinations"]
    }
