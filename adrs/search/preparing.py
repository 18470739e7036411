"""What an environment needs is built before the first room of it opens, and never unannounced."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from adrs.errors import SandboxUnavailable
from adrs.model.task import Environment
from adrs.model.text import harmless
from adrs.ports.sandbox import Preparing, Sandbox

# Seconds between two lines of progress: a build may print thousands, and logs keep them all.
_EVERY_S = 2.0
_QUOTED = 120  # characters of a line that others wrote
_NAMED = 500  # characters that say what is built


async def prepare_environment(
    sandbox: Sandbox, environment: Environment, may_build: bool, announce: Callable[[str], None]
) -> None:
    """Has a sandbox build what it lacks for an environment; nothing if it lacks nothing.

    Args:
        may_build: whether anything may be built or installed.
        announce: told what is built before that starts, then how far it is; harmless lines.

    Raises:
        SandboxUnavailable: something is lacking, and nothing may be built.
        SandboxUnavailable: it cannot be built, or rooms of this environment cannot be had here.
    """
    if not isinstance(sandbox, Preparing):
        return
    what = harmless(await sandbox.lacking(environment), _NAMED)
    if not what:
        return
    if not may_build:
        raise SandboxUnavailable(
            f"what the task's environment needs in the sandbox {sandbox.name} would have to be "
            f"built first: {what}; leave --no-build out, or build it beforehand with: "
            f"adrs check TASK --sandbox {sandbox.name}"
        )
    announce(f"building {what}")
    await sandbox.prepare(environment, _now_and_then(announce))


def _now_and_then(announce: Callable[[str], None]) -> Callable[[str], None]:
    """Passes a line on, made harmless, unless another was passed on just before."""
    last = -math.inf

    def tell(line: str) -> None:
        nonlocal last
        words = harmless(line[: 10 * _QUOTED], _QUOTED)
        now = time.monotonic()
        if words and now - last >= _EVERY_S:
            last = now
            announce(f"building: {words}")

    return tell
