"""Results in the form that build servers read: JUnit's XML."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from adrs.errors import AdrsError, ConfigError

# Everything outside the Char production of XML 1.0 (W3C, fifth edition, section 2.2).
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Outcome(StrEnum):
    """How a case ended, in the names of JUnit's elements."""

    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a report.

    Attributes:
        group: what the case belongs to, for instance its task.
        kind: what sort of failure or error it is; "" if it passed.
        message: why, in a line; `details` says more.
        seconds: elapsed.
    """

    name: str
    group: str
    outcome: Outcome
    kind: str = ""
    message: str = ""
    details: str = ""
    seconds: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def unless_done(file: Path | None, suite: str) -> Iterator[None]:
    """Has a report say that work was not done to its end, and why if that is known.

    Whoever ends the work well writes another over it. No report of earlier work is left, even if
    this work is killed.

    Raises:
        ConfigError: the file cannot be written, which is found out before the work.
    """
    if file is None:
        yield
        return
    write_junit(file, suite, [_undone(suite, "Unfinished", "it was interrupted or killed")])
    try:
        yield
    except AdrsError as error:
        with suppress(ConfigError):  # what went wrong first is what has to be said
            write_junit(file, suite, [_undone(suite, type(error).__name__, str(error))])
        raise


def _undone(suite: str, kind: str, why: str) -> Case:
    return Case(suite, suite, Outcome.ERROR, kind, why, why)


def write_junit(file: Path, suite: str, cases: Sequence[Case]) -> None:
    """Writes a report, whole or not at all.

    Texts may come from anybody: what XML cannot carry is left out.

    Raises:
        ConfigError: the file cannot be written.
        ConfigError: it is a folder, or would lie in none.
    """
    document = ET.tostring(_suites(suite, cases), encoding="utf-8", xml_declaration=True)
    try:
        if file.is_dir() or not file.parent.is_dir():
            wrong = "that is a folder" if file.is_dir() else f"there is no folder {file.parent}"
            raise ConfigError(f"--junit must name a file in a folder that exists; {file}: {wrong}")
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as draft:
                draft.write(document + b"\n")
                draft.flush()
                os.fsync(draft.fileno())
            Path(name).chmod(0o644)  # a build server may be another user
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(
            f"--junit {file} cannot be written: {error.strerror}; name another file"
        ) from error


def _suites(suite: str, cases: Sequence[Case]) -> ET.Element:
    totals = {
        "name": _legal(suite),
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome is Outcome.FAILURE for case in cases)),
        "errors": str(sum(case.outcome is Outcome.ERROR for case in cases)),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ET.Element("testsuites", totals)
    inner = ET.SubElement(root, "testsuite", totals)
    for case in cases:
        inner.append(_element(case))
    return root


def _element(case: Case) -> ET.Element:
    element = ET.Element(
        "testcase",
        {
            "classname": _legal(case.group),
            "name": _legal(case.name),
            "time": f"{case.seconds:.3f}",
        },
    )
    if case.properties:
        inner = ET.SubElement(element, "properties")
        for name, value in case.properties.items():
            ET.SubElement(inner, "property", {"name": _legal(name), "value": _legal(value)})
    if case.outcome is not Outcome.PASSED:
        attributes = {"type": _legal(case.kind), "message": _legal(case.message)}
        ET.SubElement(element, case.outcome, attributes).text = _legal(case.details)
    return element


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
