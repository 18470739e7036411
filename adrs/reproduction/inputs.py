"""Whether what a run was made of is still what it was: stored bytes, and the task's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from adrs.model.program import Program
from adrs.model.run import RunInfo
from adrs.model.task import Brief, Task
from adrs.ports.store import Record
from adrs.reproduction.difference import Difference, Differs

_DECLARED = ("evaluator", "stages", "environment", "generator")
_STATEMENT = "README.md"
_MORE = 5


def check_bytes(record: Record, run: str) -> None:
    """Sees that every stored byte of a run is the one that was stored.

    Raises:
        Differs: one is not.
    """
    found = record.damages(run)
    if not found:
        return
    where, _, fault = found[0].rpartition(": ")
    more = f", and {len(found) - 1} more like this" if len(found) > 1 else ""
    raise Differs(
        Difference(
            where=where,
            expected="the bytes that were stored",
            came=f"{fault}{more}",
            cause="the store's file was changed or damaged after it was written",
            cure="take a copy of the store from before; `adrs store check` says how far it goes",
        )
    )


def check_task(info: RunInfo, recorded: Task, task: Task) -> str:
    """Sees that what decides a measurement is as it was when the run was made.

    Args:
        recorded: the task as the record has it.
        task: the task as it is in its folder.

    Returns:
        What changed and decides no measurement, in words; "" if nothing did.

    Raises:
        Differs: a file is another one.
    """
    if task.digest != info.task_digest:
        changed = _changed_files(recorded, task)
        more = f", and {len(changed) - _MORE} more" if len(changed) > _MORE else ""
        raise Differs(
            Difference(
                where=f"the task's {', '.join(changed[:_MORE])}{more}",
                expected=f"what the run was made with (digest {info.task_digest[:16]}...)",
                came=f"other files in {task.folder} (digest {task.digest[:16]}...)",
                cause="the task was changed after the run began",
                cure="put the files back as they were, or start a new run on the task as it is",
            )
        )
    if task.brief.statement != recorded.brief.statement:
        return (
            f"the statement, {_STATEMENT}, was changed since; proposals are made by the recorded "
            "one"
        )
    return ""


def _changed_files(recorded: Task, task: Task) -> list[str]:
    """The files that are not as they were, each in words."""
    if recorded.files:
        return [_file_words(path, recorded.files, task.files) for path in _unlike(recorded, task)]
    # Older records have the digest of all files, and the content of some.
    found = _changed_programs(recorded, task)
    brief = {field.name for field in fields(Brief)} - {"statement"}
    if any(getattr(recorded.brief, name) != getattr(task.brief, name) for name in brief) or any(
        getattr(recorded, name) != getattr(task, name) for name in _DECLARED
    ):
        found.append("task.toml")
    return found or ["judge.py, or another file beside it"]


def _unlike(recorded: Task, task: Task) -> list[str]:
    paths = sorted(recorded.files.keys() | task.files.keys())
    return [path for path in paths if recorded.files.get(path) != task.files.get(path)]


def _changed_programs(recorded: Task, task: Task) -> list[str]:
    pairs: dict[str, tuple[Program | None, Program | None]] = {
        "seed program": (recorded.seed, task.seed)
    }
    for name in sorted(recorded.references.keys() | task.references.keys()):
        pairs[f"reference {name}"] = (recorded.references.get(name), task.references.get(name))
    found = []
    for words, (was, now) in pairs.items():
        before: Mapping[str, str] = {} if was is None else was.digests
        after: Mapping[str, str] = {} if now is None else now.digests
        found += [
            f"{words}, {_file_words(path, before, after)}"
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        ]
    return found


def _file_words(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if path not in after:
        return f"{path} (it is gone)"
    return path if path in before else f"{path} (it is new)"
