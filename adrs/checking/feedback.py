"""The judge's words to proposers tell nothing of held-out workloads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.task import Split
from adrs.model.text import harmless
from adrs.ports.evaluator import NO_FEEDBACK, Request

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DIGITS = 6  # significant ones, from which on a number is no coincidence
_LETTERS = 8  # from which on a text is none
_NAME = 3  # letters of a workload's name that is worth looking for, if it has a digit
_RUN = 9  # numbers in a row that are a case's data and no summary


async def feedback_tells_nothing(examination: Examination, report: Report) -> None:
    """The words about each known program, beside the data of held-out and of train workloads."""
    split = examination.task.search_split
    await examination.seed(split)
    words = {
        name: (await examination.measured(program, split)).feedback
        for name, program in examination.honest
    }
    words = {name: text for name, text in words.items() if text}
    if not words:
        report.ok("the judge gives no feedback")
        return
    for name, text in words.items():
        if text.startswith(NO_FEEDBACK):
            report.fault(
                f"about {name} there is {harmless(text.strip('()'), 600)}",
                "mend feedback(): proposers are told nothing of what went wrong",
            )
            return
    secrets = await _Secrets.of(examination)
    for name, text in words.items():
        told = secrets.told_by(text)
        if told:
            report.fault(
                f"feedback about {name} tells of held-out workloads: "
                f"{harmless(', '.join(told), 200)}",
                "make feedback of the samples that it is handed, and of nothing else",
            )
            return
    cases = [json.loads(one) for one in await examination.contents(split) or ()]
    if any(_recites(text, cases) for text in words.values()):
        report.advice(
            "feedback holds the whole data of a train workload",
            "say what went wrong in figures of your own: a program can be fitted to data that "
            "its proposer has read",
        )
    if not report.results:
        report.ok(f"feedback about {len(words)} programs tells nothing of held-out workloads")


class _Secrets:
    """What occurs in held-out workloads and nowhere that a proposer may look."""

    def __init__(
        self, names: set[str], texts: set[str], numbers: set[float], open_text: str
    ) -> None:
        self._names = names
        self._texts = texts
        self._numbers = numbers
        self._open_text = open_text

    @classmethod
    async def of(cls, examination: Examination) -> _Secrets:
        names: set[str] = set()
        texts: set[str] = set()
        numbers: set[float] = set()
        for request in (examination.request(Split.HELD_OUT), Request(Split.HELD_OUT)):
            for ref in await examination.bench.workloads(request):
                names |= {one for one in (ref.name, ref.unit) if _is_telling(one)}
            data = [json.loads(one) for one in await examination.contents_now(request) or ()]
            texts |= {one for one in _texts(data) if len(one) >= _LETTERS}
            numbers |= {one for one in _numbers(data) if _is_long(one)}
        open_text = ""
        for split in examination.splits[:-2]:
            listed = await examination.workloads(split)
            open_text += "".join(f"{ref.name}\n{ref.unit}\n" for ref in listed)
            contents = await examination.contents(split) or ()
            open_text += b"\n".join(contents).decode("utf-8", "replace")
            numbers -= set(_numbers([json.loads(one) for one in contents]))
            for evaluation in examination.evaluations(examination.task.seed):
                if evaluation.split is split:
                    numbers -= {v for s in evaluation.samples for v in s.metrics.values()}
        return cls(names, texts, numbers, open_text)

    def told_by(self, text: str) -> list[str]:
        """What of it a text holds, as it is there."""
        named = [one for one in sorted(self._names) if one in text]
        found = [one for one in named if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text)]
        found += [one for one in sorted(self._texts) if one in text]
        found = [one for one in found if one not in self._open_text]
        return found + [one for one in _NUMBER.findall(text) if float(one) in self._numbers]


def _is_telling(name: str) -> bool:
    """Whether a name is no word or number that feedback may hold by chance."""
    has_digit = any(letter.isdigit() for letter in name)
    return len(name) >= _LETTERS or (len(name) >= _NAME and has_digit and not name.isdigit())


def _recites(text: str, cases: list[object]) -> bool:
    said = [float(one) for one in _NUMBER.findall(text)]
    runs = {tuple(said[at : at + _RUN]) for at in range(len(said) - _RUN + 1)}
    return any(_run(row) in runs for row in _rows(cases) if len(set(_run(row))) > 2)


def _run(row: list[float]) -> tuple[float, ...]:
    return tuple(row[:_RUN])


def _rows(value: object) -> Iterator[list[float]]:
    """Every list of numbers in plain data that is long enough."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _rows(one)
    elif isinstance(value, list):
        numbers = [float(one) for one in value if isinstance(one, int | float)]
        if len(numbers) == len(value) >= _RUN:
            yield numbers
        else:
            for one in value:
                yield from _rows(one)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _is_long(number: float) -> bool:
    digits = f"{number:.15g}".partition("e")[0].replace(".", "").lstrip("-0").rstrip("0")
    return len(digits) >= _DIGITS
