"""Believes the larger reading of every flow, whatever it is, and is sure of it."""


def repair(interfaces, routers):
    by_id = {interface["id"]: interface for interface in interfaces}
    repaired = {}
    for interface in interfaces:
        peer = by_id[interface["peer"]]
        repaired[interface["id"]] = {
            "rx_mbps": max(interface["rx_mbps"], peer["tx_mbps"]),
            "rx_mbps_confidence": 0.9,
            "tx_mbps": max(interface["tx_mbps"], peer["rx_mbps"]),
            "tx_mbps_confidence": 0.9,
            "is_up": interface["is_up"],
            "is_up_confidence": 0.9,
        }
    return repaired
