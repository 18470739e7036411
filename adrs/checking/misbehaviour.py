"""Programs that do nothing useful, made for any task with an entry module in Python."""

from __future__ import annotations

from dataclasses import dataclass

from adrs.model.evaluation import Status
from adrs.model.isolation import Guarantee
from adrs.model.program import Program
from adrs.model.task import Task

# Whatever the judge asks for is there: by custom a name that begins with a capital is a class.
_MODULE = """\
def act(*arguments):
    {act}


class Anything:
    def __init__(self, *arguments):
        pass

    def __getattr__(self, name):
        return act


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Anything if name[:1].isupper() else act
"""


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """One way not to do what is asked.

    Attributes:
        name: what it does, in words that follow "a program that".
        source: of the entry module.
        raises: it fails, so it should have no figures at all.
        limit: what has to end it, if a limit has.
        status: how it is ended then.
    """

    name: str
    source: str
    raises: bool = False
    limit: Guarantee | None = None
    status: Status | None = None

    def program(self, task: Task, entry: str) -> Program:
        """The seed with this in the place of its entry module."""
        return task.seed.replacing({entry: self.source.encode()})


def _when_called(name: str, act: str, *, raises: bool = False) -> Misbehaviour:
    return Misbehaviour(name, _MODULE.format(act=act), raises)


def _against(limit: Guarantee, status: Status, name: str, act: str) -> Misbehaviour:
    return Misbehaviour(name, _MODULE.format(act=act), limit=limit, status=status)


IDLE = (
    Misbehaviour("raises when it is imported", "raise RuntimeError('no')\n", raises=True),
    _when_called("raises when it is called", "raise RuntimeError('no')", raises=True),
    *(
        _when_called(f"answers {answer}", f"return {answer}")
        for answer in ("None", "0", "[]", "{}", '""', "True")
    ),
    _when_called("answers its first argument", "return arguments[0] if arguments else None"),
)
ENDLESS = (_against(Guarantee.CPU, Status.TIMED_OUT, "never ends", "while True: pass"),)
GREEDY = (
    _against(
        Guarantee.OUTPUT,
        Status.OVER_OUTPUT,
        "prints without end",
        "while True: print('flood' * 10000)",
    ),
    _against(
        Guarantee.MEMORY,
        Status.OVER_MEMORY,
        "takes ever more memory",
        "taken = []\n    while True: taken.append(bytearray(b'x') * (1 << 24))",
    ),
)


def entry_file(task: Task) -> str:
    """The path of the entry module in the seed; "" if the task's entry is none in Python."""
    module = task.brief.entry.partition(":")[0].replace(".", "/")
    paths = (f"{module}.py", f"{module}/__init__.py") if module else ()
    return next((path for path in paths if path in task.seed.files), "")
