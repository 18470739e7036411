"""`adrs delete`: forget a run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from adrs.cli._options import Json, StoreUrl
from adrs.errors import ConfigError


def delete(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Forget a run, its trials, its programs and their commits.

    Looks at held-out workloads stay counted.
    """
    from adrs.cli._looking import opened
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    with opened(store) as record:
        count = max(0, record.run(run).told - 1)
        if not yes:
            if not sys.stdin.isatty():
                raise ConfigError(f"deleting {run} needs --yes where nobody can be asked")
            typer.confirm(f"forget {run} with its {count} trials?", abort=True, err=True)
        record.delete_run(run)
    _forget_commits(store, run)
    if as_json:
        screen.json({"run": run, "deleted": True, "trials": count})
    else:
        screen.line(f"{run} and its {count} trials are forgotten")


def _forget_commits(url: str | None, run: str) -> None:
    """The run's commits; what cannot be done now is said, and done by `adrs store gc`."""
    from contextlib import closing

    from adrs.cli._errors import show_note
    from adrs.errors import Unavailable
    from adrs.store.lineage import open_lineage

    with closing(open_lineage(url)) as lineage:
        try:
            lineage.forget(run)
        except Unavailable as error:
            show_note(f"its commits are there until the next `adrs store gc`: {error}")
