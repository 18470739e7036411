"""A search on a terminal, drawn anew four times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._curve import steps
from adrs.cli._models import usd
from adrs.cli._progress import Progress
from adrs.cli._screen import Piece, Screen
from adrs.cli._text import (
    bounds,
    duration,
    gain,
    harmless,
    listed,
    measured,
    noise,
    significant,
)
from adrs.model.evaluation import Status
from adrs.model.task import Task
from adrs.ports.store import Store

if TYPE_CHECKING:
    from rich.console import Group

_LABEL = 11


class Live(Progress):
    """The view of a search that somebody sits in front of. Gone when the search is over."""

    period_s = 0.25

    def __init__(self, screen: Screen, store: Store, run: str, task: Task) -> None:
        from rich.live import Live as Region

        super().__init__(store, run, task)
        self._console = screen.console
        self._region = Region(
            console=self._console,
            auto_refresh=False,
            transient=True,
            get_renderable=self._drawn,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Live:
        self._region.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._region.stop()

    def phase(self, words: str) -> None:
        """Shows at once what comes now: it may keep the engine busy for a while."""
        super().phase(words)
        self.refresh()

    def refresh(self) -> None:
        """Draws again."""
        self._region.refresh()

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        rows: list[list[Piece]] = [
            self._now(),
            [""],
            *self._figures(),
            *self._curve(),
            [""],
            self._bar(),
            self._counts(),
            self._proposers(),
            *self._noise(),
        ]
        lines = [Text.assemble(*row, no_wrap=True, overflow="ellipsis") for row in rows]
        return Group(*lines)

    def _now(self) -> list[Piece]:
        left = self.left_s
        more = "" if left is None else f", about {duration(left)} left"
        return [(self.words, "cyan"), (f"  {duration(self.elapsed_s)}{more}", "dim")]

    def _figures(self) -> list[list[Piece]]:
        if self.best is None:
            return [_row("best", ["-"]), [""]]
        figure, score = self.figure(self.best.evaluations[-1]), self.best.score
        best: list[Piece] = [
            (measured(figure.value, self.unit), "bold green"),
            (f" ± {significant(score.error)}" if score is not None and score.error else "", "dim"),
            (f" {bounds(figure.low, figure.high)}", "dim"),
            f"  trial {self.best.number}",
        ]
        if self.gain is not None:
            best.append((f"  {gain(self.gain)}", "bold green" if self.gain > 0 else ""))
        if score is None or not score.feasible:
            best.append(("  violates a constraint", "bold red"))
        against: list[Piece] = [f"baseline {measured(self.curve[0][1], self.unit)}"]
        if self.reference is not None:
            name, evaluation = self.reference
            theirs = self.figure(evaluation).value
            against.append(f" · {harmless(name, 30)} {measured(theirs, self.unit)}")
            if theirs:
                against.append(f", ratio to it {significant(figure.value / theirs)}")
        return [_row("best", best), _row("against", against)]

    def _curve(self) -> list[list[Piece]]:
        width = self._width
        height = 4 if self._console.height < 32 else 8
        lines = steps(self.curve, self.done, self.asked, width, height)
        values = [value for _, value in self.curve]
        marks = [""] * height
        if len(values) > 1:
            marks[0], marks[-1] = significant(max(values)), significant(min(values))
        return [
            [(f"{mark:>{_LABEL}} ", "dim"), (line, "green")]
            for mark, line in zip(marks, lines, strict=True)
        ]

    @property
    def _width(self) -> int:
        """Characters across of curve and bar."""
        return max(20, min(self._console.width - _LABEL - 3, 100))

    def _bar(self) -> list[Piece]:
        full = min(self._width, self._width * self.done // max(1, self.asked))
        return [
            " " * (_LABEL + 1),
            ("━" * full, "green"),
            ("━" * (self._width - full), "bright_black"),
        ]

    def _counts(self) -> list[Piece]:
        bad = [
            f"{count} {status}"
            for status, count in sorted(self.by_status.items())
            if status != Status.SCORED
        ]
        return _row(
            "trials",
            [
                (f"{self.done}/{self.asked}", "bold"),
                f" · {self.rate} · {self.in_flight} in flight",
                (f" · {listed(bad)}" if bad else "", "yellow"),
                (f" · {self.rejections} rejected", "dim"),
                *self._models(),
            ],
        )

    def _models(self) -> list[Piece]:
        """Rounds in flight, and money where models are asked."""
        settings = self.settings
        if not (self.rounds or settings.models or settings.strong_model):
            return []
        words = f" · {self.rounds} rounds"
        if self.usd or settings.max_usd is not None:
            of = "" if settings.max_usd is None else f" of {usd(settings.max_usd)}"
            words += f" · {usd(self.usd)}{of}"
        return [(words, "cyan")]

    def _noise(self) -> list[list[Piece]]:
        if self.calibration is None:
            return []
        return [_row("", [(words, "yellow")]) for words in noise(self.calibration)]

    def _proposers(self) -> list[Piece]:
        pieces: list[Piece] = []
        for name in self.settings.proposers:
            bests = self.new_bests[name]
            pieces += [
                " · " if pieces else "",
                f"{harmless(name, 20)} {100 * self.share(name):.0f} %",
                (f" {bests} new best" if bests else "", "green"),
            ]
        return _row("proposers", pieces)


def _row(name: str, pieces: list[Piece]) -> list[Piece]:
    return [(f"{name:>{_LABEL}} ", "dim"), *pieces]
