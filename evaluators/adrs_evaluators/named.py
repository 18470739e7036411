"""The workloads that a request names."""

from __future__ import annotations

from collections.abc import Sequence

from adrs import ConfigError, Request


def check_names(request: Request, known: Sequence[str], task: str) -> None:
    """Refuses a request that names a workload which is not there.

    Args:
        known: names of all workloads of the split.
        task: name of the task.

    Raises:
        ConfigError: there is no workload of a name.
    """
    for name in request.names:
        if name not in known:
            shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
            raise ConfigError(
                f"{task} has no workload {name!r:.80} on {request.split}; there is: {shown}"
            )
