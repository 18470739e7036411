from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from adrs import (
    NEEDED_FOR_WINNER,
    Aggregate,
    Constraint,
    Direction,
    Evaluation,
    Finding,
    Isolation,
    IsolationLevel,
    Metric,
    Objective,
    Sample,
    Split,
    Status,
    Verdict,
    judge_held_out,
)

COST = Objective(Metric("cost", Direction.MINIMIZE, "USD"), min_effect=0.01)
APART = Isolation("bubblewrap", IsolationLevel.SEPARATE, dict.fromkeys(NEEDED_FOR_WINNER, "so"), {})
SHARED = replace(APART, level=IsolationLevel.SHARED)
NO_SECCOMP = replace(
    APART,
    enforced={one: "so" for one in NEEDED_FOR_WINNER if one != "seccomp"},
    missing={"seccomp": "the kernel has none"},
)
BARE = Isolation("process", IsolationLevel.PROCESS, {"wall": "so"}, {})
ONE_MISS = Constraint("missed", at_most=1)


def evaluation(costs: Sequence[float], **changes: object) -> Evaluation:
    samples = tuple(
        Sample(f"w{at}", f"u{at}", 0, Status.SCORED, {"cost": cost, "missed": float(at == 0)})
        for at, cost in enumerate(costs)
    )
    made = Evaluation(Split.HELD_OUT, Status.SCORED, samples, "set", APART)
    return replace(made, **changes)


SEED = evaluation([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0])
BETTER = evaluation([9.1, 17.9, 27.2, 35.8, 45.3, 53.7, 63.1, 72.2])


def judged(best: Evaluation = BETTER, baseline: Evaluation = SEED, **named: object) -> Finding:
    options: Mapping[str, object] = {
        "objective": COST,
        "constraints": [ONE_MISS],
        "trial": 7,
        "salt": "pepper",
        **named,
    }
    return judge_held_out(baseline=baseline, best=best, **options)  # type: ignore[arg-type]


def test_a_winner_has_all_figures() -> None:
    found = judged()
    assert found.verdict is Verdict.WINNER
    assert found.reason == (
        "9.92 % better than the seed [9.51 %, 10.4 %] on 8 independent workloads, "
        "at 95 % confidence: above the least effect that counts, 1 %"
    )
    assert found.baseline is not None
    assert found.best is not None
    assert found.effect is not None
    assert found.baseline.value == 45.0
    assert found.best.value == pytest.approx(40.5375)
    assert found.effect.value == pytest.approx(1 - 40.5375 / 45)
    assert (found.trial, found.level, found.units, found.looks) == (7, 0.95, 8, 1)
    assert (found.salt, found.workloads, found.shares) == ("pepper", "set", "")


