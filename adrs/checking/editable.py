"""What may change can be changed, and known programs change nothing else."""

from __future__ import annotations

import re

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.program import MAX_BYTES, Program
from adrs.search.editing import edit_fault

_MARK = re.compile(rb"EVOLVE-BLOCK-(START|END)")
_LARGE = 0.5  # share of a program's bytes that the seed may take


async def editable_is_right(examination: Examination, report: Report) -> None:
    """Marks that come in pairs, and edits of known programs that a proposer could make."""
    task = examination.task
    for path, data in task.seed.files.items():
        if words := _unpaired(data):
            report.fault(
                f"{path} has EVOLVE-BLOCK marks that do not come in pairs: {words}",
                "write START and END in turns, each on a line of its own",
                file=path,
            )
        elif _MARK.search(data) and not task.brief.may_edit(path):
            report.fault(
                f"{path} has EVOLVE-BLOCK marks and is not editable",
                f"add it to editable in [program], which is {', '.join(task.brief.editable)}",
                file=path,
            )
    size = sum(map(len, task.seed.files.values()))
    if size > _LARGE * MAX_BYTES:
        report.advice(
            f"the seed has {size} bytes of the {MAX_BYTES} that a program may have",
            "leave out what no program needs: nothing can be added to it",
            bytes=size,
        )
    for name, program in examination.honest:
        _reachable(examination, report, name, program)
    for name, program in examination.known.cheats.items():
        _reachable(examination, report, f"checks/cheats/{name}", program)
    if not report.results:
        files = [path for path in task.seed.files if task.brief.may_edit(path)]
        report.ok(f"{len(files)} of the seed's {len(task.seed.files)} files may be edited")


def _unpaired(data: bytes) -> str:
    marks = [match[1].decode() for match in _MARK.finditer(data)]
    expected = ["START", "END"] * (len(marks) // 2 + 1)
    if len(marks) % 2 == 0 and marks == expected[: len(marks)]:
        return ""
    return ", ".join(marks)


def _reachable(examination: Examination, report: Report, name: str, program: Program) -> None:
    task = examination.task
    if words := edit_fault(program, task.seed, task.brief):
        report.advice(
            f"no proposer could have made {name}: {words}",
            "keep known programs within what is editable, so that they say what a search can do",
        )
