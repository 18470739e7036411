"""Whether a models' server is up: a circuit breaker over all calls of a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from adrs.errors import ModelUnavailable
from adrs.model.call import Answer, AnswerStatus


@dataclass(frozen=True, slots=True)
class Patience:
    """How long failures are borne, in seconds.

    Attributes:
        backoff_s: before the second attempt at a call; doubled for each later one.
        longest_s: longest wait between attempts, also where a server asks for more.
        outage_s: how long a server that has answered before may be down.
        first_s: how long one may be down that never answered: an address is easily mistyped.
        limited_s: how long a server may ask to come back later.
    """

    backoff_s: float = 1.0
    longest_s: float = 60.0
    outage_s: float = 120.0
    first_s: float = 10.0
    limited_s: float = 600.0


class Breaker:
    """Stops calls while a server seems to be down, and ends the run if it stays down.

    After FAILURES failures in a row only one call at a time goes through, to find out. While they
    are all of one prompt that a server did get, it may be the prompt: it is given up before a
    server that serves others is taken for down. What a round asks after that is of the same kind.

    Args:
        say: is told in words when calls stop, and when they go on.
    """

    FAILURES = 5

    def __init__(self, patience: Patience, say: Callable[[str], None]) -> None:
        self._patience = patience
        self._say = say
        self._row = 0
        self._suspects: set[tuple[int, str]] = set()
        self._nobody_there = False
        self._since = 0.0
        self._answered = False
        self._over = ""
        self._probing = asyncio.Lock()
        self._jitter = Random()  # spreads calls in time, and decides nothing

    @property
    def open(self) -> bool:
        """Whether calls are stopped."""
        several = self._nobody_there or len(self._suspects) > 1
        return several and self._row >= self.FAILURES

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Lets a call through; while the server seems to be down, one at a time.

        Raises:
            ModelUnavailable: another call found out that it is down for good.
        """
        while self.open:
            async with self._probing:
                if self._over:
                    raise ModelUnavailable(self._over)
                if self.open:
                    yield
                    return
        yield

    def heard(self, answer: Answer, ordinal: int, prompt: str) -> None:
        """Takes note of how a call ended.

        Args:
            ordinal: of the proposal that it served.
            prompt: its digest.

        Raises:
            ModelUnavailable: the server has been down for too long.
        """
        if not answer.status.outage:
            if self.open:
                self._say("searching; the models' server answers again")
            self._row = 0
            self._suspects.clear()
            self._nobody_there = False
            self._answered = self._answered or answer.status is not AnswerStatus.RATE_LIMITED
            return
        now, stopped = time.monotonic(), self.open
        self._row += 1
        self._nobody_there = self._nobody_there or answer.status is AnswerStatus.UNREACHABLE
        if (ordinal, "") not in self._suspects:
            self._suspects.add((ordinal, prompt))
        if self._row == 1:
            self._since = now
        limit = self._patience.outage_s if self._answered else self._patience.first_s
        if self.open and not stopped:
            self._say(f"waiting up to {limit:g} s for the models' server: {answer.reason[:200]}")
        if self.open and now - self._since >= limit:
            self._over = (
                f"the models' server did not answer {self._row} calls in a row, for "
                f"{now - self._since:.0f} s; the last: {answer.status}, {answer.reason[:300]}"
            )
            raise ModelUnavailable(self._over)

    def given_up(self, ordinal: int) -> None:
        """A prompt is asked no more; what its round asks from now on is as suspect as that."""
        others = {one for one in self._suspects if one[0] != ordinal}
        self._suspects = {*others, (ordinal, "")}

    async def pause(self, attempt: int, retry_after_s: float | None) -> None:
        """Waits before attempt `attempt` + 1, longer each time, at a time of chance.

        Full jitter would let a third of all retries come at once; half of the wait is certain.
        """
        wait = min(self._patience.longest_s, self._patience.backoff_s * 2.0**attempt)
        wait *= self._jitter.uniform(0.5, 1.0)
        if retry_after_s is not None:
            wait = min(self._patience.longest_s, max(wait, retry_after_s))
        await asyncio.sleep(wait)
