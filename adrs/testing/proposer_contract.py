"""What every proposer must hold, shown on a program that computes nothing of interest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adrs.model.evaluation import Score
from adrs.model.metric import Direction, Metric, Objective
from adrs.model.program import Program
from adrs.model.task import Brief, Limits
from adrs.model.trial import Candidate, Lineage, Rejection, Selection, Trial
from adrs.ports.proposer import Context, Proposer

PROGRAM = Program(
    {
        "notes.txt": b"not to be touched\n",
        "fixed.py": b"LIMIT = 7\n\n\ndef limit():\n    return LIMIT\n",
        "part.py": (
            b"SCALE = 2.0\n"
            b"# EVOLVE-BLOCK-START\n"
            b"def weight(size, age):\n"
            b"    if size > 3.5 and age < 10:\n"
            b"        return size * 0.5\n"
            b"    return 1.5\n"
            b"# EVOLVE-BLOCK-END\n"
            b"OFFSET = 4.0\n"
        ),
        "whole.py": (
            b"class Queue:\n"
            b"    def __init__(self, size):\n"
            b"        self.size = size\n"
            b"        self.level = 0.5\n"
            b"\n"
            b"    def admit(self, job):\n"
            b'        if job["weight"] > 0.25 * self.size:  # too heavy\n'
            b'            return "later"\n'
            b'        return "now"\n'
        ),
    }
)
EDITABLE = ("part.py", "whole.py")
_PART_BEFORE, _PART_AFTER = (
    b"SCALE = 2.0\n# EVOLVE-BLOCK-START\n",
    b"# EVOLVE-BLOCK-END\nOFFSET = 4.0\n",
)

ODD = (
    b"",
    b"\n\n\n",
    b"\xff\xfe\x00\x01",
    b"\xef\xbb\xbfx = 1\n",
    b"x = \x00 1\n",
    b"def broken(:\n",
    b"    indented = 1\n",
    b"(" * 3000,
    b"x = " + b"-" * 3000 + b"1\n",
    b"x = 1; y = 2; z = x if y else 3\n",
    b"def f(): return 1\r\ndef g(a, *b, c=2, **d): return a < c\r\n",
    b"x = 1\rif x: y = 2\relse: y = 3\r",
    b"# EVOLVE-BLOCK-START\nx = 1\n",
    b"# EVOLVE-BLOCK-END\nx = 1\n# EVOLVE-BLOCK-START\n",
    "def größe(länge):\n    größte = 'ä' * 3 if länge > 2.5 else 'ö'\n    return größte\n".encode(),
    b"class A:\n    pass\n\n\nclass B(A):\n"
    b"    def __init__(self):\n        pass\n    def f(s):\n        return s.x\n",
    b"async def f(x):\n    async for y in x:\n        await y\n"
    b"    return [z async for z in x if z > 1.5]\n",
    b"def f(x):\n    match x:\n"
    b"        case [1, *rest] if rest: return rest\n        case {'a': a}: return a\n",
    b"def f(x):\n    if x: return (\n  1.5,\n    2)\n    return f'{x!r:>{10}}'\n",
    b"lambda: (yield)\n",
    b"def f():\n    '''doc'''\n",
    b"x = 1e999\ny = 10 ** 9\nz = 0x_ff\n" + b"w = " + b"9" * 5000 + b"\n",
    b"try:\n    x = 1.5\nexcept* ValueError as e:\n    x = 2.5\nfinally:\n    pass\n",
)


def context(
    parent: Trial,
    ordinal: int = 1,
    inspirations: Sequence[Trial] = (),
    editable: tuple[str, ...] = EDITABLE,
) -> Context:
    """What a run would hand to a proposer."""
    cost = Metric("cost", Direction.MINIMIZE, "1")
    brief = Brief(
        name="contract",
        title="Hold the contract",
        statement="Make `cost` small.",
        editable=editable,
        entry="whole:Queue",
        objective=Objective(cost),
        metrics=(cost,),
        constraints=(),
        limits=Limits(),
    )
    selection = Selection(0, parent, tuple(inspirations))
    return Context(brief, ordinal, 1_000_003 * ordinal, selection, parent)


def trial(number: int, program: Program, value: float | None, proposer: str = "seed") -> Trial:
    """A told trial; `value` is its objective, None if it failed."""
    score = None if value is None else Score(value)
    return Trial(number, Candidate(program, Lineage(proposer)), score=score)


class ProposerContract:
    """Subclass it, override `proposer`, and let pytest find the subclass."""

    def proposer(self) -> Proposer:
        """A fresh one, which has observed nothing."""
        raise NotImplementedError

    def test_it_is_a_proposer(self) -> None:
        made = self.proposer()
        assert isinstance(made, Proposer)
        assert made.name
        assert made.version
        assert made.confined in (True, False)

    def test_it_proposes_something_for_an_ordinary_program(self) -> None:
        assert any(isinstance(answer, Candidate) for answer in search(self.proposer(), 12)[1])

    def test_the_same_trials_give_the_same_answers(self) -> None:
        assert search(self.proposer(), 12) == search(self.proposer(), 12)

    def test_it_is_what_it_observed(self) -> None:
        """One that was shown the trials answers as the one that was there all the time."""
        busy, shown = self.proposer(), self.proposer()
        trials, _ = search(busy, 12)
        for told in trials:
            shown.observe(told)
        for ordinal in range(100, 108):
            asked = context(trials[ordinal % len(trials)], ordinal, trials[:2])
            assert _answers(busy, asked) == _answers(shown, asked)

    def test_asking_changes_nothing(self) -> None:
        made = self.proposer()
        seed = trial(0, PROGRAM, 1.0)
        made.observe(seed)
        first = _answers(made, context(seed, 1))
        for ordinal in range(2, 6):
            _answers(made, context(seed, ordinal))
        assert _answers(made, context(seed, 1)) == first

    def test_it_changes_only_what_it_may(self) -> None:
        for answer in search(self.proposer(), 25)[1]:
            if isinstance(answer, Candidate):
                _check_untouched(answer.program)

    def test_a_candidate_is_new(self) -> None:
        for answer in search(self.proposer(), 25)[1]:
            if isinstance(answer, Candidate):
                assert answer.program != PROGRAM

    def test_every_answer_says_where_it_comes_from(self) -> None:
        made = self.proposer()
        known = {0}
        trials, answers = search(made, 12)
        known |= {told.number for told in trials}
        for answer in answers:
            assert answer.lineage.proposer == made.name
            assert answer.lineage.version == made.version
            assert set(answer.lineage.parents) <= known
            assert set(answer.lineage.inspirations) <= known
            if isinstance(answer, Candidate):
                assert answer.lineage.parents
                assert answer.lineage.plan
            else:
                assert answer.reason

    @pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
    def test_an_odd_program_is_no_reason_to_raise(self, data: bytes) -> None:
        made = self.proposer()
        seed = trial(0, Program({"odd.py": data, "odd.txt": data}), 1.0)
        other = trial(1, Program({"odd.py": data + b"\nq = 1.5\n", "odd.txt": data}), None)
        made.observe(seed)
        made.observe(other)
        for ordinal in range(4):
            asked = context(seed, ordinal, [other], editable=("odd.*",))
            for answer in _answers(made, asked):
                assert isinstance(answer, (Candidate, Rejection))

    def test_a_failed_trial_is_observed_like_any_other(self) -> None:
        made = self.proposer()
        seed = trial(0, PROGRAM, 1.0)
        made.observe(seed)
        made.observe(trial(1, PROGRAM.replacing({"whole.py": b"def broken(:\n"}), None))
        assert _answers(made, context(seed, 1))


def _answers(proposer: Proposer, asked: Context) -> list[Candidate | Rejection]:
    return list(asyncio.run(proposer.propose(asked)))


def search(proposer: Proposer, count: int) -> tuple[list[Trial], list[Candidate | Rejection]]:
    """A tiny search: every other proposal builds on an earlier trial; some trials fail."""
    # Two relatives of the program, so that there is something to cross and to compare.
    relative = PROGRAM.replacing(
        {
            "part.py": PROGRAM.files["part.py"].replace(b"size * 0.5", b"size * 0.75"),
            "whole.py": PROGRAM.files["whole.py"]
            .replace(b"> 0.25", b">= 0.5")
            .replace(b'return "now"', b'return "now" if self.size > 2.5 else "later"'),
        }
    )
    trials = [trial(0, PROGRAM, 10.0), trial(1, relative, 9.0)]
    for told in trials:
        proposer.observe(told)
    answers: list[Candidate | Rejection] = []
    for ordinal in range(count):
        parent = trials[-1 if ordinal % 2 else ordinal % len(trials)]
        asked = context(parent, ordinal, [t for t in trials[:3] if t is not parent])
        for answer in _answers(proposer, asked):
            answers.append(answer)
            if isinstance(answer, Candidate):
                value = None if ordinal % 5 == 4 else float(int(answer.program.id[:4], 16))
                told = trial(len(trials), answer.program, value, proposer.name)
                trials.append(told)
                proposer.observe(told)
    return trials, answers


def _check_untouched(program: Program) -> None:
    for path in ("notes.txt", "fixed.py"):
        assert program.files[path] == PROGRAM.files[path], f"{path} is not editable"
    assert program.files.keys() == PROGRAM.files.keys()
    part = program.files["part.py"]
    assert part.startswith(_PART_BEFORE), "changed in front of the EVOLVE-BLOCK"
    assert part.endswith(_PART_AFTER), "changed behind the EVOLVE-BLOCK"
