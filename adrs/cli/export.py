"""`adrs export`: a trial in a form that others take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from adrs.cli._options import Json, StoreUrl, TrialName
from adrs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adrs.model.trial import Trial
    from adrs.ports.store import Record

Form = Literal["tree", "patch", "certificate", "bundle"]


def export(
    trial: TrialName,
    form: Annotated[Form, typer.Option("--as", help="What to make of the trial.")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="Where to write it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="In a bundle, only hashes of what models said."),
    ] = False,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Write a trial in a form that others take.

    Its files, a patch, its winner's folder, or a research object with all that belongs to it.
    """
    from adrs.cli._looking import opened, trial_named
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless
    from adrs.exporting import check_place, write_file, write_folder, zipped

    if redact and form != "bundle":
        raise ConfigError(f"--redact is for --as bundle; --as {form} holds no words of models")
    check_place(out, force)
    screen = Screen(as_json)
    with opened(store) as record:
        info, found = trial_named(record, trial)
        content = _content(record, info.name, found, form, redact)
    if isinstance(content, bytes):
        count, size = 1, len(content)
        write_file(content, out, force)
    else:
        count, size = len(content), sum(map(len, content.values()))
        if form == "bundle" and out.suffix == ".zip":
            write_file(zipped(content), out, force)
        else:
            write_folder(content, out, force)
    name = f"{info.name}/{found.number}"
    if as_json:
        screen.json({"trial": name, "as": form, "out": out, "files": count, "bytes": size})
        return
    files = "1 file" if count == 1 else f"{count} files"
    screen.line((name, "bold"), f" as a {form}: {files}, {size:,} bytes")
    screen.verbatim((harmless(str(out)), "cyan"))


def _content(
    record: Record, run: str, trial: Trial, form: Form, redact: bool
) -> bytes | Mapping[str, bytes]:
    """One file, or the files of a folder."""
    from adrs.exporting import bundle_files, certified_files, mailed_patch

    if form == "patch":
        return mailed_patch(record, run, trial)
    if form == "certificate":
        return certified_files(record, run, trial)
    if form == "bundle":
        return bundle_files(record, run, trial, redact)
    return trial.program.files
