"""Crossing: parts of two programs, the better one as the base."""

from __future__ import annotations

import asyncio

from adrs_agents.cross import Cross

from adrs import Candidate, Program
from adrs.testing.proposer_contract import context, trial

BASE = """class Policy:
    def __init__(self, job):
        self.job = job

    def rank(self, x):
        return x

    def decide(self, seen):
        if seen["a"] > 2.5:
            return 1
        return 2
"""
ONE = BASE.replace("return x\n", "return x * 3.5\n").replace("> 2.5", "> 2.5 and seen['b']")
OTHER = BASE.replace("= job\n", "= job\n        self.calls = 0\n").replace(
    '        if seen["a"] > 2.5:\n',
    "        self.calls += 1\n        if self.calls < 4:\n            return 3\n"
    '        if seen["a"] < 9:\n',
)


def crossed(one, other, values=(1.0, 2.0), count=80):
    first = trial(1, Program({"whole.py": one.encode()}), values[0])
    second = trial(2, Program({"whole.py": other.encode()}), values[1])
    cross = Cross()
    cross.observe(first)
    cross.observe(second)
    found = []
    for ordinal in range(count):
        found += asyncio.run(cross.propose(context(first, ordinal, [second])))
    return [answer for answer in found if isinstance(answer, Candidate)]


def test_children_have_something_of_both():
    found = [c.program.text("whole.py") for c in crossed(ONE, OTHER)]
    assert len(found) > 60
    assert len(set(found)) > 8
    assert any("x * 3.5" in text and "return 3" in text for text in found)
    for text in found:
        assert text not in (ONE, OTHER)
        if "self.calls" in text.split("def decide")[1]:
            assert "self.calls = 0" in text, "what it needs comes along"


def test_the_better_one_is_changed():
    (better, worse) = (
        [c.lineage for c in crossed(ONE, OTHER, values)] for values in ((1, 2), (2, 1))
    )
    assert {(line.parents, line.inspirations) for line in better} == {((1,), (2,))}
    assert {(line.parents, line.inspirations) for line in worse} == {((2,), (1,))}


def test_programs_that_measure_the_same_have_nothing_to_give_each_other():
    assert crossed(ONE, OTHER, (1.0, 1.0)) == []


def test_the_plan_names_the_other_trial():
    assert all("of trial 2" in c.lineage.plan for c in crossed(ONE, OTHER))


def test_programs_with_nothing_in_common_or_no_mate_give_nothing():
    assert crossed(BASE, BASE) == []
    cross = Cross()
    alone = trial(1, Program({"whole.py": BASE.encode()}), 1.0)
    (answer,) = asyncio.run(cross.propose(context(alone, 1)))
    assert not isinstance(answer, Candidate)
