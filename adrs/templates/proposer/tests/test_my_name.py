"""It holds what every proposer must hold, and does what it says."""

import asyncio

from adrs_proposer_my_name import MyNameProposer

from adrs import Candidate, Proposer, Rejection, installed_plugins
from adrs.testing import ProposerContract
from adrs.testing.proposer_contract import PROGRAM, context, trial


class TestContract(ProposerContract):
    def proposer(self) -> Proposer:
        return MyNameProposer()


def test_it_changes_one_number():
    (answer,) = asyncio.run(MyNameProposer().propose(context(trial(0, PROGRAM, 1.0))))
    assert isinstance(answer, Candidate)
    changed = [path for path, data in answer.program.files.items() if data != PROGRAM.files[path]]
    assert len(changed) == 1
    assert changed[0] in answer.lineage.plan


def test_it_says_why_it_has_nothing():
    (answer,) = asyncio.run(
        MyNameProposer().propose(context(trial(0, PROGRAM, 1.0), editable=("*.txt",)))
    )
    assert isinstance(answer, Rejection)
    assert "no number" in answer.reason


def test_it_is_installed_under_its_name():
    mine = [one for one in installed_plugins("adrs.proposers", check=True) if one.name == "my-name"]
    assert [one.error for one in mine] == [""]
