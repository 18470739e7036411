"""`adrs lineage`: how a trial came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._options import Json, StoreUrl, TrialName

if TYPE_CHECKING:
    from pathlib import Path

    from adrs.cli._screen import Screen
    from adrs.model.trial import Trial
    from adrs.ports.store import Record


def lineage(trial: TrialName, store: StoreUrl = None, as_json: Json = False) -> None:
    """Show the steps from the seed to a trial, each with its git commit."""
    from adrs.cli._errors import show_note
    from adrs.cli._looking import elsewhere, opened, scored, title_of, trial_named, trial_record
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless

    screen = Screen(as_json)
    with opened(store) as record:
        info, found = trial_named(record, trial)
        chain = _chain(record, info.name, found)
        task = record.task(info.name)
        repository, commits, trouble = _commits(store, info.name)
    if as_json:
        steps = [
            {**trial_record(info.name, step, chain[0], task), "commit": commits.get(step.number)}
            for step in chain
        ]
        screen.json(
            {
                "trial": f"{info.name}/{found.number}",
                "lineage": steps,
                "repository": repository,
                "unavailable": trouble,
            }
        )
        return
    rows = [
        (
            (str(step.number), "bold"),
            harmless(step.lineage.proposer, 20),
            ", ".join(
                [
                    scored(step, chain[0], task),
                    *(f"{gap} on {on}" for on, gap in elsewhere(step, chain[0], task).items()),
                ]
            ),
            " + ".join(map(str, step.lineage.parents)) or "-",
            commits.get(step.number, "-")[:10],
            harmless(step.lineage.plan, 200),
        )
        for step in chain
    ]
    headers = ["trial", "proposer", title_of(task.objective), "from", "commit", "plan"]
    screen.table(headers, rows)
    if trouble is not None:
        show_note(f"no commits are shown: {trouble}")
    elif screen.is_terminal and found.number in commits:
        _show_next(screen, repository, commits[chain[0].number], commits[found.number])


def _chain(record: Record, run: str, trial: Trial) -> list[Trial]:
    """First parents from the seed to `trial`; a parent always has a smaller number."""
    chain = [trial]
    while chain[-1].lineage.parents and chain[-1].number > 0:
        chain.append(record.trial(run, chain[-1].lineage.parents[0]))
    return chain[::-1]


def _commits(url: str | None, run: str) -> tuple[Path, dict[int, str], str | None]:
    """The repository, the commit of each told trial, and why that cannot be said."""
    from contextlib import closing

    from adrs.errors import Unavailable
    from adrs.store.lineage import open_lineage

    with closing(open_lineage(url)) as lineage:
        try:
            return lineage.folder, lineage.commits(run), None
        except Unavailable as error:
            return lineage.folder, {}, str(error)


def _show_next(screen: Screen, repository: Path, first: str, last: str) -> None:
    """What to do with commits."""
    import os
    from shlex import quote

    git = f"git -C {quote(os.path.relpath(repository))}"
    commands = {
        f"{git} log --graph --oneline {last[:10]}": "all that it came from",
        f"{git} diff {first[:10]} {last[:10]}": "what changed on the way",
    }
    width = max(map(len, commands))
    screen.line("")
    for command, purpose in commands.items():
        screen.verbatim((f"{command:<{width}}", "cyan"), (f"  {purpose}", "dim"))
