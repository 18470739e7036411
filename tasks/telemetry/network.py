"""True states of networks: a topology, gravity demands, and the traffic that they make on it.

Demands follow shortest paths, so at every router what comes in goes out, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import dist, exp, inf
from random import Random

Pair = tuple[int, int]

# Abilene: 12 routers, 15 links.
ABILENE = [
    (0, 1), (1, 2), (1, 3), (1, 4), (5, 3), (5, 6), (7, 8), (7, 9),
    (7, 10), (2, 8), (2, 11), (3, 8), (11, 9), (6, 4), (9, 10),
]  # fmt: skip


@dataclass(frozen=True)
class Topology:
    """Routers, numbered from 0, and the links between them.

    Attributes:
        edges: the routers that have traffic with the outside.
    """

    routers: int
    links: Sequence[Pair]
    edges: Sequence[int]


@dataclass(frozen=True)
class Link:
    """A link between routers `a` and `b`, with its traffic in Mbit/s either way."""

    a: int
    b: int
    ab_mbps: float
    ba_mbps: float
    is_up: bool


@dataclass(frozen=True)
class State:
    """What is true at one moment.

    Attributes:
        external_mbps: for each router, what enters the network there and what leaves it.
    """

    links: Sequence[Link]
    external_mbps: Sequence[tuple[float, float]]


def abilene() -> Topology:
    return Topology(12, ABILENE, range(12))


def ring(random: Random, routers: int) -> Topology:
    """A ring with a chord for every third router."""
    links = [(one, (one + 1) % routers) for one in range(routers)]
    spare = _pairs_without(links, routers)
    return Topology(routers, links + random.sample(spare, routers // 3), range(routers))


def waxman(random: Random, routers: int) -> Topology:
    """Routers on a square, near ones linked more often; 1.5 links a router, connected."""
    at = [(random.random(), random.random()) for _ in range(routers)]
    links = [
        (min(range(one), key=lambda other: dist(at[one], at[other])), one)
        for one in range(1, routers)
    ]
    spare = _pairs_without(links, routers)
    while 2 * len(links) < 3 * routers:
        a, b = random.choice(spare)
        if random.random() < exp(-dist(at[a], at[b]) / 0.3):
            spare.remove((a, b))
            links.append((a, b))
    return Topology(routers, links, range(routers))


def leaf_spine(random: Random, routers: int) -> Topology:
    """Every leaf linked to each of two to four spines, which have no traffic of their own."""
    spines = random.randint(2, min(4, routers // 4))
    leaves = range(spines, routers)
    return Topology(routers, [(spine, leaf) for leaf in leaves for spine in range(spines)], leaves)


def _pairs_without(links: Iterable[Pair], routers: int) -> list[Pair]:
    taken = {frozenset(link) for link in links}
    pairs = [(a, b) for b in range(routers) for a in range(b)]
    return [pair for pair in pairs if frozenset(pair) not in taken]


def loaded(random: Random, topology: Topology, edge_mbps: float, skew: float, down: float) -> State:
    """Draws demands and routing, takes links down, and lets the traffic flow.

    A link's length is from 1 to 2: no detour is shorter, so a link that is up has traffic if both
    its routers have some with the outside. One to a spine may have none.

    Args:
        edge_mbps: mean traffic that enters at a router with outside traffic.
        skew: standard deviation of the logarithm of a router's share of the traffic; above 0.
        down: probability that a link is down; one without which routers are cut off never is.
    """
    up: list[Pair] = list(topology.links)
    for link in topology.links:
        rest = [other for other in up if other != link]
        if random.random() < down and _is_connected(rest, topology.routers):
            up = rest
    lengths = {link: random.uniform(1, 2) for link in up}
    entering, leaving = (
        {one: random.lognormvariate(0, skew) for one in topology.edges} for _ in range(2)
    )
    pull = {(a, b): entering[a] * leaving[b] for a in entering for b in leaving if a != b}
    scale = edge_mbps * len(topology.edges) / sum(pull.values())

    flow = dict.fromkeys([way for a, b in topology.links for way in ((a, b), (b, a))], 0.0)
    outside = [[0.0, 0.0] for _ in range(topology.routers)]
    for source in topology.edges:
        previous = _shortest_paths(source, lengths, topology.routers)
        for target in topology.edges:
            if target != source:
                mbps = scale * pull[source, target]
                outside[source][0] += mbps
                outside[target][1] += mbps
                while target != source:
                    flow[previous[target], target] += mbps
                    target = previous[target]
    links = [Link(a, b, flow[a, b], flow[b, a], (a, b) in lengths) for a, b in topology.links]
    return State(links, [(entered, left) for entered, left in outside])


def _is_connected(links: Sequence[Pair], routers: int) -> bool:
    return inf not in _distances(0, dict.fromkeys(links, 1.0), routers)[0]


def _shortest_paths(source: int, lengths: dict[Pair, float], routers: int) -> list[int]:
    """For each router the one before it on the way from `source`."""
    return _distances(source, lengths, routers)[1]


def _distances(
    source: int, lengths: dict[Pair, float], routers: int
) -> tuple[list[float], list[int]]:
    near: list[list[tuple[int, float]]] = [[] for _ in range(routers)]
    for (a, b), length in lengths.items():
        near[a].append((b, length))
        near[b].append((a, length))
    shortest, previous = [inf] * routers, [source] * routers
    shortest[source] = 0.0
    waiting = [(0.0, source)]
    while waiting:
        so_far, here = heappop(waiting)
        if so_far == shortest[here]:
            for there, length in near[here]:
                if so_far + length < shortest[there]:
                    shortest[there] = so_far + length
                    previous[there] = here
                    heappush(waiting, (shortest[there], there))
    return shortest, previous
