"""The offline proposers hold the contract, on random files and in other processes too."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from adrs_agents.cross import Cross
from adrs_agents.mutate import Mutate
from adrs_agents.tune import Tune
from hypothesis import given, settings
from hypothesis import strategies as st

from adrs import Program, Proposer, Rejection, RejectionKind
from adrs.testing import ProposerContract
from adrs.testing.proposer_contract import PROGRAM, context, trial

ROOT = Path(__file__).parents[2]
ALL = (Tune, Mutate, Cross)


class TestTune(ProposerContract):
    def proposer(self) -> Proposer:
        return Tune()


class TestMutate(ProposerContract):
    def proposer(self) -> Proposer:
        return Mutate()


class TestCross(ProposerContract):
    def proposer(self) -> Proposer:
        return Cross()


def propose(proposer, asked):
    return list(asyncio.run(proposer.propose(asked)))


@pytest.mark.parametrize("kind", ALL)
def test_nothing_editable_is_exhausted(kind):
    proposer = kind()
    seed = trial(0, Program({"main.rs": b"fn main() {}\n"}), 1.0)
    proposer.observe(seed)
    assert propose(proposer, context(seed, editable=("*.rs",))) == []
    assert propose(proposer, context(trial(0, PROGRAM, 1.0), editable=("notes.txt",))) == []


@pytest.mark.parametrize("kind", ALL)
def test_what_is_not_python_is_refused_with_a_reason(kind):
    seed = trial(0, Program({"whole.py": b"def broken(:\n"}), 1.0)
    (answer,) = propose(kind(), context(seed))
    assert isinstance(answer, Rejection)
    assert answer.kind is RejectionKind.NOTHING_PROPOSED
    assert "whole.py" in answer.reason


@pytest.mark.parametrize("kind", ALL)
def test_a_program_without_anything_to_change_is_refused(kind):
    seed = trial(0, Program({"whole.py": b"pass\n"}), 1.0)
    (answer,) = propose(kind(), context(seed))
    assert isinstance(answer, Rejection)
    assert answer.kind is RejectionKind.NOTHING_PROPOSED


FRAGMENTS = st.sampled_from(
    [
        "def f(a, b=2.5):", "class C:", "    def __init__(self, x):", "        self.x = x", "if a:",
        "    return 1.5", "        return self.x * 2", "    for i in a:", "        continue",
        "x = 3", "x += 1", "    x = a['key'] < 4 and not b", "else:", "    pass", "\t", "'''",
        "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END", "    return 'ä' if a else 'ö'", "@dec",
        "    while True: break", "    with a as c, b: x = c", "    del x", "    global g",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(FRAGMENTS, max_size=14).map("\n".join),
        st.text(max_size=200),
    ),
    st.integers(0, 2**32),
)
def test_random_files_never_make_a_proposer_raise(text, ordinal):
    data = text.encode("utf-8", "replace")
    seed = trial(0, Program({"a.py": data, "b.py": b"def g(u, v):\n    return u < 2.5\n"}), 1.0)
    mate = trial(1, Program({"a.py": data + b"\nz = 2.5\n", "b.py": b"x = 1\n"}), 0.5)
    for kind in ALL:
        proposer = kind()
        proposer.observe(seed)
        for answer in propose(proposer, context(seed, ordinal, [mate], ("*.py",))):
            if not isinstance(answer, Rejection):
                changed = answer.program.files
                for path in changed:
                    if changed[path] not in (seed.program.files[path], mate.program.files[path]):
                        compile(changed[path], path, "exec")


SCRIPT = """
import asyncio, hashlib
from adrs.testing.proposer_contract import search
from adrs_agents.cross import Cross
from adrs_agents.mutate import Mutate
from adrs_agents.tune import Tune
print(hashlib.sha256(repr([
    (getattr(a, "program", None) and getattr(a.program, "id", ""), a.lineage)
    for kind in (Tune, Mutate, Cross) for a in search(kind(), 30)[1]
]).encode()).hexdigest())
"""


def test_another_process_with_other_hashes_proposes_the_same():
    path = os.pathsep.join(str(ROOT / part) for part in (".", "agents"))
    said = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert said != {""}
