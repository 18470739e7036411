"""What an adversary of the best program found, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adrs.cli._screen import Piece, Screen
from adrs.cli._text import gain, harmless, listed, measured, percent
from adrs.model.metric import Objective

Found = Mapping[str, Any]


def show_adversary(screen: Screen, attack: Found, objective: Objective) -> None:
    """Writes what the `adversary` of a summary says."""
    screen.line("")
    for pieces in _counts(attack):
        screen.line(*pieces)
    if attack["region"] is not None:
        screen.line(*_region(attack["region"]))
    for title, one in _examples(attack):
        screen.line(f"{title}: {_example(one, objective)}")
        screen.verbatim(("  the judge's ", "dim"), _call(one))


def _counts(attack: Found) -> Iterator[list[Piece]]:
    title: Piece = ("adversary", "bold")
    if attack["probes"] == 0:
        yield [title, f": nothing was tried: {harmless(attack['note'], 300)}"]
        return
    lost, workloads = attack["even_lost"], attack["even_workloads"]
    share = f" ({percent(lost / workloads)})" if lost else ""
    more = attack["workloads"] - workloads
    yield [
        title,
        f": of {workloads} workloads spread over the generator's ranges, trial {attack['trial']} "
        f"loses {lost or 'none'}{share}; of {more} more, chosen for what these showed, "
        f"{attack['lost'] - lost or 'none'}",
    ]
    if attack["refused"]:
        yield [f"{attack['refused']} probes were refused: {harmless(attack['note'], 300)}"]


def _region(region: Found) -> list[Piece]:
    place = ", ".join(
        f"{harmless(name, 40)} = {value[0]:g}"
        for name, value in region["parameters"].items()
        if _is_point(value)
    )
    where = f"on {region['workloads']} fresh workloads at {place}"
    lost = f"it loses on {region['lost'] or 'none'} of them"
    if region["fault"]:
        return [("at fault", "bold red"), f": {where}: {harmless(region['fault'], 200)}; {lost}"]
    loss = region["loss"]
    if loss is None:
        return [f"{where}, where it looked worst, the baseline does not score"]
    ends = ""
    if loss["low"] is not None:
        low, high = sorted(
            (loss["low"], loss["high"]) if loss["value"] > 0 else (-loss["low"], -loss["high"])
        )
        ends = f" [{percent(low)}, {percent(high)}]"
    words = f"{where}, where it looked worst, it is {gain(-loss['value'])}{ends}; {lost}"
    if loss["low"] is not None and loss["low"] > 0.0:
        return [("loses on average", "bold yellow"), f": {words}"]
    return [("does not lose on average", "bold"), f": {words}"]


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] == value[1]


def _examples(attack: Found) -> Iterator[tuple[str, Found]]:
    found, smallest = attack["found"], attack["smallest"]
    both = found and smallest is not None and smallest["digest"] == found[0]["digest"]
    if found:
        yield "worst, and smallest, workload that it loses" if both else "worst workload", found[0]
    if smallest is not None and not both:
        yield "smallest workload that it loses", smallest


def _example(one: Found, objective: Objective) -> str:
    words = f"{harmless(one['workload'], 60)} ({_bytes(one['size'])})"
    if one["fault"]:
        return f"{words}: {harmless(one['fault'], 200)}"
    unit = objective.metric.unit
    figures = f"{measured(one['best'], unit)} against {measured(one['baseline'], unit)}"
    worse = "worse" if one["loss"] is None else gain(-one["loss"])
    return f"{words}: {worse}, {figures}"


def _bytes(size: int) -> str:
    return f"{size} bytes" if size < 10_000 else f"{size / 1000:,.0f} kB"


def _call(one: Found) -> str:
    """How the judge makes it again, in Python."""
    given = [
        f"{harmless(name)}={harmless(repr(value))}" for name, value in one["parameters"].items()
    ]
    return f"workloads({listed([repr('held_out'), repr(one['salt']), *given])})"
