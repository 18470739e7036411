"""Measures a broadcast plan: looks every link up in its own graph and adds up what is paid."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from drawn import drawn
from published import published
from transfer import Link, bill

from adrs.judging import Invalid, Program, Workload

# published_score is a line through two totals over five jobs of 300 GB.
_ZERO_USD, _SPAN_USD = 1199.0, 572.76
_JOBS, _VOLUME_GB = 5, 300


def workloads(
    split: str, salt: str, source: str | None = None, **ranges: Sequence[float]
) -> list[Workload]:
    """One workload a broadcast: in the clouds of the folder `source`, else in drawn ones."""
    if source is not None:
        return published(split, salt, source, **ranges)
    return drawn(split, salt, **ranges)


async def evaluate(program: Program, workload: Workload) -> dict[str, float]:
    """Asks for the plan of one job, and bills it."""
    job, links = workload.data["job"], workload.data["links"]
    plan = await program.call("broadcast", job, links)
    total = bill(job, links, _carried(plan, job, links))
    like_published_usd = _JOBS * total.cost_usd * _VOLUME_GB / job["volume_gb"]
    return {
        "cost_usd": total.cost_usd,
        "egress_usd": total.egress_usd,
        "instances_usd": total.instances_usd,
        "transfer_s": total.transfer_s,
        "regions_used": total.regions_used,
        "bound_usd": workload.data["bound_usd"],
        "published_score": 100 * (_ZERO_USD - like_published_usd) / _SPAN_USD,
    }


def _carried(
    plan: object, job: Mapping[str, Any], links: Mapping[str, Any]
) -> dict[Link, set[int]]:
    """The partitions that each link carries.

    Raises:
        Invalid: the plan is not of the form that the statement asks for.
        Invalid: a partition does not get from the source to a destination.
    """
    destinations, partitions = job["destinations"], job["partitions"]
    if type(plan) is not dict or len(plan) != len(destinations):
        raise Invalid(
            f"broadcast must return a dict with the {len(destinations)} destinations as keys; "
            f"it returned {_short(plan)}"
        )
    carried: dict[Link, set[int]] = {}
    for destination in destinations:
        if destination not in plan:
            raise Invalid(f"the plan has nothing for destination {destination}")
        routes = plan[destination]
        if type(routes) is not list or len(routes) != partitions:
            raise Invalid(
                f"the plan must have a list of {partitions} routes, one a partition, for each "
                f"destination; for {destination} it has {_short(routes)}"
            )
        for partition, route in enumerate(routes):
            taken = _route(route, links)
            if not _leads(taken, job["source"], destination):
                raise Invalid(
                    f"partition {partition} does not get from the source to {destination}: "
                    "its route there must hold a way from the source"
                )
            for link in taken:
                carried.setdefault(link, set()).add(partition)
    return carried


def _route(route: object, links: Mapping[str, Any]) -> list[Link]:
    if type(route) is not list:
        raise Invalid(f"a route must be a list of links; one is {_short(route)}")
    taken = []
    for link in route:
        if type(link) is not list or len(link) != 2 or not all(type(end) is str for end in link):
            raise Invalid(f"a link must be a list of two regions; one is {_short(link)}")
        source, target = link
        if target not in links.get(source, {}):
            raise Invalid(f"there is no link {reprlib.repr(source)} to {reprlib.repr(target)}")
        taken.append((source, target))
    return taken


def _leads(taken: Iterable[Link], source: str, destination: str) -> bool:
    """Whether some of the links, in any order, are a way from source to destination."""
    onward: dict[str, list[str]] = {}
    for start, end in taken:
        onward.setdefault(start, []).append(end)
    queue = [source]
    for region in queue:
        queue.extend(onward.pop(region, ()))
    return destination in queue


def _short(answer: object) -> str:
    if isinstance(answer, dict | list):
        return f"a {type(answer).__name__} of {len(answer)}"
    return f"something of type {type(answer).__name__}"


def feedback(samples: Iterable[Mapping[str, Any]]) -> str:
    """Where money is lost, in words, for whoever improves the plan."""
    rows = sorted(samples, key=_excess, reverse=True)
    figures = [row["metrics"] for row in rows]
    instances = mean(of["instances_usd"] / of["cost_usd"] for of in figures)
    lines = [
        f"On average a job costs {mean(map(_excess, rows)):.2f} times a lower bound that no plan "
        f"can beat; {instances:.0%} of the cost is machines, the rest egress.",
        "Furthest from the bound:",
    ]
    for row in rows[:3]:
        of = row["metrics"]
        lines.append(
            f"- {row['workload']}: {_excess(row):.2f} times the bound; "
            f"${of['egress_usd']:.2f} egress, ${of['instances_usd']:.2f} machines, "
            f"{of['transfer_s']:.0f} s in {of['regions_used']:.0f} regions"
        )
    dearest = max(figures, key=lambda of: float(of["instances_usd"] / of["cost_usd"]))
    lines.append(
        f"Machines weigh most in a job of {dearest['transfer_s']:.0f} s: "
        f"{dearest['instances_usd'] / dearest['cost_usd']:.0%} of its cost."
    )
    return "\n".join(lines)


def _excess(row: Mapping[str, Any]) -> float:
    return float(row["metrics"]["cost_usd"] / row["metrics"]["bound_usd"])
