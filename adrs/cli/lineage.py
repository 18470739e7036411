"""`adrs lineage`: how a trial came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._options import Json, StoreUrl, TrialName

if TYPE_CHECKING:
    from adrs.model.trial import Trial
    from adrs.ports.store import Record


def lineage(trial: TrialName, store: StoreUrl = None, as_json: Json = False) -> None:
    """Show the steps from the seed to a trial."""
    from adrs.cli._looking import elsewhere, opened, scored, title_of, trial_named, trial_record
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless

    screen = Screen(as_json)
    with opened(store) as record:
        info, found = trial_named(record, trial)
        chain = _chain(record, info.name, found)
        task = record.task(info.name)
    if as_json:
        steps = [trial_record(info.name, step, chain[0], task) for step in chain]
        screen.json({"trial": f"{info.name}/{found.number}", "lineage": steps})
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
            harmless(step.lineage.plan, 200),
        )
        for step in chain
    ]
    screen.table(["trial", "proposer", title_of(task.objective), "from", "plan"], rows)


def _chain(record: Record, run: str, trial: Trial) -> list[Trial]:
    """First parents from the seed to `trial`; a parent always has a smaller number."""
    chain = [trial]
    while chain[-1].lineage.parents and chain[-1].number > 0:
        chain.append(record.trial(run, chain[-1].lineage.parents[0]))
    return chain[::-1]
