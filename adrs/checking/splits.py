"""Splits share nothing, and the salt decides held-out workloads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.task import Split
from adrs.model.text import harmless
from adrs.ports.evaluator import Request

_OTHER_SALT = "another check"
_APART = (Split.TRAIN, Split.VALIDATION, Split.HELD_OUT)


async def splits_are_apart(examination: Examination, report: Report) -> None:
    """Data, units and salts of all splits that a search uses."""
    data = {split: await examination.contents(split) for split in examination.splits}
    held = {split: found for split, found in data.items() if found is not None}
    _duplicates(report, held)
    _overlaps(report, held)
    if examination.source is not None:
        await _shared_units(examination, report)
    await _salts(examination, report)
    if report.results:
        return
    if held:
        report.ok("no two splits share a workload, and none has one twice; held-out obeys its salt")
    else:
        report.ok(
            "held-out workloads obey their salt; the evaluator does not show its workloads, so "
            "their data was not compared"
        )


def _duplicates(report: Report, data: Mapping[Split, tuple[bytes, ...]]) -> None:
    for split, contents in data.items():
        most, count = Counter(contents).most_common(1)[0]
        if count > 1:
            report.fault(
                f"{count} workloads of {split} have the same data: {_start(most)}",
                "draw each from a stream of its own: Random(f'{split}/{salt}/{number}')",
                split=split.value,
            )


def _overlaps(report: Report, data: Mapping[Split, tuple[bytes, ...]]) -> None:
    for one, other in combinations(data, 2):
        if {one, other} == {Split.SMOKE, Split.TRAIN}:
            continue  # a cheap first look at what decides later is the usual smoke split
        shared = set(data[one]) & set(data[other])
        if shared:
            report.fault(
                f"{one} and {other} share the data of {len(shared)} workloads: "
                f"{_start(min(shared))}",
                "draw them with the split's name in the seed, or cut real data so that each "
                "part is in one split",
                shared=len(shared),
            )


async def _shared_units(examination: Examination, report: Report) -> None:
    units = {split: {ref.unit for ref in await examination.workloads(split)} for split in _APART}
    for one, other in combinations(_APART, 2):
        shared = units[one] & units[other]
        if shared:
            report.fault(
                f"{one} and {other} share units of the real data: "
                f"{harmless(', '.join(sorted(shared)), 200)}",
                "give each unit (a machine, a day, a trace) to one split as a whole",
                shared=len(shared),
            )


async def _salts(examination: Examination, report: Report) -> None:
    task, bench = examination.task, examination.bench
    one = await examination.workloads(Split.HELD_OUT)
    other = await bench.workloads(Request(Split.HELD_OUT, _OTHER_SALT))
    if [ref.digest for ref in one] == [ref.digest for ref in other]:
        if task.generator and examination.source is None:
            report.fault(
                "held-out workloads are the same whatever the salt",
                "seed the generator of held_out with the salt: it is drawn after the best "
                "program was frozen, and nothing else keeps these workloads unseen",
            )
        else:
            report.advice(
                "held-out workloads are a fixed set, whatever the salt",
                "draw them with the salt if they can be drawn; else every look at them is "
                "counted, and each asks for a wider interval",
            )
    elif examination.source is None:
        await _same_data(examination, report)


async def _same_data(examination: Examination, report: Report) -> None:
    """Held-out workloads of two salts that differ in their names alone."""
    one = await examination.contents(Split.HELD_OUT)
    other = await examination.contents_now(Request(Split.HELD_OUT, _OTHER_SALT))
    if one is not None and other is not None and set(one) & set(other):
        report.fault(
            f"held-out workloads of two salts share the data of {len(set(one) & set(other))}",
            "seed the generator of held_out with the salt, not only their names",
        )


def _start(data: bytes) -> str:
    return harmless(data[:400].decode("utf-8", "replace"), 80)
