"""The stranger's own tests: what ADRS asks of every evaluator, proposer and sandbox.

Not named like a test, so that only whoever names the file runs it: the package must be installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from adrs_stranger.evaluator import Tour
from adrs_stranger.proposer import Halve
from adrs_stranger.sandbox import Terse

from adrs import Evaluator, Program, Proposer, Sandbox, Setting, Status, load_task
from adrs.testing import EvaluatorContract, ProposerContract, SandboxContract


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Terse()


@pytest.fixture(scope="module")
def setting(sandbox: Sandbox) -> Setting:
    if unavailable := asyncio.run(sandbox.probe()).unavailable:
        pytest.skip(unavailable)
    return Setting(load_task("stranger-order"), sandbox)


class TestTour(EvaluatorContract):
    parameters = {"count": 5}  # noqa: RUF012 - declared ClassVar in the contract

    def evaluator(self) -> Evaluator:
        return Tour()

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        ends = {
            "1 / 0": Status.CRASHED,
            "ORDER = [0, 0]": Status.INVALID,
            "ORDER = 'sorted'": Status.INVALID,
            "while True: pass": Status.TIMED_OUT,
        }
        return [(Program({"main.py": text.encode()}), status) for text, status in ends.items()]


class TestHalve(ProposerContract):
    def proposer(self) -> Proposer:
        return Halve()


class TestTerse(SandboxContract):
    pass
