"""From what a user names to the winners that are meant, and to the tasks that judge them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adrs import plugins
from adrs.cli._looking import opened, winners_folder
from adrs.cli._text import listed
from adrs.config import load_task
from adrs.errors import ConfigError, NotInStore
from adrs.model.run import RunInfo
from adrs.model.task import Task
from adrs.ports.store import Store
from adrs.trust import CERTIFICATE, Bundle, parse_certificate, read_folder

_SKIPPED = frozenset({".git", ".venv", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Winner:
    """Where a certificate is.

    Attributes:
        place: as the user named it.
        folder: the winner's folder; None if the certificate is that of a run in the store.
    """

    place: str
    folder: Path | None

    def read(self, store: Store) -> Bundle:
        """What is there, whole in itself.

        Raises:
            CertificateChanged: it is not what it says.
            ConfigError: it cannot be read, or the run has no certificate.
            NotInStore: there is no such run.
        """
        if self.folder is not None:
            return read_folder(self.folder)
        content = store.certificate(self.place)
        if content is None:
            raise ConfigError(
                f"run {self.place} has no certificate; a run gets one when it ends with WINNER, "
                f"and `adrs status {self.place}` says how it ended"
            )
        certificate = parse_certificate(content.encode())
        return Bundle(certificate, store.program(certificate.program.id), {})

    def recorded_task(self, store: Store) -> Path | None:
        """The task's folder as the run has it, if it is a run and the folder still exists."""
        if self.folder is not None:
            return None
        folder = Path(store.run(self.place).settings.task)
        return folder if folder.is_dir() else None


def check_store_place(url: str | None) -> None:
    """Sees that no store would be made in a winner's folder, which it would change.

    Raises:
        ConfigError: it would.
    """
    place = winners_folder(url).parent.resolve()
    inside = [one for one in (place, *place.parents) if (one / CERTIFICATE).is_file()]
    if inside and not place.exists():
        raise ConfigError(
            f"the attempt would be recorded in {place}, inside the winner's folder, which then is "
            "not as it was certified; go to the folder with your task and name the winner there "
            f"(adrs verify {inside[0]}), or name a store with --store"
        )


def winners_at(places: Sequence[str]) -> list[Winner]:
    """Every winner that is meant, once; what is no path is taken for a run.

    Args:
        places: where to look; the working folder if there are none.

    Raises:
        ConfigError: a folder without a certificate, or a file.
        ConfigError: a folder that cannot be read, so that a winner in it would be missed.
    """
    found: dict[Path | str, Winner] = {}
    for place in places or (".",):
        for winner in _at(place):
            found.setdefault(winner.folder.resolve() if winner.folder else place, winner)
    return list(found.values())


def _at(place: str) -> list[Winner]:
    path = Path(place)
    if path.is_dir():
        winners = [Winner(str(one), one) for one in _winners_below(path)]
        if not winners:
            raise ConfigError(
                f"no winner was found below {path.resolve()}: there is no {CERTIFICATE} in it; "
                "a run that ends with WINNER writes one. Nothing was verified"
            )
        return winners
    if path.exists():
        raise ConfigError(f"{place} is a file; name the winner's folder, {path.parent}")
    return [Winner(place, None)]


@contextmanager
def store_for(winners: Sequence[Winner], url: str | None) -> Iterator[Store]:
    """The store that attempts are recorded in; it is made where only folders are verified.

    Raises:
        ConfigError: what is no folder is no run either.
    """
    runs = [winner.place for winner in winners if winner.folder is None]
    with ExitStack() as stack:
        try:
            store = stack.enter_context(opened(url, create=not runs))
            for run in runs:
                store.run(run)
        except NotInStore as error:
            raise ConfigError(
                f"neither a folder nor a run is named {listed(runs)}: {error}"
            ) from error
        yield store


def _winners_below(folder: Path) -> Iterator[Path]:
    """Every folder that has a certificate, in order; links are not followed."""
    for base, folders, names in os.walk(folder, onerror=_refuse):
        if CERTIFICATE in (*names, *folders):
            folders.clear()
            yield Path(base)
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)


def _refuse(error: OSError) -> None:
    raise ConfigError(
        f"{error.filename} cannot be searched for winners: {error.strerror}; name the folders to "
        "search without it, or let it be read"
    ) from error


def local_task(
    name: str, given: Task | None, recorded: Path | None, winner: Path | None
) -> Task | None:
    """The task of a name as it is on this machine: named by the user, recorded, installed, here.

    What lies inside a winner's folder is not of this machine, unless the user named it: who sent
    one sent both.

    Args:
        given: what the user named; then it is that or none.
        recorded: the folder that the winner's own run had.
        winner: the winner's folder.

    Raises:
        ConfigError: it is there, and cannot be read as a task.
        ConfigError: the user named another one.
    """
    if given is not None:
        if given.name != name:
            raise ConfigError(
                f"the winner is one of the task {name}, and --task names {given.name}, which is "
                "to judge alone; verify winners of several tasks one task after the other"
            )
        return given
    if recorded is not None:
        return load_task(recorded)
    if name in {plugin.name for plugin in plugins.installed_plugins("adrs.tasks")}:
        return load_task(plugins.task_folder(name))
    for folder in (Path("tasks", name), Path(name)):
        if not (folder / "task.toml").is_file() or is_inside(folder, winner):
            continue
        task = load_task(folder)
        if task.name == name:
            return task
    return None


def task_of_run(info: RunInfo) -> Task:
    """The task of a run as it is on this machine: where it was, or where one of its name is.

    Raises:
        ConfigError: it is there, and cannot be read as a task.
        ConfigError: it is not there any more.
    """
    folder = Path(info.settings.task)
    found = local_task(info.task, None, folder if folder.is_dir() else None, None)
    if found is None:
        raise ConfigError(
            f"{info.name} is of the task {info.task} in {folder}, and that folder is not there; "
            f"put it back, or go to a folder with tasks/{info.task} in it"
        )
    return found


def is_inside(folder: Path, winner: Path | None) -> bool:
    """Whether a folder came along with a winner."""
    return winner is not None and folder.resolve().is_relative_to(winner.resolve())


def no_task(name: str) -> ConfigError:
    """What to say where a certificate's task is not on this machine."""
    return ConfigError(
        f"the task {name} is not here: it is not installed, and neither tasks/{name} nor {name} "
        "is its folder. A winner is judged with a task of yours and not with the copy that came "
        "along; name yours with --task FOLDER, or permit that copy with --trust-bundled-judge"
    )
