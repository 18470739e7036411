"""What a run records: each fact is written once, before the next step that depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Score
from adrs.model.run import RunStatus
from adrs.model.trial import Admission, Rejection, Trial
from adrs.model.verdict import Finding


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate got a trial number and will be evaluated.

    Attributes:
        ordinal: counts proposals of the run (trials and rejections); the order of asks.
        trial: without evaluations.
    """

    ordinal: int
    trial: Trial


@dataclass(frozen=True, slots=True)
class Refused:
    """A proposal that will not be evaluated."""

    ordinal: int
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Started:
    """A worker took a trial up."""

    number: int
    worker: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An evaluation of a trial (its number) or of a reference program (its name)."""

    subject: int | str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Told:
    """A trial's search stages are done; the order of these facts is the order of tells."""

    number: int
    score: Score | None
    admission: Admission


@dataclass(frozen=True, slots=True)
class Looked:
    """A held-out set is about to be measured; counted before the figures are seen.

    Attributes:
        workloads: hash of the set.
        salt: what it was drawn with.
    """

    trial: int
    workloads: str
    salt: str


@dataclass(frozen=True, slots=True)
class Found:
    """The verdict on the frozen best program."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How far the seed differs from itself here."""

    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Certified:
    """A winner's certificate was made; its folder is written after this.

    Attributes:
        id: SHA-256 that the certificate goes by.
        content: its canonical JSON.
    """

    trial: int
    id: str
    content: str


@dataclass(frozen=True, slots=True)
class Attacked:
    """An adversary's search is over."""

    attack: Attack


@dataclass(frozen=True, slots=True)
class Noted:
    """A hint or an observation.

    Attributes:
        origin: who wrote it: "user", or the name of a proposer or agent. Only users instruct.
    """

    origin: str
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """An engine is alive.

    Attributes:
        elapsed_s: seconds worked since the last beat.
    """

    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """An engine stopped working on the run; `RUNNING` here means that one started again."""

    status: RunStatus
    reason: str = ""


Fact = (
    Asked
    | Refused
    | Started
    | Measured
    | Told
    | Looked
    | Found
    | Calibrated
    | Certified
    | Attacked
    | Noted
    | Beat
    | Ended
)
