"""Sends each partition to each destination through a relay of its own."""


def broadcast(job, links):
    """Goes round the relays, so that links are shared as little as can be."""
    plan = {}
    for at, destination in enumerate(job["destinations"]):
        relays = [one for one in links if one not in (job["source"], destination)]
        plan[destination] = []
        for partition in range(job["partitions"]):
            relay = relays[(7 * at + partition) % len(relays)]
            plan[destination].append([[job["source"], relay], [relay, destination]])
    return plan