@pytest.mark.parametrize(
    ("named", "verdict", "said"),
    [
        (
            {"best": replace(BETTER, status=Status.CRASHED, reason="exit\x1b[31m 3")},
            Verdict.NOT_CONFIRMED,
            "the best program is CRASHED on held-out workloads: 'exit\\x1b[31m 3'",
        ),
        (
            {"baseline": replace(SEED, status=Status.TIMED_OUT)},
            Verdict.NOT_CONFIRMED,
            "the seed is TIMED_OUT on held-out workloads",
        ),
        (
            {"best": replace(BETTER, workloads="other")},
            Verdict.NOT_CONFIRMED,
            "not measured on the same held-out workloads",
        ),
        (
            {"trial": 0, "best": SEED},
            Verdict.NOT_CONFIRMED,
            "nothing better than the seed was found",
        ),
        (
            {"constraints": [Constraint("missed", at_most=0)]},
            Verdict.NOT_CONFIRMED,
            "the best program violates the constraint on missed",
        ),
        (
            {"best": replace(BETTER, isolation=NO_SECCOMP)},
            Verdict.REFUSED,
            "the sandbox bubblewrap did not enforce seccomp (the kernel has none), so the program "
            "could have changed its own figures; use a sandbox that enforces all, or accept it "
            "with --accept-isolation process",
        ),
        (
            {"baseline": replace(SEED, isolation=SHARED)},
            Verdict.REFUSED,
            "were not apart (isolation: shared), so",
        ),
        ({"best": replace(BETTER, isolation=SHARED)}, Verdict.REFUSED, "--accept-isolation shared"),
        (
            {"best": replace(BETTER, isolation=BARE)},
            Verdict.REFUSED,
            "did not enforce namespaces, seccomp, cpu, memory",
        ),
        (
            {"best": replace(BETTER, isolation=BARE), "accept_isolation": "shared"},
            Verdict.REFUSED,
            "--accept-isolation process",
        ),
        (
            {"best": replace(BETTER, isolation=NO_SECCOMP), "accept_isolation": "shared"},
            Verdict.REFUSED,
            "seccomp",
        ),
        (
            {"objective": replace(COST, min_effect=0.096)},
            Verdict.NOT_CONFIRMED,
            "the effect 9.92 % [9.51 %, 10.4 %] on 8 independent workloads, at 95 % confidence "
            "does not clear the least effect that counts, 9.6 %",
        ),
        ({"best": SEED, "baseline": BETTER}, Verdict.NOT_CONFIRMED, "the effect -11 %"),
        (
            {"baseline": evaluation([0.0] * 8)},
            Verdict.NOT_CONFIRMED,
            "the seed's mean is 0 on held-out workloads",
        ),
    ],
)
def test_the_rule_that_decides_is_named(
    named: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judged(**named)  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.reason


def test_figures_that_do_not_exist_are_none() -> None:
    found = judged(replace(BETTER, status=Status.CRASHED, samples=()))
    assert (found.best, found.effect, found.units) == (None, None, 0)
    assert found.baseline is not None
    refused = judged(replace(BETTER, isolation=BARE))
    assert refused.effect == judged().effect


@pytest.mark.parametrize(
    ("isolation", "accepted"), [(SHARED, "shared"), (SHARED, "process"), (BARE, "process")]
)
def test_less_isolation_that_was_accepted_is_said(isolation: Isolation, accepted: str) -> None:
    found = judged(replace(BETTER, isolation=isolation), accept_isolation=accepted)
    assert found.verdict is Verdict.WINNER
    assert f"; with less isolation accepted ({isolation.level})" in found.reason
    assert "accepted" not in judged(accept_isolation=accepted).reason


def test_seven_units_are_too_few_however_many_workloads() -> None:
    few = [
        replace(
            each, samples=tuple(replace(s, unit=f"u{at % 7}") for at, s in enumerate(each.samples))
        )
        for each in (BETTER, SEED)
    ]
    found = judged(*few)
    assert (found.verdict, found.units) == (Verdict.NOT_CONFIRMED, 7)
    assert "too few independent workloads (7 < 8)" in found.reason
    assert found.effect is not None


def test_repeats_are_not_units() -> None:
    again = [
        replace(each, samples=tuple(replace(s, repeat=r) for s in each.samples for r in range(9)))
        for each in (BETTER, SEED)
    ]
    found, effect = judged(*again), judged().effect
    assert (found.verdict, found.units) == (Verdict.WINNER, 8)
    assert found.effect is not None
    assert effect is not None
    assert found.effect.low == pytest.approx(effect.low, rel=0.01)


def test_every_look_costs_confidence() -> None:
    levels = [judged(looks=looks) for looks in (1, 2, 10)]
    assert [found.level for found in levels] == [0.95, 0.975, 0.995]
    lows = [found.effect.low for found in levels if found.effect]
    assert lows == sorted(set(lows), reverse=True)  # type: ignore[type-var]
    assert "at 99.5 % confidence after 10 looks at held-out workloads" in levels[-1].reason
    strict = replace(COST, min_effect=0.095)
    assert judged(objective=strict).verdict is Verdict.WINNER
    assert judged(objective=strict, looks=10).verdict is Verdict.NOT_CONFIRMED
    with pytest.raises(ValueError, match="looks"):
        judged(looks=0)


def test_what_units_share_is_said_beside_the_verdict() -> None:
    found = judged(shares="days")
    assert found.verdict is Verdict.WINNER
    assert found.shares == "days"
    assert found.reason.endswith("; units share days, so they are not quite independent")


def test_ratios_to_the_baseline() -> None:
    ratios = replace(COST, aggregate=Aggregate.GEOMEAN_RATIO)
    found = judged(objective=ratios)
    assert found.verdict is Verdict.WINNER
    assert found.baseline is not None
    assert found.best is not None
    assert found.effect is not None
    assert (found.baseline.value, found.baseline.low, found.baseline.high) == (1.0, 1.0, 1.0)
    assert found.effect.value == pytest.approx(1 - found.best.value)
    unmeasured = judged(objective=ratios, baseline=replace(SEED, status=Status.CRASHED))
    assert (unmeasured.best, unmeasured.baseline) == (None, None)
    zero = judged(
        evaluation([0.0, *(s.metrics["cost"] for s in BETTER.samples[1:])]), objective=ratios
    )
    assert zero.best is None
    assert zero.effect is not None
    assert zero.effect.value == pytest.approx(1 - 315.2 / 360)


def false_winners(repeats: int, count: int, aggregate: Aggregate) -> float:
    """How often a program that is no better wins, with no effect too small to count."""
    random = np.random.default_rng([count, repeats])
    objective = replace(COST, aggregate=aggregate, min_effect=0.0)
    won = 0
    for _ in range(repeats):
        size = np.exp(random.normal(0, 0.5, count))
        seed, best = (
            evaluation((size * np.exp(random.normal(0, 0.1, count))).tolist()) for _ in range(2)
        )
        won += judged(best, seed, objective=objective).verdict is Verdict.WINNER
    return won / repeats


@pytest.mark.parametrize("aggregate", Aggregate)
def test_what_is_no_better_seldom_wins(aggregate: Aggregate) -> None:
    assert false_winners(300, 8, aggregate) <= 0.04


@pytest.mark.slow
@pytest.mark.parametrize("aggregate", Aggregate)
@pytest.mark.parametrize("count", [8, 14, 40])
def test_what_is_no_better_seldom_wins_at_length(count: int, aggregate: Aggregate) -> None:
    assert false_winners(2000, count, aggregate) <= 0.03
