"""One search: what was asked for, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RunStatus(StrEnum):
    """How a run stands.

    RUNNING: an engine works on it, or was killed while it did (the heartbeat tells).
    FINISHED: all asked trials were told. BUDGET: money, tokens or time ran out first.
    INTERRUPTED: a signal or `adrs stop`. UNAVAILABLE: a sandbox, model or store broke.
    """

    RUNNING = "running"
    FINISHED = "finished"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run was asked to do; recorded, so that a resume needs nothing else.

    Attributes:
        task: absolute path of the task's folder.
        trials: candidates to evaluate; the seed is not counted.
        max_minutes: elapsed minutes after which nothing new is started; None for no limit.
        proposers: names of entry points.
        archive: name of an entry point.
        sandbox: name as given ("auto" included).
        accept_isolation: level below SEPARATE that the user accepts for a WINNER, or "".
        workers: evaluations at the same time.
        workloads: absolute path handed to the judge as `source`, or "".
        adversary: whether workloads on which the best loses are searched after the verdict.
        counterexamples: runs whose adversaries' finds join the validation split.
        models: name and weight of each model.
        replays: the run whose record answers in place of the models; "" to ask them.
        strong_model: asked in place of the others when the search stalls; "" for none.
        base_url: of the models' server; "" for the server's own default.
        server: name of an entry point of adrs.models.
        max_usd: most that models may cost, in USD; None for no limit.
        max_tokens: most tokens that models may take, in and out; None for no limit.
        calls_in_flight: calls of models at the same time, and rounds of proposers that wait.
        call_timeout_s: elapsed seconds after which a call of a model is given up.
        answer_tokens: most tokens of an answer, reasoning included; None for what each prompt asks.
        prices: absolute path of a price table; "" for the one that comes with ADRS.
        ideas: candidates asked for in one round of a proposer that waits.
        model_parameters: what models are told beside the prompt, such as ("temperature", 0.7).
        rehearse: whether drafts are tried on the smoke split before they are proposed.
    """

    task: str
    trials: int
    seed: int = 0
    max_minutes: float | None = None
    proposers: tuple[str, ...] = ()
    archive: str = "islands"
    executor: str = "local"
    sandbox: str = "auto"
    accept_isolation: str = ""
    workers: int = 1
    workloads: str = ""
    adversary: bool = False
    counterexamples: tuple[str, ...] = ()
    models: tuple[tuple[str, float], ...] = ()
    replays: str = ""
    strong_model: str = ""
    base_url: str = ""
    server: str = "openai"
    max_usd: float | None = None
    max_tokens: int | None = None
    calls_in_flight: int = 8
    call_timeout_s: float = 300.0
    answer_tokens: int | None = None
    prices: str = ""
    ideas: int = 4
    model_parameters: tuple[tuple[str, str | int | float], ...] = ()
    rehearse: bool = False


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as the store knows it.

    Attributes:
        name: unique in the store, for instance "spot_single-3".
        task_digest: the task's digest when the run was created.
        asked: trials that have a number, the seed included.
        told: trials whose result was accepted, the seed included.
        by_status: counts of told trials by the status of their last evaluation.
        heartbeat_at: when its engine last said that it lives.
        elapsed_s: seconds that engines have worked on it, resumes added up.
        evaluation_s: elapsed seconds of all evaluations of trials, added up.
        live: whether an engine holds it now.
    """

    name: str
    task: str
    task_digest: str
    settings: RunSettings
    status: RunStatus
    reason: str
    created_at: datetime
    heartbeat_at: datetime
    elapsed_s: float = 0.0
    evaluation_s: float = 0.0
    asked: int = 0
    told: int = 0
    rejections: int = 0
    by_status: Mapping[str, int] = field(default_factory=dict)
    live: bool = False
    stop_requested: bool = False
