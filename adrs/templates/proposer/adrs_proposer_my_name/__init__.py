"""Proposes programs in which one number is different."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from adrs import (
    Candidate,
    Context,
    Lineage,
    Rejection,
    RejectionKind,
    Trial,
    edit_fault,
)

_NUMBER = re.compile(rb"(?<![\w.])\d+\.\d+(?![\w.])")


class MyNameProposer:
    """Makes a number of the parent up to twice as large, or as small as a half.

    Its state follows from what it observed, and its chance from `context.seed`: nothing else, so
    that a run that is resumed goes on as it would have. Clocks and the network are out of bounds.
    """

    name = "my-name"
    version = "1"  # CHANGE it whenever the same run would be proposed something else
    confined = True  # it sees what is in its context, and no file of this machine
    waits_for = ""  # "model" or "agent" if proposing waits for one

    def __init__(self) -> None:
        self._known: set[str] = set()

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        """CHANGE: one or more candidates, or why there is none."""
        parent = context.selection.parent
        random = Random(context.seed)
        places = [
            (path, number)
            for path, content in parent.program.files.items()
            if context.brief.may_edit(path)
            for number in _NUMBER.finditer(content)
        ]
        random.shuffle(places)
        for path, number in places:
            before = float(number[0])
            after = float(f"{before * 2 ** random.uniform(-1, 1):.4g}")
            content = parent.program.files[path]
            changed = content[: number.start()] + b"%r" % after + content[number.end() :]
            program = parent.program.replacing({path: changed})
            # What stands outside of EVOLVE-BLOCK marks may not change either.
            if program.id in self._known or edit_fault(program, parent.program, context.brief):
                continue
            plan = f"{path}: {before:g} becomes {after:g}"
            return [
                Candidate(program, Lineage(self.name, self.version, (parent.number,), plan=plan))
            ]
        lineage = Lineage(self.name, self.version, (parent.number,))
        reason = "there is no number that may be changed"
        return [Rejection(RejectionKind.NOTHING_PROPOSED, reason, lineage)]

    def observe(self, trial: Trial) -> None:
        """Every trial of the run, whoever proposed it; what is known is not proposed again."""
        self._known.add(trial.candidate.program.id)
