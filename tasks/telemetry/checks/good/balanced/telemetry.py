"""Where two ends of a link differ, believes the router whose own counters balance better."""

AGREE = 0.05


def repair(interfaces, routers):
    by_id = {interface["id"]: interface for interface in interfaces}
    imbalance = imbalances(interfaces, routers)
    repaired = {}
    for interface in interfaces:
        peer = by_id[interface["peer"]]
        off = imbalance[interface["router"]], imbalance[peer["router"]]
        rx, rx_confidence = settle(interface["rx_mbps"], peer["tx_mbps"], *off)
        tx, tx_confidence = settle(interface["tx_mbps"], peer["rx_mbps"], *off)
        agree = interface["is_up"] == peer["is_up"]
        repaired[interface["id"]] = {
            "rx_mbps": rx,
            "rx_mbps_confidence": rx_confidence,
            "tx_mbps": tx,
            "tx_mbps_confidence": tx_confidence,
            "is_up": interface["is_up"] if agree else rx + tx > 0,
            "is_up_confidence": 0.99 if agree else 0.9,
        }
    return repaired


def imbalances(interfaces, routers):
    """For each router by how much in and out differ, relative to the larger."""
    inward = {router["id"]: router["rx_mbps"] for router in routers}
    outward = {router["id"]: router["tx_mbps"] for router in routers}
    for interface in interfaces:
        inward[interface["router"]] += interface["rx_mbps"]
        outward[interface["router"]] += interface["tx_mbps"]
    return {
        router: abs(inward[router] - outward[router]) / max(inward[router], outward[router], 1)
        for router in inward
    }


def settle(here, there, here_off, there_off):
    if abs(here - there) <= AGREE * max(here, there):
        return (here + there) / 2, 0.97
    if min(here, there) == 0:
        return max(here, there), 0.95
    return (here, 0.6) if here_off < there_off else (there, 0.6)
