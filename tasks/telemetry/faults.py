"""What an operator sees of a network's true state: noisy counters, some of them faulty.

The kinds of fault are the published ones, and their mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from network import Link, State

KINDS = ("dropped", "scaled", "dropped_router", "scaled_router")
MIXED = "mixed"


@dataclass(frozen=True)
class Conditions:
    """How bad the telemetry is.

    Attributes:
        kind: one of KINDS, or MIXED.
        faulty: probability of a fault of an interface (of a router: all of its counters at once).
        noise: every counter is off by a factor from 1 - noise to 1 + noise.
        wrong_status: probability that an interface's status is wrong.
    """

    kind: str
    faulty: float
    noise: float
    wrong_status: float


def observed(random: Random, state: State, conditions: Conditions) -> dict[str, Any]:
    """Draws readings of `state`, with ids that say nothing, in an order that says nothing.

    At least one interface is faulty, and at least one is not.

    Returns:
        `interfaces` and `routers`, which a program may see, and `truth` by interface, which not.
    """
    seen = _read(random, state, conditions)
    while len({interface["is_faulty"] for interface in seen["truth"].values()}) == 1:
        seen = _read(random, state, conditions)
    return seen


def _read(random: Random, state: State, conditions: Conditions) -> dict[str, Any]:
    routers = _ids("r", random, len(state.external_mbps))
    interfaces = _ids("i", random, 2 * len(state.links))
    sick = [_fault(random, conditions, of_router=True) for _ in routers]

    def read(router: int, *true_mbps: float) -> tuple[list[float], bool]:
        """One interface's counters as they are reported, and whether they are faulty."""
        fault = sick[router] or _fault(random, conditions, of_router=False)
        noisy = [
            mbps * random.uniform(1 - conditions.noise, 1 + conditions.noise) for mbps in true_mbps
        ]
        if fault == "dropped":
            noisy = [0.0 for _ in noisy]
        elif fault == "scaled":
            noisy = [mbps * _factor(random) for mbps in noisy]
        return [round(mbps, 3) for mbps in noisy], bool(fault)

    shown, truth = [], {}
    for number, link in enumerate(state.links):
        ends = interfaces[2 * number : 2 * number + 2]
        for one, peer, here, tx_mbps, rx_mbps in _ends(link, *ends):
            (tx_seen, rx_seen), is_faulty = read(here, tx_mbps, rx_mbps)
            shown.append(
                {
                    "id": one,
                    "router": routers[here],
                    "peer": peer,
                    "rx_mbps": rx_seen,
                    "tx_mbps": tx_seen,
                    "is_up": link.is_up != (random.random() < conditions.wrong_status),
                }
            )
            truth[one] = {
                "rx_mbps": rx_mbps,
                "tx_mbps": tx_mbps,
                "is_up": link.is_up,
                "is_faulty": is_faulty,
            }
    outside = []
    for here, (entering, leaving) in enumerate(state.external_mbps):
        (rx_seen, tx_seen), _ = read(here, entering, leaving)
        outside.append({"id": routers[here], "rx_mbps": rx_seen, "tx_mbps": tx_seen})
    random.shuffle(shown)
    random.shuffle(outside)
    return {"interfaces": shown, "routers": outside, "truth": truth}


def _ends(link: Link, at_a: str, at_b: str) -> list[tuple[str, str, int, float, float]]:
    """For both ends: id, the other's id, router, and what it sends and gets in Mbit/s."""
    return [
        (at_a, at_b, link.a, link.ab_mbps, link.ba_mbps),
        (at_b, at_a, link.b, link.ba_mbps, link.ab_mbps),
    ]


def _ids(letter: str, random: Random, count: int) -> list[str]:
    return [f"{letter}{number:05x}" for number in random.sample(range(16**5), count)]


def _fault(random: Random, conditions: Conditions, of_router: bool) -> str:
    """ "dropped", "scaled", or "" for none."""
    share = conditions.faulty
    if conditions.kind == MIXED:
        kind = random.choice(("dropped", "scaled"))
        share /= 2
    else:
        kind, _, where = conditions.kind.partition("_")
        if of_router != (where == "router"):
            return ""
    return kind if random.random() < share else ""


def _factor(random: Random) -> float:
    return random.choice((random.uniform(0.5, 0.8), random.uniform(1.2, 1.5)))
