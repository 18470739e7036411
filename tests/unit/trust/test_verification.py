"""How a claim stands after it was measured again, by measurements of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from unit.trust.winner import CONFINED, SALT, Winner, forged

import adrs
from adrs import Evaluation, Isolation, IsolationLevel, Program, Request, Standing, Status
from adrs.testing.fakes import FunctionEvaluator
from adrs.trust import Certificate, Claim, Verifier, elsewhere

Cost = Callable[[bool, int], float | Status]
"""What the winner (or the seed, if not) costs on the workload of a number."""

ALIKE = 100.0


class Bench(FunctionEvaluator):
    """Measures by a function of who runs and where, and notes what was asked of it."""

    def __init__(self, cost: Cost, units: int = 10, isolation: Isolation | None = None) -> None:
        super().__init__(self._metrics, units, isolation)
        self._cost = cost
        self.asked: list[tuple[int, Request]] = []

    def _metrics(
        self, program: Program, workload: adrs.WorkloadRef
    ) -> Mapping[str, float] | Status:
        winner = program.text("solve.py").endswith("0.8 * x\n")
        cost = self._cost(winner, int(workload.name.rpartition("-")[2]))
        return cost if isinstance(cost, Status) else {"cost_usd": cost, "missed": float(cost > 999)}

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        self.asked.append((len(programs), request))
        return await super().side_by_side(programs, request)


def verified(kept: Winner, bench: Bench, **changes: Any) -> adrs.Verification:
    """A claim whose samples are of the workloads that the bench makes."""
    task = replace(kept.task, **changes)
    refs = asyncio.run(bench.workloads(Request(adrs.Split.HELD_OUT, SALT)))

    def fit(content: dict[str, Any]) -> None:
        content["held_out"]["workloads"] = adrs.set_digest(refs)
        for program in ("winner", "baseline"):
            samples = content[program]["samples"][: 2 * len(refs)]
            for sample in samples:
                ref = refs[int(sample["workload"].rpartition("-")[2])]
                sample |= {"workload": ref.name, "unit": ref.unit}
            content[program]["samples"] = samples

    certificate: Certificate = forged(kept.certificate(CONFINED), fit)
    claim = Claim("here", certificate, kept.program(certificate))
    verifier = Verifier(
        claim, task, bench, repeats=5, accept_isolation="", describe=lambda _: "this machine"
    )
    return asyncio.run(verifier.verify())


def by(share: float) -> Cost:
    return lambda winner, n: (ALIKE + n) * (share if winner else 1.0)


def uneven(winner: bool, n: int) -> float:
    """About 10 % better, on one half of the workloads much and on the other not at all."""
    return ALIKE * ((0.8 if n % 2 else 1.02) if winner else 1.0)


@pytest.mark.parametrize(
    ("cost", "standing", "words"),
    [
        (by(0.8), "HOLDS", "20 % better"),
        (by(1.0), "DOES_NOT_HOLD", "does not clear the least effect"),
        (by(1.2), "DOES_NOT_HOLD", "does not clear the least effect"),
        (by(0.97), "DOES_NOT_HOLD", "does not clear the least effect"),
        (uneven, "INCONCLUSIVE", "does not clear the least effect"),
        (lambda w, n: Status.CRASHED if w else ALIKE, "DOES_NOT_HOLD", "best program is CRASHED"),
        (lambda w, n: ALIKE if w else Status.TIMED_OUT, "INCONCLUSIVE", "seed is TIMED_OUT"),
        (lambda w, n: Status.INVALID, "INCONCLUSIVE", "is INVALID"),
        (lambda w, n: 1000.0 if w else 2000.0, "DOES_NOT_HOLD", "constraint on missed"),
        (lambda w, n: 0.0, "INCONCLUSIVE", "no relative improvement"),
    ],
)
def test_what_is_measured_decides(kept: Winner, cost: Cost, standing: str, words: str) -> None:
    found = verified(kept, Bench(cost))
    assert found.standing == standing, found
    assert words in found.reason
    assert found.changed == ()
    assert (found.level, found.fingerprint) == (0.95, "this machine")


def test_few_units_and_little_isolation_say_nothing(kept: Winner) -> None:
    for cost in (by(0.8), by(1.2)):
        found = verified(kept, Bench(cost, units=7))
        assert found.standing is Standing.INCONCLUSIVE
        assert "too few independent workloads (7 < 8)" in found.reason
        shared = Isolation("fake", IsolationLevel.SHARED, {}, {"seccomp": "no"})
        found = verified(kept, Bench(cost, isolation=shared))
        assert found.standing is Standing.INCONCLUSIVE
        assert "--accept-isolation" in found.reason


def test_workloads_are_fresh_every_time(kept: Winner) -> None:
    bench = Bench(by(0.8))
    attempts = [verified(kept, bench) for _ in range(3)]
    assert len({SALT, *(one.salt for one in attempts)}) == 4
    assert len({one.workloads for one in attempts}) == 3
    assert {request.salt for _, request in bench.asked} == {one.salt for one in attempts}
    assert {request.repeats for _, request in bench.asked} == {5}


def test_timings_are_taken_in_turns(kept: Winner) -> None:
    metric = replace(kept.task.objective.metric, timing=True)
    brief = replace(kept.task.brief, objective=replace(kept.task.objective, metric=metric))
    bench = Bench(by(0.8))
    assert verified(kept, bench, brief=brief).standing is Standing.HOLDS
    assert [programs for programs, _ in bench.asked] == [2]
    bench = Bench(by(0.8))
    assert verified(kept, bench).standing is Standing.HOLDS
    assert [programs for programs, _ in bench.asked] == [1, 1]


def test_a_deterministic_judge_is_asked_the_same_again_first(kept: Winner) -> None:
    evaluator = replace(kept.task.evaluator, deterministic=True)
    bench = Bench(by(0.8))
    found = verified(kept, bench, evaluator=evaluator)
    assert found.standing is Standing.CHANGED
    assert found.changed[0].startswith("samples: the winner's cost_usd on held_out")
    assert found.fingerprint == "this machine"  # which may be why
    assert [request.salt for _, request in bench.asked] == [SALT] * 4  # and again, for dice
    assert {request.repeats for _, request in bench.asked} == {1}


def test_a_broken_sandbox_is_no_standing(kept: Winner) -> None:
    class Broken(Bench):
        def _metrics(self, program: Program, workload: adrs.WorkloadRef) -> Any:
            return adrs.SandboxUnavailable("gone")

    with pytest.raises(adrs.SandboxUnavailable):
        verified(kept, Broken(by(0.8)))


def test_what_is_otherwise_than_where_it_was_certified_is_said_in_words(kept: Winner) -> None:
    certificate = kept.certificate(CONFINED)
    here = {"cpu": "slow", "cores": 2, "kernel": "of here, which the certificate does not know"}
    words = "another CPU model than where it was certified: slow, was fast"
    assert elsewhere(certificate, here) == (words,)
    assert elsewhere(certificate, {"cpu": "fast", "cores": 2}) == ()
