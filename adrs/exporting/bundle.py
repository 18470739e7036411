"""A trial with everything that belongs to it, as a research object."""

from __future__ import annotations

from collections.abc import Mapping

from adrs.errors import ConfigError
from adrs.exporting.ancestry import ancestors
from adrs.exporting.certified import certified_files
from adrs.exporting.crate import METADATA, Crate
from adrs.exporting.facts import fact_files
from adrs.exporting.guide import guide
from adrs.model.program import Program
from adrs.model.text import harmless
from adrs.model.trial import Trial
from adrs.ports.store import Record
from adrs.trust import recorded_task_files


def bundle_files(record: Record, run: str, trial: Trial, redact: bool) -> dict[str, bytes]:
    """The files of an RO-Crate with a trial, its ancestors and its run, by path.

    Args:
        redact: leave out what models were asked and answered, but for hashes and lengths.

    Raises:
        ConfigError: the run is still going, so that its record is not yet what it will be.
        ConfigError: the task's files are gone or changed, or the signing key cannot be used.
    """
    info, task = record.run(run), record.task(run)
    if info.live:
        raise ConfigError(
            f"an engine works on {run}, so its record is not complete; wait for it, or end it with "
            f"`adrs stop {run}`"
        )
    folders = {"task": f"The task {task.name} as it was when the run was started"}
    folders["record"] = f"What is recorded of the run {run}"
    files = {f"task/{path}": data for path, data in recorded_task_files(task).items()}
    certified = record.certificate(run, trial.number) is not None
    if certified:
        folders["certificate"] = "The winner's folder, which `adrs verify` takes"
        files |= _below("certificate", certified_files(record, run, trial))
    programs: dict[str, tuple[Program, str]] = {
        f"programs/trial-{one.number}": (one.program, _described(one, trial))
        for one in [*ancestors(record, run, trial), record.trial(run, 0)]
    }
    for name, program in task.references.items():
        programs[f"programs/reference-{name}"] = (program, f"The task's reference program {name}")
    for folder, (program, words) in programs.items():
        folders[folder] = words
        files |= _below(folder, program.files)
    files |= fact_files(record, run, redact)
    files["README.md"] = guide(info, task, trial, certified=certified, redact=redact).encode()
    crate = Crate(info, task, trial, folders, certified=certified)
    return dict(sorted({**files, METADATA: crate.metadata(files)}.items()))


def _below(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": data for path, data in files.items()}


def _described(one: Trial, best: Trial) -> str:
    if one.number == 0:
        return "The seed, which the search started from"
    proposer = harmless(one.lineage.proposer, 40)
    if one.number == best.number:
        return f"The program of trial {one.number}, by {proposer}"
    return f"An ancestor, trial {one.number}, by {proposer}"
