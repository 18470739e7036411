"""The planner holds the contract of proposers, with a model that adds a line of no use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adrs_agents.planner import Planner
from unit.agents.planner.fakes import FakeModels, ideas

from adrs import Candidate, Context, Prompt, Proposer, Rejection
from adrs.testing import ProposerContract

FILE = re.compile(r"^FILE: (\S+)\n```\n(.*?)^```$", re.M | re.S)


def answer(prompt: Prompt) -> str:
    """A plan, or a line more before the last return of the last file that may be edited."""
    if prompt.step == "plan":
        return ideas(3)
    shown = prompt.messages[1].content.partition(", not editable")[0]
    found = [(path, re.findall(r"^ +return .+$", text, re.M)) for path, text in FILE.findall(shown)]
    found = [(path, lines) for path, lines in found if lines]
    if not found:
        return "I would leave it as it is."
    path, lines = found[-1]
    line = lines[-1]
    indent = line[: len(line) - len(line.lstrip())]
    more = f'{indent}mark = "{prompt.digest[:8]}"'
    return f"FILE: {path}\n<<<<<<< SEARCH\n{line}\n=======\n{more}\n{line}\n>>>>>>> REPLACE\n"


class Furnished(Planner):
    """The planner in a run that has a model."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._wanted = wanted

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        return await super().propose(
            replace(context, models=FakeModels(answer), wanted=self._wanted)
        )


class TestPlanner(ProposerContract):
    def proposer(self) -> Proposer:
        return Furnished(3)


class TestPlannerWithOneIdeaACall(ProposerContract):
    def proposer(self) -> Proposer:
        return Furnished(1)
