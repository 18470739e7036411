"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on the last line of stdout.")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="A folder, or sqlite:///FILE; by default ADRS_STORE, else .adrs here.",
    ),
]
NoBuild = Annotated[
    bool,
    typer.Option(
        "--no-build", help="Refuse to build or install what the task's environment lacks."
    ),
]
RunName = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="Name of a run; the latest by default."),
]
TrialName = Annotated[
    str,
    typer.Argument(metavar="TRIAL", help="RUN/NUMBER, or NUMBER in the latest run."),
]
