"""Whether a candidate changed only what the task lets it change."""

from __future__ import annotations

from adrs.model.program import Program
from adrs.model.task import Brief

_START, _END = b"EVOLVE-BLOCK-START", b"EVOLVE-BLOCK-END"


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
        fixed = None if before is None else _fixed_part(before)
        if fixed is not None and (after is None or _fixed_part(after) != fixed):
            return f"{path} was changed outside its EVOLVE-BLOCK marks"
    return ""


def _fixed_part(data: bytes) -> bytes | None:
    """A file without what stands between its EVOLVE-BLOCK marks; None if it has none.

    Linear in its length: a regular expression from mark to mark is not, and programs are hostile.
    """
    kept: list[bytes] = []
    opened, found = -1, False
    for line in data.split(b"\n"):
        if opened >= 0 and _END in line:
            del kept[opened:]
            opened, found = -1, True
        kept.append(line)
        if opened < 0 and _START in line:
            opened = len(kept)
    return b"\n".join(kept) if found else None
