"""Keeps the git lineage of a run close to its record, beside the search and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType

from adrs.store.lineage import GitLineage

PERIOD_S = 5.0
FINISH_S = 10.0


class Follower:
    """Writes a run's trials as commits every few seconds, and once more when the search is over.

    Used as a context around the search. Whatever goes wrong here is no fault of the search, and is
    made up for at the next attempt, or when somebody looks.

    Args:
        lineage: is closed at the end.
        beside: whether to do so while the search goes on, or only when it is over: timings are
            taken alone on the machine.

    Attributes:
        trouble: why trials are missing still; "" if all is well.
    """

    def __init__(self, lineage: GitLineage, run: str, beside: bool) -> None:
        self.trouble = ""
        self._lineage = lineage
        self._run = run
        self._beside = beside
        self._over = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Follower:
        if self._beside:
            self._work = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._work is not None:
            await self._work
        end = time.monotonic() + FINISH_S
        await self._catch_up(lambda: time.monotonic() > end)
        self._lineage.close()

    async def _follow(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), PERIOD_S)
                return
            await self._catch_up(self._over.is_set)

    async def _catch_up(self, ends: Callable[[], bool]) -> None:
        try:
            while await asyncio.to_thread(self._lineage.follow, self._run):
                if ends():
                    break
            self.trouble = ""
        except Exception as error:  # noqa: BLE001 - a search outlives whatever goes wrong here
            self.trouble = str(error) or type(error).__name__
