"""What a task tells the kernel evaluator in its task.toml."""

from __future__ import annotations

from dataclasses import dataclass

from adrs import ConfigError, Direction, Program, ProgramError, Task, read_options

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_ERROR = "error"


@dataclass(frozen=True, slots=True)
class Options:
    """The table `[evaluator.options]`.

    Attributes:
        build: the command that makes the library, run in the program's folder.
        library: file that it makes.
        function: name of the symbol that is called.
        calls: number of calls in the short batch; the long one has twice as many.
        checked: calls of each batch whose outputs are compared with the reference's.
        relative_error: allowed for each element of an output, as a share of the right value.
        absolute_error: allowed in addition to that.
    """

    build: tuple[str, ...]
    library: str
    function: str
    calls: int
    checked: int = 8
    relative_error: float = 0.0
    absolute_error: float = 0.0

    @property
    def warm_up(self) -> int:
        """Calls before the clock counts: what a library does once is done there."""
        return max(1, self.calls // 10)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a measurement is turned into.

    Attributes:
        name: of the metric that is the time of one call.
        unit_s: its unit in seconds.
        error: name of the metric that is the largest error as a share of the bound; "" for none.
    """

    name: str
    unit_s: float
    error: str


def options_of(task: Task) -> Options:
    """Reads and checks the options.

    Raises:
        ConfigError: a key is absent, unknown, or has a value that makes no sense.
    """
    options = read_options(task, Options)
    for key, least in (("calls", 1), ("checked", 1), ("relative_error", 0), ("absolute_error", 0)):
        if getattr(options, key) < least:
            raise _error(task, f"[evaluator.options] {key} must be {least} or more")
    if not options.build:
        raise _error(
            task,
            "[evaluator.options] build must be a command, such as "
            '["cc", "-O2", "-shared", "-fPIC", "-o", "kernel.so", "kernel.c"]',
        )
    try:
        Program({options.library: b""})  # it is named like a file of the program, or never found
    except ProgramError as error:
        raise _error(task, f"[evaluator.options] library: {error}") from None
    return options


def figures_of(task: Task) -> Figures:
    """Finds out which metric is which.

    Raises:
        ConfigError: the objective is not a time that is declared as a timing and minimised.
        ConfigError: a metric is declared that this evaluator does not give.
    """
    goal = task.objective.metric
    if goal.unit not in _SECONDS:
        raise _error(
            task,
            f"[[metric]] {goal.name} is the time of one call, so its unit must be one of "
            f"{', '.join(_SECONDS)}, not {goal.unit!r}",
        )
    if not goal.timing:
        raise _error(
            task,
            f"[[metric]] {goal.name} needs timing = true, so that nothing else runs beside it",
        )
    if goal.direction is not Direction.MINIMIZE:
        raise _error(
            task, f'[[metric]] {goal.name} is the time of one call; write direction = "minimize"'
        )
    error = ""
    for metric in task.brief.metrics:
        if metric.name == _ERROR and metric.unit == "1":
            error = metric.name
        elif metric != goal and metric.meter is None:
            raise _error(
                task,
                f"[[metric]] {metric.name} is none that the evaluator kernel gives: there is the "
                f'time of one call, "{_ERROR}" with unit = "1", and what has a meter',
            )
    return Figures(goal.name, _SECONDS[goal.unit], error)


def _error(task: Task, fault: str) -> ConfigError:
    return ConfigError(f"{task.folder / 'task.toml'}: {fault}")
