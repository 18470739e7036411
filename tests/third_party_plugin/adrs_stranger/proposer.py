"""Proposes programs with smaller numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from adrs import Candidate, Context, Lineage, Rejection, RejectionKind, Trial, edit_fault

_NUMBER = re.compile(rb"(?<![\w.])\d+\.\d+(?![\w.])")


class Halve:
    """Divides one number by two, and sometimes by more."""

    name = "halve"
    version = "2.3"
    confined = True
    waits_for = ""

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        parent = context.selection.parent
        random = Random(context.seed)
        found = [
            (path, number)
            for path, data in parent.program.files.items()
            if context.brief.may_edit(path)
            for number in _NUMBER.finditer(data)
        ]
        random.shuffle(found)
        lineage = Lineage(self.name, self.version, (parent.number,), plan="smaller")
        for path, number in found:
            data = parent.program.files[path]
            smaller = b"%r" % (float(number[0]) / random.uniform(2, 4))
            changed = data[: number.start()] + smaller + data[number.end() :]
            program = parent.program.replacing({path: changed})
            if program != parent.program and not edit_fault(program, parent.program, context.brief):
                return [Candidate(program, lineage)]
        return [Rejection(RejectionKind.NOTHING_PROPOSED, "no number to halve", lineage)]

    def observe(self, trial: Trial) -> None:
        """Learns nothing."""
