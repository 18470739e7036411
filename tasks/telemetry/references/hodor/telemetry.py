"""Repair after Hodor (HotNets 2024): readings are hardened where redundant signals agree (the two
ends of a link, the balance of a router), and recovered from those where they do not."""

AGREE = 0.05  # link symmetry: the two readings of a flow differ by less, relative to the larger
BALANCED = 0.02  # flow conservation: a router's in and out differ by less, relative to the larger
AGREED = 0.99
WITNESSED = 0.95  # the other end has lost its counters
BALANCED_BY = 0.9  # the flows that make a router balance
GUESSED = 0.2


def repair(interfaces, routers):
    by_id = {interface["id"]: interface for interface in interfaces}
    network = Network(interfaces, by_id, routers)
    network.harden()
    network.settle()
    flows = network.guessed() | network.flows
    repaired = {}
    for one in interfaces:
        rx, rx_confidence = flows[one["peer"]]
        tx, tx_confidence = flows[one["id"]]
        is_up, is_up_confidence = status(one, by_id[one["peer"]])
        repaired[one["id"]] = {
            "rx_mbps": rx,
            "rx_mbps_confidence": rx_confidence,
            "tx_mbps": tx,
            "tx_mbps_confidence": tx_confidence,
            "is_up": is_up,
            "is_up_confidence": is_up_confidence,
        }
    return repaired


class Network:
    """What is known so far. A flow is named by the interface that sends it.

    Attributes:
        flows: rate and confidence of each flow that is settled.
    """

    def __init__(self, interfaces, by_id, routers):
        self.by_id = by_id
        self.routers = routers
        self.at = {router["id"]: [] for router in routers}
        for one in interfaces:
            self.at[one["router"]].append(one)
        self.flows = {}

    def harden(self):
        """Settles what the two ends of a link agree on, and what only one of them has counted."""
        for one in self.by_id.values():
            sent, received = one["tx_mbps"], self.by_id[one["peer"]]["rx_mbps"]
            if abs(sent - received) <= AGREE * max(sent, received):
                if sent > 0:
                    self.flows[one["id"]] = (sent + received) / 2, AGREED
            elif sent == 0 or received == 0:
                self.flows[one["id"]] = max(sent, received), WITNESSED

    def settle(self):
        """Settles flows by the balance of routers, until nothing more follows."""
        settled = -1
        while settled < len(self.flows):
            settled = len(self.flows)
            for router in self.routers:
                self.settle_at(router)

    def settle_at(self, router):
        """Believes the router's own counters if they balance, else, of one link, the far end's."""
        ends = [one for one in self.at[router["id"]] if not self.is_settled(one)]
        if self.balances(router, other_ends=()):
            for one in ends:
                self.believe(one)
        elif len(ends) == 1 and self.balances(router, other_ends=ends):
            self.believe(self.by_id[ends[0]["peer"]])

    def is_settled(self, one):
        return one["id"] in self.flows and one["peer"] in self.flows

    def believe(self, one):
        """Settles the flows of a link as this end has counted them."""
        self.flows.setdefault(one["id"], (one["tx_mbps"], BALANCED_BY))
        self.flows.setdefault(one["peer"], (one["rx_mbps"], BALANCED_BY))

    def balances(self, router, other_ends):
        """Whether in equals out, with the far end's readings for the links in `other_ends`."""
        inward, outward = router["rx_mbps"], router["tx_mbps"]
        for one in self.at[router["id"]]:
            peer = self.by_id[one["peer"]]
            sent, received = one["tx_mbps"], one["rx_mbps"]
            if one in other_ends:
                sent, received = peer["rx_mbps"], peer["tx_mbps"]
            outward += self.flows.get(one["id"], (sent, 0))[0]
            inward += self.flows.get(peer["id"], (received, 0))[0]
        return abs(inward - outward) <= BALANCED * max(inward, outward)

    def guessed(self):
        """The mean of the two readings of every flow, for where nothing better is known."""
        flows = {}
        for one in self.by_id.values():
            sent, received = one["tx_mbps"], self.by_id[one["peer"]]["rx_mbps"]
            flows[one["id"]] = (sent + received) / 2, GUESSED
        return flows


def status(one, peer):
    """A link is up if both ends say so, or if any counter of it has seen traffic."""
    traffic = max(end[name] for end in (one, peer) for name in ("rx_mbps", "tx_mbps"))
    if one["is_up"] == peer["is_up"]:
        return one["is_up"], 0.99
    return traffic > 0, 0.95
