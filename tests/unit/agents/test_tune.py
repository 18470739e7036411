"""Numbers: which are tuned, how they are written, and that tuning finds better ones."""

from __future__ import annotations

import asyncio
import math
from random import Random

import pytest
from adrs_agents.tune import Tune

from adrs import Candidate, Program
from adrs.testing.proposer_contract import context, trial


def tuned(text, count=40):
    """What tuning makes of a program, with nothing learned."""
    tune = Tune()
    seed = trial(0, Program({"whole.py": text.encode()}), 1.0)
    tune.observe(seed)
    found = []
    for ordinal in range(count):
        found += asyncio.run(tune.propose(context(seed, ordinal)))
    return [a.program.text("whole.py") for a in found if isinstance(a, Candidate)]


@pytest.mark.parametrize(
    "line",
    [
        "x = a[3]", "x = a[1:4]", "x = True", 'x = "2.5"', "x = 0", "x += 1", "x = a - 1",
        "x = 0xFF", "x = f'{2.5}'", '"""2.5"""', "def f() -> 3: pass", "x = a['2.5']",
        "x = 3j", "n = n + 1 if a else 0",
    ],
)  # fmt: skip
def test_numbers_that_are_structure_are_left_alone(line):
    assert tuned(line + "\n") == []


def test_other_numbers_move_and_keep_their_kind():
    source = (
        "A = 8\nB = -2.5\nC = 0.0\n\n\ndef f(x, y=3):\n    return x * 1e-6 - 40 if x < y else 1\n"
    )
    found = tuned(source, 200)
    assert len(found) > 150
    kinds = {"A": int, "B": float, "C": float}
    seen = {name: set() for name in kinds}
    for text in found:
        names = {}
        exec(text, names)
        for name, kind in kinds.items():
            assert type(names[name]) is kind
            seen[name].add(names[name])
        assert names["A"] >= 1
    assert min(seen["A"]) < 8 < max(seen["A"])
    assert min(seen["B"]) < -2.5 < max(seen["B"]) < 0
    assert min(seen["C"]) < 0 < max(seen["C"])


def test_only_the_digits_change():
    source = "A = 8.5  # twelve\r\nB = 'ä'; C = (  2.5)\r\n"
    for text in tuned(source):
        assert "# twelve\r\nB = 'ä'; C = (  " in text


def loss(text, optimum, noise=None):
    names = {}
    exec(text, names)
    error = sum(math.log(names[key] / best) ** 2 for key, best in optimum.items())
    return error + (noise.gauss(0.0, 0.02) if noise else 0.0)


SOURCE = "A = 1.0\nB = 20\nC = 0.3\nD = 5.0\n"


@pytest.mark.parametrize("seed", range(6))
def test_forty_noisy_trials_come_near_the_optimum(seed):
    random = Random(seed)
    start = {"A": 1.0, "B": 20, "C": 0.3, "D": 5.0}
    optimum = {key: value * math.exp(random.gauss(0.0, 0.8)) for key, value in start.items()}
    tune = Tune()
    best = seed_trial = trial(0, Program({"whole.py": SOURCE.encode()}), loss(SOURCE, optimum))
    tune.observe(seed_trial)
    for number in range(1, 41):
        for answer in asyncio.run(tune.propose(context(best, number + 1000 * seed))):
            if isinstance(answer, Candidate):
                value = loss(answer.program.text("whole.py"), optimum, random)
                told = trial(number, answer.program, value, "tune")
                tune.observe(told)
                if value < best.score.value:
                    best = told
    assert loss(best.program.text("whole.py"), optimum) < 0.5 * loss(SOURCE, optimum)


def test_what_others_proposed_for_the_same_structure_is_used():
    """Told that large is good by somebody else, the next proposals are larger."""
    tune = Tune()
    seed = trial(0, Program({"whole.py": b"A = 1.0\n"}), 10.0)
    tune.observe(seed)
    for number in range(1, 30):
        value = 1.0 + number / 10
        tune.observe(trial(number, Program({"whole.py": f"A = {value}\n".encode()}), -value))
    larger = 0
    for ordinal in range(20):
        for answer in asyncio.run(tune.propose(context(seed, ordinal))):
            larger += float(answer.program.text("whole.py")[4:]) > 2.0
            assert answer.lineage.parents == (29,)
            assert answer.lineage.inspirations == (0,)
    assert larger >= 15


def test_no_trial_is_proposed_twice():
    tune = Tune()
    seed = trial(0, Program({"whole.py": b"A = 2\n"}), 1.0)
    tune.observe(seed)
    seen = {seed.program.id}
    for number in range(1, 60):
        for answer in asyncio.run(tune.propose(context(seed, number))):
            if isinstance(answer, Candidate):
                assert answer.program.id not in seen
                seen.add(answer.program.id)
                tune.observe(trial(number, answer.program, 1.0))
    assert len(seen) > 3
