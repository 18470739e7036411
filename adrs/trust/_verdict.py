"""What may be said of the best program once it was measured on held-out workloads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from adrs.model.evaluation import Evaluation, Status
from adrs.model.isolation import NEEDED_FOR_WINNER, Isolation, IsolationLevel
from adrs.model.metric import Aggregate, Constraint, Objective
from adrs.model.scoring import unit_figures, unit_means, violation
from adrs.model.verdict import Finding, Interval, Verdict
from adrs.trust._intervals import effect_interval, objective_interval

MIN_UNITS = 8
ERROR_RATE = 0.05  # two-sided, shared out over all looks at a held-out set


def judge_held_out(
    objective: Objective,
    constraints: Sequence[Constraint],
    baseline: Evaluation,
    best: Evaluation,
    *,
    trial: int,
    salt: str,
    looks: int = 1,
    shares: str = "",
    accept_isolation: str = "",
) -> Finding:
    """Decides whether the frozen best program is a WINNER; the first rule that fails says why not.

    1. Both are SCORED, on the same workloads. 2. The best is not the seed. 3. It violates no
    constraint. 4. What was enforced is enough, or the user accepted less. 5. There are at least
    MIN_UNITS independent units. 6. The interval of the effect, at a level that is corrected for the
    number of looks (Bonferroni), lies above the task's `min_effect`.

    Only rule 4 ends REFUSED. Figures are filled in as far as they exist, whatever the verdict.

    Args:
        objective: what is compared, and the effect that is worth a WINNER.
        constraints: what the best program must satisfy on every workload.
        baseline: the seed on the held-out workloads.
        best: the frozen program on the same workloads.
        trial: number of the frozen program's trial; 0 is the seed itself.
        salt: what the workloads were drawn with.
        looks: times this set has been looked at by any run, this one included.
        shares: what units have in common, for instance "days"; "" if nothing.
        accept_isolation: "shared" or "process" if the user accepts that little, else "".

    Raises:
        ValueError: `looks` is below 1.
    """
    if looks < 1:
        raise ValueError(f"looks counts this one too, so it is at least 1, not {looks}")
    level = 1.0 - ERROR_RATE / looks
    comparable = (
        baseline.status is best.status is Status.SCORED and baseline.workloads == best.workloads
    )
    effect = measured_effect(objective, baseline, best, level) if comparable else None
    units = {sample.unit for sample in best.samples}
    answer = partial(
        Finding,
        trial=trial,
        baseline=_objective(objective, baseline, baseline),
        best=_objective(objective, best, baseline if comparable else None),
        effect=effect,
        level=level,
        units=len(units),
        looks=looks,
        salt=salt,
        workloads=best.workloads,
        shares=shares,
    )
    fault = (
        _unmeasured(baseline, best)
        or ("nothing better than the seed was found" if trial == 0 else "")
        or _infeasible(constraints, best)
    )
    if fault:
        return answer(verdict=Verdict.NOT_CONFIRMED, reason=fault)
    isolations = (baseline.isolation, best.isolation)
    lacking = [one for one in isolations if not _accepted(one, accept_isolation)]
    if lacking:
        return answer(verdict=Verdict.REFUSED, reason=_lack(lacking[0]))
    aside = _aside(isolations, shares)
    if len(units) < MIN_UNITS:
        count = f"{len(units)} < {MIN_UNITS}"
        reason = f"too few independent workloads ({count}): nothing sure can be said of so few"
        return answer(verdict=Verdict.NOT_CONFIRMED, reason=reason + aside)
    verdict, reason = _weigh(effect, objective.min_effect, len(units), level, looks)
    return answer(verdict=verdict, reason=reason + aside)


def measured_effect(
    objective: Objective, baseline: Evaluation, best: Evaluation, level: float = 1.0 - ERROR_RATE
) -> Interval:
    """The relative improvement of `best` over `baseline`, both SCORED on the same workloads."""
    over, under = unit_figures(best, objective), unit_figures(baseline, objective)
    if over is None or under is None:
        # Some figure is not above zero, so there is no geometric mean: compare plain means.
        name = objective.metric.name
        over, under = unit_means(best, name), unit_means(baseline, name)
    return effect_interval(under, over, objective.metric.direction, objective.aggregate, level)


def _objective(
    objective: Objective, evaluation: Evaluation, baseline: Evaluation | None
) -> Interval | None:
    needs_baseline = objective.aggregate is Aggregate.GEOMEAN_RATIO
    if evaluation.status is not Status.SCORED or (needs_baseline and baseline is None):
        return None
    return objective_interval(objective, evaluation, baseline)


def _unmeasured(baseline: Evaluation, best: Evaluation) -> str:
    for name, evaluation in (("the best program", best), ("the seed", baseline)):
        if evaluation.status is not Status.SCORED:
            # Candidate or judge may have written it, so it is quoted, escaped and cut.
            reason = f": {evaluation.reason[:200]!r}" if evaluation.reason else ""
            return f"{name} is {evaluation.status} on held-out workloads{reason}"
    if baseline.workloads != best.workloads:
        return "the seed and the best program were not measured on the same held-out workloads"
    return ""


def _infeasible(constraints: Iterable[Constraint], best: Evaluation) -> str:
    broken = [one.metric for one in constraints if violation([one], best) > 0.0]
    if not broken:
        return ""
    return f"the best program violates the constraint on {', '.join(broken)} on held-out workloads"


def _accepted(isolation: Isolation, accepted: str) -> bool:
    if accepted == IsolationLevel.PROCESS:
        return True
    if accepted == IsolationLevel.SHARED and isolation.level is IsolationLevel.SHARED:
        return not _absent(isolation)
    return isolation.enough_for_winner


def _absent(isolation: Isolation) -> list[str]:
    return [one for one in NEEDED_FOR_WINNER if one not in isolation.enforced]


def _lack(isolation: Isolation) -> str:
    absent = _absent(isolation)
    accept = IsolationLevel.PROCESS
    faults = []
    if isolation.level is not IsolationLevel.SEPARATE:
        faults.append(f"candidate and judge were not apart (isolation: {isolation.level})")
        accept = IsolationLevel.PROCESS if absent else isolation.level
    if absent:
        causes = (
            f"{one} ({isolation.missing[one]})" if isolation.missing.get(one) else one
            for one in absent
        )
        faults.append(f"the sandbox {isolation.sandbox} did not enforce {', '.join(causes)}")
    return (
        f"{' and '.join(faults)}, so the program could have changed its own figures; "
        f"use a sandbox that enforces all, or accept it with --accept-isolation {accept}"
    )


def _aside(isolations: Iterable[Isolation], shares: str) -> str:
    less = [one.level for one in isolations if not one.enough_for_winner]
    aside = f"; with less isolation accepted ({less[0]})" if less else ""
    if shares:
        aside += f"; units share {shares}, so they are not quite independent"
    return aside


def _weigh(
    effect: Interval | None, min_effect: float, units: int, level: float, looks: int
) -> tuple[Verdict, str]:
    if effect is None or effect.low is None or effect.high is None:
        return (
            Verdict.NOT_CONFIRMED,
            "the seed's mean is 0 on held-out workloads, so there is no relative improvement",
        )
    bounds = f"[{_percent(effect.low)}, {_percent(effect.high)}]"
    looked = f" after {looks} looks at held-out workloads" if looks > 1 else ""
    basis = f"on {units} independent workloads, at {100 * level:.4g} % confidence{looked}"
    needed = f"the least effect that counts, {_percent(min_effect)}"
    if effect.low > min_effect:
        reason = f"{_percent(effect.value)} better than the seed {bounds} {basis}: above {needed}"
        return Verdict.WINNER, reason
    reason = f"the effect {_percent(effect.value)} {bounds} {basis} does not clear {needed}"
    return Verdict.NOT_CONFIRMED, reason


def _percent(share: float) -> str:
    return f"{100 * share + 0.0:.3g} %"  # so that there is no -0
