"""What a run records: each fact is written once, before the next step that depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.call import Answer, Prompt
from adrs.model.evaluation import Evaluation, Score
from adrs.model.round import Rehearsal, Round
from adrs.model.run import RunStatus
from adrs.model.trial import Admission, Rejection, Trial
from adrs.model.verdict import Finding


@dataclass(frozen=True, slots=True)
class Begun:
    """A proposer that waits for something outside began its turn.

    It is over when the round's ordinal has a trial or a rejection. Begun again, it is brought up to
    date, unless an agent has a lease on it.
    """

    round: Round


@dataclass(frozen=True, slots=True)
class Calling:
    """A model is about to be called; written before the call, since it may cost.

    Attributes:
        number: counts the run's calls.
        ordinal: of the proposal that it serves.
        reserved_usd: most that it can cost.
        reserved_tokens: most tokens that it can take, in and out.
    """

    number: int
    ordinal: int
    model: str
    prompt: Prompt
    parameters: Mapping[str, object] = field(default_factory=dict)
    reserved_usd: float = 0.0
    reserved_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """A call ended; written before its answer is used.

    Attributes:
        usd: its price; what was reserved where it may have been charged without an answer.
        replayed: whether the answer came from another run's record, so that nothing was paid.
    """

    number: int
    answer: Answer
    usd: float = 0.0
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A draft was tried on the smoke split; its author may be told before anything is proposed."""

    rehearsal: Rehearsal


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
    Begun
    | Calling
    | Called
    | Rehearsed
    | Asked
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
