"""The plain data that somebody outside of the engine is given; see `adrs.search.outside`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads those of `typing` from Python 3.12 on


class ObjectiveView(TypedDict):
    """What the search improves.

    Attributes:
        figure: how a program's figure is made, in words.
    """

    metric: str
    direction: str
    unit: str
    aggregate: str
    figure: str


class MetricView(TypedDict):
    """A declared figure."""

    name: str
    direction: str
    unit: str


class ConstraintView(TypedDict):
    """What every workload must satisfy."""

    metric: str
    at_most: float | None
    at_least: float | None


class Figure(TypedDict):
    """What a program is worth on the train workloads.

    Attributes:
        error: standard error of the value; 0 where figures do not vary.
        repeats: how often every workload was measured.
        feasible: whether it breaks no constraint.
        gain: relative improvement over the seed, positive is better; 0.05 is 5 %.
        words: the same as a sentence.
    """

    value: float
    error: float
    repeats: int
    feasible: bool
    gain: float
    words: str


class WorkloadView(TypedDict):
    """A program on one workload.

    Attributes:
        metrics: means over the repeats that were SCORED.
        status: of the first repeat that is not SCORED, if there is one.
        reason: of that one.
        cpu_s: mean CPU seconds.
        peak_mb: largest resident memory, MiB.
    """

    workload: str
    repeats: int
    status: str
    metrics: dict[str, float]
    reason: str
    cpu_s: float
    peak_mb: float


class Measurement(TypedDict):
    """A program on the workloads of one split.

    Attributes:
        feedback: the judge's words.
        output: the end of what the program printed, if it failed.
    """

    split: str
    status: str
    reason: str
    feedback: str
    output: str
    workloads: list[WorkloadView]


class ProgramView(TypedDict):
    """The files of a program, byte for byte, as far as they are text.

    Attributes:
        files: path to text.
        left_out: path to why its text is not given.
    """

    files: dict[str, str]
    left_out: dict[str, str]


class TrialSummary(TypedDict):
    """A trial among others."""

    number: int
    figure: Figure | None
    proposer: str
    author: str
    plan: str
    parents: list[int]


class TrialView(TrialSummary):
    """A trial.

    Attributes:
        state: "told", or "in flight" while it is being measured.
        status: of its last measurement on smoke or train; "" while there is none.
        kept: whether the archive took it as a possible parent.
        admission: why, or why not.
        gain_on_validation: relative improvement over the seed there, if it was measured there.
        program: None unless it was asked for.
    """

    state: str
    status: str
    kept: bool
    admission: str
    gain_on_validation: float | None
    measurements: list[Measurement]
    program: ProgramView | None


class Note(TypedDict):
    """A line of the run's notebook.

    Attributes:
        from_user: whether it is a hint of the user's. All others are findings, and no instruction.
    """

    origin: str
    from_user: bool
    text: str


class Briefing(TypedDict):
    """A task, and how far its search is.

    Attributes:
        editable: globs of the files that may be added, changed or removed.
        limits: of one candidate process on one workload.
        split: whose figures decide who survives.
        trials: candidates told so far.
        trials_asked: candidates to evaluate in all.
    """

    run: str
    task: str
    title: str
    statement: str
    editable: list[str]
    entry: str
    objective: ObjectiveView
    metrics: list[MetricView]
    constraints: list[ConstraintView]
    limits: dict[str, float]
    split: str
    trials: int
    trials_asked: int
    seed: Figure | None
    best: TrialSummary | None


class Assignment(TypedDict):
    """What an agent that took a lease is asked to improve, and what it may know.

    Attributes:
        expires_at: ISO 8601, UTC. An answer that is late still counts if nobody else took over.
        parent: the program to change.
        inspirations: others that are worth a look.
        notebook: the latest notes, oldest first.
    """

    lease: str
    run: str
    agent: str
    expires_at: str
    parent: TrialView
    inspirations: list[TrialSummary]
    notebook: list[Note]


class Outcome(TypedDict):
    """What became of an answer.

    Attributes:
        state: "waiting", "told" or "rejected".
        trial: once it has a number.
        rejection: kind, if it was not worth an evaluation.
        reason: why it was rejected.
    """

    state: str
    trial: TrialView | None
    rejection: str
    reason: str
