"""Right in total, wrong in parts: each destination gets the routes of the next."""


def broadcast(job, links):
    wanted = job["destinations"]
    plan = {}
    for destination, other in zip(wanted, [*wanted[1:], wanted[0]], strict=True):
        plan[destination] = [[[job["source"], other]]] * job["partitions"]
    return plan
