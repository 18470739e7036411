"""Measures a repair of telemetry: shows what an operator sees, and compares with what is true."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from statistics import fmean
from typing import Any

import drawn
import recorded
from drawn import Range, Ranges
from score import COUNTERS, loss, published, published_score

from adrs.judging import Invalid, Program, Workload

MOST_MBPS = 1e9
CONFIDENCES = ("rx_mbps_confidence", "tx_mbps_confidence", "is_up_confidence")
KEYS = {*COUNTERS, "is_up", *CONFIDENCES}


def workloads(split: str, salt: str, source: str | None = None, **ranges: Range) -> list[Workload]:
    """One workload a snapshot: of real states from the file `source`, else all drawn."""
    if source is not None:
        return recorded.workloads(split, salt, source, Ranges(**ranges))
    return drawn.workloads(split, salt, Ranges(**ranges))


async def evaluate(program: Program, workload: Workload) -> dict[str, float]:
    """Has one snapshot repaired, in a process that sees no other."""
    truth = workload.data["truth"]
    answer = await program.call(
        "repair", workload.data["interfaces"], workload.data["routers"], limit_s=5
    )
    _check(answer, truth)
    return loss(truth, answer) | published(truth, answer)


def _check(answer: Any, truth: Mapping[str, Any]) -> None:
    """Refuses an answer that is not a full, well-typed repair of every interface, and no more."""
    if type(answer) is not dict or answer.keys() != truth.keys():
        raise Invalid(
            f"repair must return a dict with the ids of all {len(truth)} interfaces as keys; it "
            f"returned {_short(answer, truth)}"
        )
    for repaired in answer.values():
        if type(repaired) is not dict or repaired.keys() != KEYS:
            raise Invalid(
                f"a repaired interface is a dict with {', '.join(sorted(KEYS))}; got "
                f"{_short(repaired, KEYS)}"
            )
        for name in COUNTERS:
            _check_number(name, repaired[name], MOST_MBPS)
        for name in CONFIDENCES:
            _check_number(name, repaired[name], 1)
        if type(repaired["is_up"]) is not bool:
            raise Invalid(f"is_up is True or False; got {reprlib.repr(repaired['is_up'])}")


def _check_number(name: str, got: Any, most: float) -> None:
    if type(got) not in (int, float) or not 0 <= got <= most:
        raise Invalid(f"{name} is a number from 0 to {most:g}; got {reprlib.repr(got)}")


def _short(answer: Any, expected: Iterable[str]) -> str:
    if type(answer) is not dict:
        return f"something of type {type(answer).__name__}"
    known = set(expected)
    missing = len(known - answer.keys())
    return f"{len(answer)} keys, {missing} missing and {len(answer.keys() - known)} unknown"


def feedback(samples: Iterable[Mapping[str, Any]]) -> str:
    """What is lost under each kind of fault, and to what, for whoever improves the repair."""
    rows = sorted(samples, key=_kind)
    w = fmean(row["metrics"]["published_w"] for row in rows)
    lines = [
        f"Mean repair_loss {fmean(row['metrics']['repair_loss'] for row in rows):.4f}; "
        f"published w {w:.4f}, {published_score(w):.1f} published points.",
        "By kind of fault; errors of counters on faulty and on sound interfaces, 1 at the most:",
    ]
    for kind, of_kind in groupby(rows, key=_kind):
        some = [row["metrics"] for row in of_kind]
        total, faulty, sound, calibration, right = (
            fmean(one[name] for one in some)
            for name in (
                "repair_loss",
                "faulty_error",
                "sound_error",
                "calibration_error",
                "status_quality",
            )
        )
        lines.append(
            f"- {kind}: loss {total:.4f}; faulty {faulty:.4f}, sound {sound:.4f}; "
            f"calibration {calibration:.4f}; {1 - right:.2%} of statuses wrong"
        )
    worst = max(rows, key=lambda row: float(row["metrics"]["repair_loss"]))
    lines.append(f"Worst: {worst['workload']}, loss {worst['metrics']['repair_loss']:.4f}.")
    return "\n".join(lines)


def _kind(row: Mapping[str, Any]) -> str:
    return str(row["workload"]).rpartition("-")[2]
