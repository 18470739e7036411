"""Runs one engine in this process, from the first trial to the last line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from adrs.cli._closing import show_closing, show_next
from adrs.cli._defaults import EXTERNAL
from adrs.cli._errors import EXIT_INTERRUPTED, show_error, show_note
from adrs.cli._lines import Lines
from adrs.cli._live import Live
from adrs.cli._looking import opened, resume_command, store_option, winners_folder
from adrs.cli._models import model_words
from adrs.cli._screen import Screen
from adrs.cli._text import harmless, listed
from adrs.cli._winners import keep_winner
from adrs.config import load_task
from adrs.errors import AdrsError, ConfigError, SeedFailed
from adrs.model.facts import Ended
from adrs.model.run import RunInfo, RunSettings, RunStatus
from adrs.model.task import Task
from adrs.ports.store import Store
from adrs.search import Search, assemble, check_settings, new_run, summarize
from adrs.search.following import Follower
from adrs.store.lineage import open_lineage
from adrs.trust import signing_key


def begin(screen: Screen, url: str | None, settings: RunSettings, may_build: bool) -> int:
    """Starts a new run and searches; the exit status.

    Args:
        url: of the store.
        settings: `task` may still be a name or a relative folder.
        may_build: whether the sandbox may build what the task's environment lacks.
    """
    task = load_task(settings.task)
    with opened(url, create=True) as store:
        info = new_run(store, task, replace(settings, task=str(task.folder)))
        try:
            return _drive(screen, store, info, task, url, may_build)
        except BaseException:
            # Nothing was measured, so nothing is worth keeping or going on with.
            if store.run(info.name).asked == 0:
                store.delete_run(info.name)
            raise


def go_on(
    screen: Screen, url: str | None, name: str, limits: Mapping[str, Any], may_build: bool
) -> int:
    """Goes on with a recorded run, with other limits if that is asked; the exit status.

    Args:
        limits: settings that may change, by name.
        may_build: whether the sandbox may build what the task's environment lacks.

    Raises:
        ConfigError: fewer trials than the run already has.
    """
    with opened(url) as store:
        info = store.run(name)
        done = max(0, info.told - 1)
        trials = limits.get("trials", info.settings.trials)
        if "trials" in limits and trials < max(1, done):
            raise ConfigError(
                f"--trials counts all trials of a run, and {name} has {done} already; "
                f"ask for more than that, not {trials}"
            )
        task = store.task(name)
        settings = replace(info.settings, **limits)
        check_settings(store, settings)
        return _drive(screen, store, replace(info, settings=settings), task, url, may_build)


def _drive(
    screen: Screen, store: Store, info: RunInfo, task: Task, url: str | None, may_build: bool
) -> int:
    name = info.name
    view = Live if screen.is_terminal and not screen.console.is_dumb_terminal else Lines
    failure: AdrsError | None = None
    signing_key()  # so that a key that cannot be used is known before the search, not after it
    with store.claim(name), _Interruption() as interruption:
        if info.settings != store.run(name).settings:
            store.amend_run(name, info.settings)
        follower = Follower(open_lineage(url), name, beside=not task.timed)
        try:
            with view(screen, store, name, task) as shown:
                assembled = partial(assemble, store, name, shown, may_build)
                introduce = partial(_introduce, screen, info, task)
                searched = _searched(
                    store, name, shown, interruption, assembled, introduce, follower
                )
                asyncio.run(searched)
        except AdrsError as error:
            if store.run(name).asked == 0:
                raise
            failure = error
        if follower.trouble:
            show_note(
                f"not all programs are commits yet, search and record are whole: {follower.trouble}"
            )
        summary = summarize(store, name, task)
        if failure is None:
            show_closing(screen, summary, task.objective)
            failure = _keep(store, summary, url)
        return _close(screen, summary, info, url, failure)


def _keep(store: Store, summary: dict[str, Any], url: str | None) -> AdrsError | None:
    """Writes a winner's folder and says where; why it could not be written."""
    if summary["certificate"] is None:
        return None
    try:
        folder = keep_winner(store, summary["run"], winners_folder(url))
    except AdrsError as error:
        return error
    summary["certificate"]["folder"] = str(folder)
    return None


def _close(
    screen: Screen,
    summary: dict[str, Any],
    info: RunInfo,
    url: str | None,
    failure: AdrsError | None,
) -> int:
    """Says how it ended; the exit status."""
    code = EXIT_INTERRUPTED if summary["status"] == RunStatus.INTERRUPTED else 0
    if failure is None:
        show_next(screen, summary, info.settings, url)
    else:
        code = failure.exit_status
        summary |= {"error": str(failure), "exit_status": code}
        show_error(str(failure))
        command = resume_command(info.name, url)
        if isinstance(failure, SeedFailed):
            command = f"adrs show {info.name}/0{store_option(url)}"
        screen.line("what was recorded is kept; next: ", (command, "cyan"))
    if screen.as_json:
        screen.json(summary)
    return code


def _introduce(screen: Screen, info: RunInfo, task: Task) -> None:
    settings = info.settings
    more = [] if settings.max_minutes is None else [f"at most {settings.max_minutes:g} minutes"]
    facts = [
        f"{settings.trials} trials",
        *more,
        f"seed {settings.seed}",
        f"{settings.workers} {'worker' if settings.workers == 1 else 'workers'}",
        f"proposers {listed(settings.proposers)}",
        f"archive {settings.archive}",
        *(["then an adversary"] if settings.adversary else []),
        *(f"counterexamples of {harmless(run)}" for run in settings.counterexamples),
    ]
    screen.line((info.name, "bold"), f"  {harmless(task.brief.title)}")
    screen.line((", ".join(facts), "dim"))
    for words in model_words(task, settings):
        screen.line((words, "dim"))
    if EXTERNAL in settings.proposers:
        screen.line(("agents take part by: ", "dim"), (f"adrs ask {info.name}", "cyan"))


async def _searched(
    store: Store,
    name: str,
    view: Live | Lines,
    interruption: _Interruption,
    assembled: Callable[[], Awaitable[Search]],
    introduce: Callable[[], None],
    follower: Follower,
) -> None:
    interruption.ends(asyncio.current_task())
    try:
        search = await assembled()
    except asyncio.CancelledError:
        store.append(name, [Ended(RunStatus.INTERRUPTED, interruption.reason)])
        return
    introduce()
    view.attach(search)
    interruption.ends(view)
    clock = asyncio.create_task(_tick(view))
    try:
        async with follower:
            await search.go()
    finally:
        clock.cancel()
        interruption.ends(None)


async def _tick(view: Live | Lines) -> None:
    while True:
        await asyncio.sleep(view.period_s)
        view.refresh()


class _Interruption:
    """Turns SIGINT and SIGTERM into an orderly end, however often and whenever they come.

    Attributes:
        reason: the signal that came first, "" if none did.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._target: Live | Lines | asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Interruption:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        # After a first signal this process is about to end, so a late one is as good as obeyed.
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self.reason else handler)

    def ends(self, target: Live | Lines | asyncio.Task[None] | None) -> None:
        """Says what a signal ends from now on; at once, if one has come already."""
        self._target = target
        self._loop = asyncio.get_running_loop() if target is not None else None
        if self.reason:
            self._end()

    def _heard(self, number: int, _: object) -> None:
        # Later signals must not cut short the closing of sandboxes that the first one began.
        if self.reason:
            return
        self.reason = signal.Signals(number).name
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if isinstance(self._target, asyncio.Task):
            self._target.cancel()
        elif self._target is not None:
            self._target.phase("stopping; what was told is kept")
            self._target.stop(self.reason)
