"""A search told in plain lines, for files, pipes and logs."""

from __future__ import annotations

import time

from adrs.cli._models import usd
from adrs.cli._progress import Progress
from adrs.cli._screen import Screen
from adrs.cli._text import duration, gain, harmless, measured, noise
from adrs.model.calibration import Calibration
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.ports.store import Store

EVERY_S = 10.0


class Lines(Progress):
    """One line for each phase and each new best, and one every EVERY_S seconds.

    Usable as a context manager, as every view of a search is.
    """

    period_s = 0.5

    def __init__(self, screen: Screen, store: Store, run: str, task: Task) -> None:
        super().__init__(store, run, task)
        self._screen = screen
        self._written = time.monotonic()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def phase(self, words: str) -> None:
        """Says what comes now."""
        super().phase(words)
        self._write(words)

    def calibrated(self, calibration: Calibration) -> None:
        """Says how far a single measurement can be trusted."""
        super().calibrated(calibration)
        for words in noise(calibration):
            self._write(words)

    def told(self, trial: Trial) -> None:
        """Says so if it is the best."""
        super().told(trial)
        if self.best is not trial:
            return
        words = measured(self.figure(trial.evaluations[-1]).value, self.unit)
        if trial.number == 0:
            self._write(f"baseline: {words}")
        else:
            better = "" if self.gain is None else f", {gain(self.gain)} than the baseline"
            proposer = harmless(trial.lineage.proposer, 30)
            self._write(f"trial {trial.number} ({proposer}): new best, {words}{better}")

    def refresh(self) -> None:
        """Says where it stands, if nothing was said for a while."""
        if time.monotonic() - self._written < EVERY_S:
            return
        counts = f"{self.done}/{self.asked} trials, {self.rate}"
        counts += f", {usd(self.usd)}" if self.usd else ""
        self._write(f"{counts}, {self.rejections} rejections; {self.words}")

    def _write(self, words: str) -> None:
        self._written = time.monotonic()
        try:
            self._screen.line(f"{duration(self.elapsed_s):>9}  {words}")
        except BrokenPipeError:
            self.stop("nobody reads its output any more")
