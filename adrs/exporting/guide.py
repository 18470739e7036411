"""What a research object is and how to use it, in words."""

from __future__ import annotations

from adrs.model.run import RunInfo
from adrs.model.task import Task
from adrs.model.text import harmless
from adrs.model.trial import Trial

_CONTENT = {
    "`task/`": "the task: statement, judge, seed, references",
    "`programs/`": "the trial, those it was made of, back to the seed (`trial-0`), and references",
    "`record/run.json`, `summary.json`, `task.json`": "settings, what was found, what is declared",
    "`record/trials.jsonl`, `evaluations.jsonl`": "every trial with its lineage, every sample",
    "`record/rejections.jsonl`, `notes.jsonl`, `rounds.jsonl`, `rehearsals.jsonl`": "what else was",
    "`record/finding.json`, `calibration.json`, `adversary.json`": "verdict, noise; null if none",
    "`record/environment.json`": "machine, sandbox and installed packages of every figure",
    "`record/calls.jsonl`, `prompts.jsonl`": "what models were asked and answered",
    "`ro-crate-metadata.json`": "every file with its SHA-256 and size (RO-Crate 1.1)",
}


def guide(info: RunInfo, task: Task, trial: Trial, *, certified: bool, redact: bool) -> str:
    """The README.md of a bundle."""
    content = {"`certificate/`": "the winner's folder with its certificate"} if certified else {}
    content |= _CONTENT
    title = harmless(task.brief.title, 200)
    return "\n".join(
        [
            f"# Trial {trial.number} of {info.name}",
            "",
            f"Found by ADRS for the task {task.name}: {title}. One trial, the run that found it,",
            "and what is needed to check it.",
            "",
            "| place | what |",
            "|---|---|",
            *(f"| {place} | {what} |" for place, what in content.items()),
            "",
            *(
                ["What models were asked and answered was replaced by hashes and lengths.", ""]
                * redact
            ),
            *_verifying(certified),
            *_reproducing(info, task),
        ]
    )


def _verifying(certified: bool) -> list[str]:
    if not certified:
        return [
            "## Verify",
            "",
            "The trial has no certificate: it was not confirmed as a winner.",
            "",
        ]
    return [
        "## Verify",
        "",
        "Measure the winner again with a task that you trust, your own copy or one you have read:",
        "",
        "```",
        "pip install adrs-lab",
        "adrs verify certificate --task task",
        "```",
        "",
        "The copy of the task here came from whoever made this. Read `task/judge.py` before you",
        "believe what it says.",
        "",
    ]


def _reproducing(info: RunInfo, task: Task) -> list[str]:
    settings = info.settings
    command = f"adrs run task --trials {settings.trials} --seed {settings.seed}"
    command += "".join(f" --proposer {harmless(one, 60)}" for one in settings.proposers)
    command += f" --archive {harmless(settings.archive, 60)} --workers {settings.workers}"
    words = ["## Search again", "", "```", command, "```", ""]
    words += [
        f"The run had the settings in `record/run.json`; the task's digest is `{task.digest}`."
    ]
    if settings.models or settings.replays:
        words += ["Models were asked, which answer otherwise each time."]
    if settings.workers > 1:
        words += ["With several workers the order of results decides, so trials will differ."]
    return [*words, ""]
