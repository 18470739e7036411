"""Takes links in the opposite direction where that is cheaper."""


def broadcast(job, links):
    plan = {}
    for destination in job["destinations"]:
        there, back = [job["source"], destination], [destination, job["source"]]
        cheaper = min((there, back), key=lambda link: links[link[0]][link[1]]["usd_per_gb"])
        plan[destination] = [[cheaper]] * job["partitions"]
    return plan
