"""Structural edits: in scope, whole, local, and blind to names."""

from __future__ import annotations

import ast
import asyncio
import re
import time
from dataclasses import replace

from adrs_agents.mutate import Mutate

from adrs import Candidate, Evaluation, Isolation, IsolationLevel, Program, Split, Status
from adrs.testing.proposer_contract import context, trial

POLICY = '''"""A policy."""

import math

LIMIT = 4


class Policy:  # keep this comment
    def __init__(self, job):
        self.work = job["work"]
        self.due = job["due"]

    def decide(self, seen):
        """seen["gone"]: time; seen["made"]: work done; seen["here"]: whether it is there."""
        left = self.work - seen["made"]   # odd   spacing
        if seen["here"]:
            return "RUN"
        if left > self.due - seen["gone"]:
            later = 3
            return "HURRY"
        return "WAIT"


def grüße(länge: float) -> str:
    return "ä" * 3 if länge > LIMIT else "ö"  # ü
'''


def proposals(text, count, statement="", mutate=None):
    mutate = mutate or Mutate()
    seed = trial(0, Program({"whole.py": text.encode()}), 1.0)
    mutate.observe(seed)
    found = []
    for ordinal in range(count):
        asked = context(seed, ordinal)
        asked = replace(asked, brief=replace(asked.brief, statement=statement))
        found += asyncio.run(mutate.propose(asked))
    return [answer for answer in found if isinstance(answer, Candidate)]


def texts(text, count, **more):
    return [c.program.text("whole.py") for c in proposals(text, count, **more)]


def test_nearly_every_proposal_is_another_whole_program():
    found = texts(POLICY, 200)
    assert len(found) > 190
    assert len(set(found)) > 150
    for text in found:
        compile(text, "whole.py", "exec")


def test_only_names_in_scope_are_used():
    """`later` is known in one branch only, `left` only behind its line, nothing else is made up."""
    allowed = {"seen", "left", "self", "job", "len", "max", "min", "later"}
    for text in texts(POLICY, 300):
        tree = ast.parse(text)
        (policy,) = [n for n in tree.body if isinstance(n, ast.ClassDef)]
        decide = next(n for n in policy.body if getattr(n, "name", "") == "decide")
        names = {n.id for n in ast.walk(decide) if isinstance(n, ast.Name)}
        assert names <= allowed | {"LIMIT"}, text
        uses = [n for n in ast.walk(decide) if isinstance(n, ast.Name) and n.id == "left"]
        stores = [n.lineno for n in uses if isinstance(n.ctx, ast.Store)]
        loads = [n.lineno for n in uses if isinstance(n.ctx, ast.Load)]
        assert not loads or (stores and min(stores) <= min(loads)), text
        given = {n.attr for n in ast.walk(policy) if isinstance(n, ast.Attribute) and _stores(n)}
        read = {n.attr for n in ast.walk(decide) if isinstance(n, ast.Attribute)}
        assert read <= given, text


def _stores(node):
    return isinstance(node.ctx, ast.Store)


def test_lines_that_an_edit_does_not_touch_stay_to_the_byte():
    before = POLICY.splitlines()
    kept = []
    for text in texts(POLICY, 100):
        after = text.splitlines()
        kept.append(sum(line in after for line in before) / len(before))
    assert sum(kept) / len(kept) > 0.9
    dos = POLICY.replace("\n", "\r\n")
    for candidate in proposals(dos, 50):
        assert re.search(rb"(?<!\r)\n", candidate.program.files["whole.py"]) is None


def test_renaming_things_renames_what_is_proposed():
    names = {
        "work": "q", "due": "a_much_longer_name", "gone": "k1", "made": "k2", "here": "k3",
        "decide": "pick", "Policy": "Thing", "seen": "view", "job": "setting", "left": "rest",
    }  # fmt: skip

    def renamed(text):
        return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)

    text = POLICY.replace("work done", "w d").replace(": work", ":")
    ours = proposals(text, 120)
    theirs = proposals(renamed(text), 120)
    assert [renamed(c.program.text("whole.py")) for c in ours] == [
        c.program.text("whole.py") for c in theirs
    ]
    assert [renamed(c.lineage.plan) for c in ours] == [c.lineage.plan for c in theirs]


def test_the_kinds_of_rule_that_matter_are_within_reach():
    found = "\n".join(texts(POLICY, 1000))
    scaled = r"(seen\[\"\w+\"\]|left|self\.\w+)"
    assert re.search(rf'if {scaled} [<>] [\d.]+ \* {scaled}:\n\s+return "(WAIT|HURRY|RUN)"', found)
    assert re.search(rf"{scaled} \* {scaled} [<>] [\d.]+ \* {scaled} \* {scaled}", found)
    assert re.search(r"self\.state_1 = self\.state_1 \+ 1 if .* else 0", found), "a streak"
    assert re.search(r"self\.state_1 \+= [\d.]+ \* \(.* - self\.state_1\)", found), "an average"
    assert re.search(r'if seen\["here"\] and ', found)
    assert re.search(r'if not seen\["here"\]', found)
    assert re.search(r'return "HURRY" if .* else "WAIT"', found)
    assert re.search(r"if left >= self\.due", found)


def test_the_plan_says_what_and_where():
    plans = [c.lineage.plan for c in proposals(POLICY, 60)]
    assert all(re.search(r"line \d+", plan) for plan in plans)
    assert any("in Policy.decide, line" in plan for plan in plans)


GREEDY = """class Policy:
    def __init__(self, job):
        self.job = job

    def decide(self, seen):
        if seen["here"]:
            return "RUN"
        return "WAIT"
"""
STATEMENT = """## The policy
Made by `Policy(job)`, where `job` holds `work` and `due`. Then `decide(seen)` is called with
`gone` (hours), `made` (hours) and `mood` (a name).

## Rules
The `deadline` is hard.
"""


def test_keys_that_only_the_statement_names_are_used():
    assert 'seen["gone"]' not in "".join(texts(GREEDY, 200))
    found = "".join(texts(GREEDY, 200, statement=STATEMENT))
    assert 'seen["gone"]' in found
    assert 'self.job["due"]' in found
    assert '"deadline"' not in found
    assert 'seen["mood"] <' not in found


def test_a_key_that_is_not_there_is_not_tried_again():
    mutate = Mutate()
    failed = Evaluation(
        split=Split.TRAIN,
        status=Status.CRASHED,
        samples=(),
        workloads="",
        isolation=Isolation("fake", IsolationLevel.SEPARATE, {}, {}),
        reason="decide raised KeyError: 'gone'",
    )
    told = trial(1, Program({"whole.py": b"x = 1\n"}), None)
    mutate.observe(replace(told, evaluations=(failed,)))
    found = "".join(texts(GREEDY, 200, statement=STATEMENT, mutate=mutate))
    assert '"gone"' not in found
    assert '"made"' in found


def test_programs_do_not_outgrow_the_first_one():
    mutate = Mutate()
    parent = trial(0, Program({"whole.py": GREEDY.encode()}), 1.0)
    mutate.observe(parent)
    for ordinal in range(1, 150):
        for answer in asyncio.run(mutate.propose(context(parent, ordinal))):
            if isinstance(answer, Candidate):
                parent = trial(ordinal, answer.program, 1.0)
                mutate.observe(parent)
    assert parent.number > 120
    assert len(parent.program.files["whole.py"]) < 5000


def test_a_proposal_costs_milliseconds():
    started = time.process_time()
    texts(POLICY, 100)
    assert (time.process_time() - started) / 100 < 0.02
