"""Says that nothing is known: no traffic, no link up, no confidence."""


def repair(interfaces, routers):
    return {
        interface["id"]: {
            "rx_mbps": 0,
            "rx_mbps_confidence": 0,
            "tx_mbps": 0,
            "tx_mbps_confidence": 0,
            "is_up": False,
            "is_up_confidence": 0,
        }
        for interface in interfaces
    }
