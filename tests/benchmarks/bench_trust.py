"""How often noise is taken for a better program, and how often a better program is found.

    python tests/benchmarks/bench_trust.py [--runs 5000] [--power-runs 2000] [--seed 0] [--json]

Statistics alone: 300 programs that arrive one after another, with multiplicative noise of 10 % on
every sample, through the functions that decide in a search: Noise, more_repeats, Islands, rank,
score and judge_held_out. No program runs, so what is shown is what the rules are worth. A pass over
the train workloads is one sample. The seed is calibrated; the five best are measured on validation,
the best there and the seed on held-out workloads that differ in size.

Beside it stands taking the best: one sample a program, the largest gain over one of the seed wins.

Rates have Clopper and Pearson's bound (Biometrika 26, 1934) or their Monte Carlo standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

import adrs
from adrs.archives import rank
from adrs.model.scoring import score
from adrs.search.measuring import CONFIRMING_REPEATS
from adrs.search.search import FINALISTS
from adrs.trust import Noise, _race, more_repeats

CANDIDATES = 300
SPREAD = 0.1
CALIBRATION = 5
VALIDATION_UNITS = 8
ALWAYS = 10  # what racing is compared with
_LONGEST = 64  # samples that are drawn for a program beforehand
_SIZES = 0.5  # logarithmic spread of the sizes of workloads

DOWN = adrs.Direction.MINIMIZE
APART = adrs.Isolation(
    "none", adrs.IsolationLevel.SEPARATE, dict.fromkeys(adrs.NEEDED_FOR_WINNER, "so"), {}
)
PROGRAM = adrs.Candidate(adrs.Program({"program.py": b""}), adrs.Lineage("none"))


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        effect: relative gain of the one program that is better, somewhere among the others.
        worse: whether half of the others are worse, by 10 to 30 %.
        most: longest race.
        always: repeats of every program; None for racing.
    """

    name: str
    effect: float = 0.0
    worse: bool = False
    min_effect: float = 0.01
    units: int = 16
    most: int = _race.MOST
    always: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What one run came to.

    Attributes:
        samples: of candidates, per candidate.
        all_samples: those, the seed's, validation's and held-out's, per candidate.
        finalist: whether the better program is among the few best on train.
        frozen: whether it is the one that held-out workloads decide on.
        winner: whether what was frozen is declared a winner.
        shown: relative gain of the best on train, as the search sees it.
        truly: its true gain.
        taken: relative gain of the best single sample over one of the seed.
        taken_truly: that program's true gain.
        spread: what the search took the spread of a sample for, in the end.
    """

    samples: float
    all_samples: float
    finalist: bool
    frozen: bool
    winner: bool
    shown: float
    truly: float
    taken: float
    taken_truly: float
    spread: float


def run(setting: Setting, seed: int, number: int) -> Outcome:
    """One search and its verdict; the same draws in every setting with the same effect."""
    search_draws, validation_draws, held_out_draws = (
        np.random.default_rng([seed, number, part]) for part in range(3)
    )
    truth, better = _truth(search_draws, setting)
    noise = np.exp(SPREAD * search_draws.standard_normal((CANDIDATES + 1, _LONGEST)))
    samples = (np.array(truth)[:, None] * noise).tolist()
    trials, spread = search(samples, setting)
    finalists = [trial for trial in trials.elites(FINALISTS) if trial.number != 0]
    best = trials.elites(1)[0]
    measured = sum(trial_repeats for trial_repeats in trials.repeats) / CANDIDATES
    spent = CALIBRATION
    frozen = None
    if best.number != 0:
        objective = _objective(setting)
        programs = [0, *(trial.number for trial in finalists)]
        made = _evaluations(validation_draws, [truth[n] for n in programs], VALIDATION_UNITS)
        spent += sum(len(one.samples) for one in made)
        ranked = [
            replace(trial, score=score(objective, (), evaluation, made[0]))
            for trial, evaluation in zip(finalists, made[1:], strict=True)
        ]
        frozen = min(ranked, key=lambda trial: rank(trial, DOWN))
    winner = False
    if frozen is not None:
        pair = _evaluations(held_out_draws, [truth[0], truth[frozen.number]], setting.units)
        spent += sum(len(one.samples) for one in pair)
        finding = adrs.judge_held_out(
            _objective(setting), (), *pair, trial=frozen.number, salt=f"{seed}/{number}"
        )
        winner = finding.verdict is adrs.Verdict.WINNER
    firsts = [series[0] for series in samples]
    taken = min(range(1, CANDIDATES + 1), key=firsts.__getitem__)
    assert best.score is not None
    return Outcome(
        samples=measured,
        all_samples=measured + spent / CANDIDATES,
        finalist=any(trial.number == better for trial in finalists),
        frozen=frozen is not None and frozen.number == better,
        winner=winner,
        shown=1.0 - best.score.value / trials.baseline,
        truly=1.0 - truth[best.number],
        taken=1.0 - firsts[taken] / firsts[0],
        taken_truly=1.0 - truth[taken],
        spread=spread,
    )


class Kept:
    """The archive, and what measuring came to."""

    def __init__(self, baseline: float) -> None:
        self.archive = adrs.Islands(DOWN)
        self.baseline = baseline
        self.repeats: list[int] = []
        self.elites = self.archive.elites


def search(samples: Sequence[Sequence[float]], setting: Setting) -> tuple[Kept, float]:
    """What is kept of programs whose samples these are, the seed's first; and the spread learnt.

    Repeats are decided on as the engine does: by the race, and twice at least what would be kept.
    """
    noise = Noise()
    objective = _objective(setting)

    def scored(trial: adrs.Trial, repeats: int) -> adrs.Trial:
        series = samples[trial.number][:repeats]
        value, error = noise.estimate(series)
        return replace(trial, score=adrs.Score(value, 0.0, error, repeats))

    best = scored(adrs.Trial(0, PROGRAM), CALIBRATION)
    assert best.score is not None
    kept = Kept(best.score.value)
    kept.archive.add(best)
    noise.observe(samples[0][:CALIBRATION])
    for number in range(1, CANDIDATES + 1):
        trial = adrs.Trial(number, PROGRAM, island=number % 3)
        repeats, more = 0, setting.always or 1
        while more:
            repeats += more
            trial = scored(trial, repeats)
            assert trial.score is not None
            assert best.score is not None
            more = 0
            if setting.always is None:
                more = more_repeats(trial.score, best.score, DOWN, objective.min_effect)
                if more == 0 and repeats < 2:
                    more = int(kept.archive.admits(trial))
        if kept.archive.add(trial).kept:
            best = kept.archive.elites(1)[0]
        noise.observe(samples[number][:repeats])
        kept.repeats.append(repeats)
    return kept, noise.spread


def _truth(random: np.random.Generator, setting: Setting) -> tuple[list[float], int]:
    """True cost of the seed and of every candidate, and which one is better; 0 if none is."""
    cost = np.ones(CANDIDATES + 1)
    factors, among = 1.0 + random.uniform(0.1, 0.3, CANDIDATES), random.permutation(CANDIDATES) + 1
    if setting.worse:
        cost[among[: CANDIDATES // 2]] = factors[: CANDIDATES // 2]
    better = int(among[-1]) if setting.effect else 0
    if better:
        cost[better] = 1.0 - setting.effect
    return cost.tolist(), better


def _objective(setting: Setting) -> adrs.Objective:
    return adrs.Objective(adrs.Metric("cost", DOWN, "USD"), min_effect=setting.min_effect)


def _evaluations(
    random: np.random.Generator, truths: Sequence[float], units: int
) -> list[adrs.Evaluation]:
    """Programs on the same workloads, each measured as often as the engine confirms."""
    sizes = np.exp(_SIZES * random.standard_normal(units))
    made = []
    for truth in truths:
        noise = np.exp(SPREAD * random.standard_normal((CONFIRMING_REPEATS, units)))
        figures = (truth * sizes * noise).tolist()
        samples = tuple(
            adrs.Sample(str(at), str(at), repeat, adrs.Status.SCORED, {"cost": cost})
            for repeat, costs in enumerate(figures)
            for at, cost in enumerate(costs)
        )
        split, status = adrs.Split.HELD_OUT, adrs.Status.SCORED
        made.append(adrs.Evaluation(split, status, samples, "set", APART))
    return made


# --- many runs -----------------------------------------------------------------------------------


def outcomes(setting: Setting, seed: int, numbers: range) -> list[Outcome]:
    _race.MOST = setting.most
    return [run(setting, seed, number) for number in numbers]


def every(
    settings: Sequence[tuple[Setting, int]], seed: int, workers: int
) -> Iterator[tuple[Setting, list[Outcome]]]:
    """All outcomes of each setting, in the given order."""
    chunk = 50
    with ProcessPoolExecutor(workers) as pool:
        waiting = [
            (
                setting,
                [
                    pool.submit(outcomes, setting, seed, range(at, min(at + chunk, runs)))
                    for at in range(0, runs, chunk)
                ],
            )
            for setting, runs in settings
        ]
        for setting, parts in waiting:
            yield setting, [one for part in parts for one in part.result()]


def upper_bound(count: int, of: int, level: float = 0.95) -> float:
    """One-sided bound of Clopper and Pearson: the rate at which so few are seen so seldom."""
    if count >= of:
        return 1.0
    low, high = count / of, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        terms = (
            math.lgamma(of + 1)
            - math.lgamma(k + 1)
            - math.lgamma(of - k + 1)
            + k * math.log(rate)
            + (of - k) * math.log1p(-rate)
            for k in range(count + 1)
        )
        low, high = (low, rate) if math.fsum(map(math.exp, terms)) < 1 - level else (rate, high)
    return high


def summary(setting: Setting, done: Sequence[Outcome]) -> dict[str, Any]:
    count = len(done)
    false = sum(one.winner and not one.frozen for one in done)
    taken_false = sum(one.taken > 0.0 >= one.taken_truly for one in done)
    found = fmean(one.frozen and one.winner for one in done)
    return {
        **asdict(setting),
        "runs": count,
        "samples": fmean(one.samples for one in done),
        "all_samples": fmean(one.all_samples for one in done),
        "spread": fmean(one.spread for one in done),
        "false_winners": false / count,
        "false_winners_below": upper_bound(false, count),
        "finalist": fmean(one.finalist for one in done),
        "frozen": fmean(one.frozen for one in done),
        "power": found,
        "power_error": math.sqrt(found * (1.0 - found) / count),
        "shown": fmean(one.shown for one in done),
        "truly": fmean(one.truly for one in done),
        "taken_false": taken_false / count,
        "taken_shown": fmean(one.taken for one in done),
        "taken_truly": fmean(one.taken_truly for one in done),
    }


def nothing_to_find() -> list[Setting]:
    return [
        Setting(
            f"{'half worse' if worse else 'all equal'}, least effect {effect:.0%}, {units} units",
            worse=worse,
            min_effect=effect,
            units=units,
        )
        for worse in (False, True)
        for effect, units in ((0.0, 8), (0.01, 16))
    ]


def something_to_find() -> list[Setting]:
    settings = []
    for effect in (0.2, 0.1):
        settings += [
            Setting(f"{effect:.0%} better, racing", effect),
            Setting(f"{effect:.0%} better, always {ALWAYS}", effect, always=ALWAYS),
        ]
    settings += [
        Setting(f"5% better, racing to {most}", 0.05, most=most) for most in (5, 10, 20, 40)
    ]
    settings += [
        Setting(f"5% better, always {always}", 0.05, always=always) for always in (1, 2, 5, 10, 20)
    ]
    return settings


def show(row: dict[str, Any]) -> None:
    if row["effect"]:
        print(
            f"{row['name']:<42} {row['samples']:6.2f} ({row['all_samples']:5.2f} in all) a "
            f"candidate; among the few best {row['finalist']:.1%}, frozen {row['frozen']:.1%}, "
            f"confirmed {row['power']:.1%} +- {row['power_error']:.1%}; "
            f"false winners {row['false_winners']:.2%}"
        )
    else:
        print(
            f"{row['name']:<42} {row['samples']:6.2f} ({row['all_samples']:5.2f} in all) a "
            f"candidate; false winners {row['false_winners']:.2%} "
            f"(below {row['false_winners_below']:.2%} at 95 %), best shown {row['shown']:+.1%}; "
            f"taking the best: {row['taken_false']:.1%} false, "
            f"shown {row['taken_shown']:+.1%}, truly {row['taken_truly']:+.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5000, help="of each setting without effect")
    parser.add_argument("--power-runs", type=int, default=2000, help="of each one with an effect")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one object a line")
    asked = parser.parse_args()
    settings = [(one, asked.runs) for one in nothing_to_find()]
    settings += [(one, asked.power_runs) for one in something_to_find()]
    started = time.monotonic()
    for setting, done in every(settings, asked.seed, asked.workers):
        row = summary(setting, done)
        print(json.dumps(row), flush=True) if asked.json else show(row)
    if not asked.json:
        print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
