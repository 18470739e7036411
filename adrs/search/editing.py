"""Whether a candidate changed only what the task lets it change."""

from __future__ import annotations

import re

from adrs.model.program import Program
from adrs.model.task import Brief

_BLOCK = re.compile(
    rb"^(?P<start>[^\n]*EVOLVE-BLOCK-START[^\n]*\n).*?(?P<end>^[^\n]*EVOLVE-BLOCK-END)", re.M | re.S
)


def edit_fault(program: Program, seed: Program, brief: Brief) -> str:
    """What a candidate changed and should not have, in words; "" if nothing.

    Only files that match the editable globs may be added, removed or changed. Where the seed's file
    has EVOLVE-BLOCK marks, only what stands between them.
    """
    for path in sorted(program.files.keys() | seed.files.keys()):
        before, after = seed.files.get(path), program.files.get(path)
        if before == after:
            continue
        if not brief.may_edit(path):
            return f"{path} is not editable; editable: {', '.join(brief.editable)}"
        if before is None or not _BLOCK.search(before):
            continue
        if after is None or _fixed_part(after) != _fixed_part(before):
            return f"{path} was changed outside its EVOLVE-BLOCK marks"
    return ""


def _fixed_part(data: bytes) -> bytes:
    return _BLOCK.sub(rb"\g<start>\g<end>", data)
