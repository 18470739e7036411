"""The published baseline: believes what it is shown, half sure of everything."""


def repair(interfaces, routers):
    return {
        interface["id"]: {
            "rx_mbps": interface["rx_mbps"],
            "rx_mbps_confidence": 0.5,
            "tx_mbps": interface["tx_mbps"],
            "tx_mbps_confidence": 0.5,
            "is_up": interface["is_up"],
            "is_up_confidence": 0.5,
        }
        for interface in interfaces
    }
