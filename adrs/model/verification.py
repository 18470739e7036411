"""What measuring a certified winner again said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from adrs.model.verdict import Interval


class Standing(StrEnum):
    """How a certificate stands after it was checked.

    HOLDS: better than the baseline again, on workloads that nobody has seen.
    DOES_NOT_HOLD: measured again it is not better by the least effect that counts, or it fails.
    CHANGED: program, task, judge or certificate are not what was certified.
    INCONCLUSIVE: the new figures allow neither of these.
    """

    HOLDS = "HOLDS"
    DOES_NOT_HOLD = "DOES_NOT_HOLD"
    CHANGED = "CHANGED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Verification:
    """One attempt to verify a certificate.

    Attributes:
        certificate: the id that it claims; "" if it could not be read that far.
        place: where it was read from, as the user named it.
        reason: which rule decided, in words for the user.
        changed: what is not as certified, each in words; empty unless CHANGED.
        judge: "installed", or "bundled" if the certificate's own copy was trusted; "" if it was
            changed before any judge was asked.
        signature: whose it is, or why it does not count; "" if there is none.
        baseline: None unless SCORED in this attempt; likewise `best`, `effect`.
        effect: relative improvement over the baseline.
        salt: what this attempt's workloads were drawn with.
        workloads: hash of the held-out set of this attempt.
        fingerprint: description of judge, machine and sandbox of this attempt.
        wall_s: elapsed seconds of the attempt.
        surroundings: what is otherwise here than where it was certified, each in words.
    """

    certificate: str
    place: str
    task: str
    standing: Standing
    reason: str
    changed: tuple[str, ...] = ()
    judge: str = "installed"
    signature: str = ""
    baseline: Interval | None = None
    best: Interval | None = None
    effect: Interval | None = None
    level: float = 0.95
    units: int = 0
    salt: str = ""
    workloads: str = ""
    fingerprint: str = ""
    wall_s: float = 0.0
    surroundings: tuple[str, ...] = ()
