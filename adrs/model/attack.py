"""What an adversary of the best program found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
class Attack:
    """An adversary's search within the generator's declared parameters.

    Attributes:
        trial: number of the program attacked.
        probes: points of the parameters that were tried.
        workloads: workloads that both programs were measured on.
        lost: on how many of these the best lost or failed.
        found: counterexamples worth keeping, the worst first.
        smallest: the one with the least data.
    """

    trial: int
    probes: int
    workloads: int
    lost: int
    found: tuple[Counterexample, ...] = ()
    smallest: Counterexample | None = None
