"""What an adversary of the best program found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adrs.model.verdict import Interval


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A workload on which the best program loses to the baseline, or breaks a constraint.

    The judge makes it again from `salt` and `parameters`, on the held-out split.

    Attributes:
        parameters: what the generator was given: the task's own, narrowed.
        digest: SHA-256 of the workload's name and data.
        size: bytes of its data as JSON.
        loss: how much worse the best is than the baseline here, relative; 0.1 is 10 % worse.
        fault: the constraint that is broken, or how the program failed; "" if it only loses.
    """

    salt: str
    parameters: Mapping[str, object]
    workload: str
    digest: str
    size: int
    baseline: float | None
    best: float | None
    loss: float | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A point of the generator's parameters, measured on workloads that did not select it.

    Attributes:
        parameters: what the generator was given.
        salt: what the workloads were drawn with.
        workloads: workloads that both programs were measured on.
        lost: on how many of these the best lost or failed.
        loss: how much worse the best is here, relative, with its 95 % interval over units; below
            zero it is better; None if one of the two is not SCORED on all of them.
        fault: the constraint that is broken here, or how the program failed; "" if neither.
    """

    parameters: Mapping[str, object]
    salt: str
    workloads: int
    lost: int
    loss: Interval | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Attack:
    """An adversary's search within the generator's declared parameters.

    Attributes:
        trial: number of the program attacked.
        probes: points of the parameters that were measured.
        workloads: workloads of these that both programs were measured on.
        lost: on how many of these the best lost or failed.
        found: counterexamples worth keeping, the worst first.
        smallest: the one with the least data.
        even_workloads: `workloads` of the probes that were spread evenly, before any of them was
            chosen for what was seen: only these say how common losing is.
        even_lost: `lost` of these.
        region: where the best looked worst, measured again.
        refused: probes whose parameters the judge did not take.
        note: why there is nothing to report, or why probes were refused, in words.
    """

    trial: int
    probes: int
    workloads: int
    lost: int
    found: tuple[Counterexample, ...] = ()
    smallest: Counterexample | None = None
    even_workloads: int = 0
    even_lost: int = 0
    region: Region | None = None
    refused: int = 0
    note: str = ""
