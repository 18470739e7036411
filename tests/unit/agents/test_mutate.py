"""Structural edits: in scope, whole, local, and blind to names."""

from __future__ import annotations

import ast
import asyncio
import re
import time
from dataclasses import replace

from adrs_agents.mutate import Mutate

from adrs import Candidate, Evaluation, Isolation, IsolationLevel, Lineage, Program, Split, Status
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


def test_a_function_that_always_answers_still_does():
    """It ends in a return, or in a branch of which both sides do; never behind its last line."""
    for text in texts(GREEDY, 300):
        last = ast.parse(text).body[0].body[-1].body[-1]
        while isinstance(last, ast.If) and last.orelse:
            assert isinstance(last.body[-1], ast.Return), text
            last = last.orelse[-1]
        assert isinstance(last, ast.Return), text


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


def crash(reason):
    return Evaluation(
        split=Split.TRAIN,
        status=Status.CRASHED,
        samples=(),
        workloads="",
        isolation=Isolation("fake", IsolationLevel.SEPARATE, {}, {}),
        reason=reason,
    )


def test_a_key_that_is_not_there_is_not_tried_again():
    mutate = Mutate()
    told = trial(1, Program({"whole.py": b"x = 1\n"}), None)
    mutate.observe(replace(told, evaluations=(crash("decide raised KeyError: 'gone'"),)))
    found = "".join(texts(GREEDY, 200, statement=STATEMENT, mutate=mutate))
    assert '"gone"' not in found
    assert '"made"' in found


def crash_of(candidate):
    """What the interpreter says of a policy whose argument is a dict, as the job is."""
    names = {}
    exec(compile(candidate.program.text("whole.py"), "whole.py", "exec"), names)
    try:
        policy = names["Policy"]({"due": 1.0})
        for here in (True, False, True):
            policy.decide({"here": here, "gone": 2.0})
    except Exception as error:
        return f"decide raised {type(error).__name__}: {error}"
    return ""


def test_what_turned_out_to_be_no_number_is_hardly_used_as_one_again():
    """Nothing documents the keys, so the dicts themselves look like quantities at first."""
    mutate = Mutate()
    seed = trial(0, Program({"whole.py": GREEDY.encode()}), 1.0)
    mutate.observe(seed)
    crashed = []
    for ordinal in range(1, 200):
        for answer in asyncio.run(mutate.propose(context(seed, ordinal))):
            if isinstance(answer, Candidate):
                reason = crash_of(answer)
                crashed.append("TypeError" in reason)
                told = trial(ordinal, answer.program, None if reason else 2.0 + ordinal)
                told = replace(told, candidate=answer)
                if reason:
                    told = replace(told, evaluations=(crash(reason),))
                mutate.observe(told)
    assert sum(crashed[:10]) >= 2, "at first nothing is known"
    assert sum(crashed[40:]) <= 0.1 * len(crashed[40:])


def test_one_crash_does_not_condemn_what_has_scored():
    statement = "Made by `Policy(job)`, where `job` holds `work` and `due`."
    mutate = Mutate()
    seed = trial(0, Program({"whole.py": GREEDY.encode()}), 1.0)
    mutate.observe(seed)
    works = 'if self.job["due"] > 2:\n            return "WAIT"\n        if seen["here"]'
    fails = (
        'if self.job["due"] > self.job["work"]:\n            return "RUN"\n        if seen["here"]'
    )
    for number, (test, value) in enumerate(((works, 2.0), (fails, None)), start=1):
        program = Program({"whole.py": GREEDY.replace('if seen["here"]', test).encode()})
        told = trial(number, program, value)
        told = replace(told, candidate=Candidate(program, Lineage("x", "", (0,))))
        if value is None:
            told = replace(told, evaluations=(crash("TypeError: not a number"),))
        mutate.observe(told)
    found = "".join(texts(GREEDY, 200, statement=statement, mutate=mutate))
    assert found.count('self.job["due"]') > 3 * found.count('self.job["work"]') > 0


def test_what_had_no_effect_is_not_built_on():
    longer = GREEDY.replace(
        'return "WAIT"', 'if seen["here"]:\n            pass\n        return "WAIT"'
    )
    other = GREEDY.replace('return "WAIT"', 'return "WAIT" or 1')
    lean, padded, worse = (
        trial(number, Program({"whole.py": text.encode()}), value)
        for number, (text, value) in enumerate(((GREEDY, 1.0), (longer, 1.0), (other, 2.0)))
    )
    mutate = Mutate()
    for told in (lean, padded, worse):
        mutate.observe(told)
    parents = {
        parent.number: {
            answer.lineage.parents
            for ordinal in range(20)
            for answer in asyncio.run(mutate.propose(context(parent, ordinal)))
        }
        for parent in (lean, padded, worse)
    }
    assert parents == {0: {(0,)}, 1: {(0,)}, 2: {(2,)}}


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
