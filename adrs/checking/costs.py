"""What one evaluation costs, stage by stage."""

from __future__ import annotations

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.evaluation import Evaluation

_LONG_S = 30.0
_TELLING_S = 1.0  # below this, which of two stages is faster is chance


async def stages_are_affordable(examination: Examination, report: Report) -> None:
    """The seed's elapsed and CPU seconds and memory on each stage."""
    task = examination.task
    found = {stage.split: await examination.seed(stage.split) for stage in task.stages}
    figures: dict[str, float] = {"judge_set_up_s": round(examination.set_up_s, 3)}
    words = [f"judge ready after {examination.set_up_s:.2f} s"]
    for split, evaluation in found.items():
        figures |= {f"{split}_{name}": one for name, one in _costs(evaluation).items()}
        words.append(
            f"{split} takes {evaluation.wall_s:.2f} s, {evaluation.cpu_s:.2f} s CPU, "
            f"{figures[f'{split}_peak_mb']:.0f} MiB"
        )
    said = "; ".join(words)
    last = found[task.search_split]
    first = found[examination.first_split]
    long = last.wall_s > _LONG_S
    if long:
        report.advice(
            said,
            f"over {_LONG_S:g} s for a stage makes a search slow: use fewer or smaller workloads, "
            "or put a smoke stage in front",
            **figures,
        )
    if first is not last and (
        len(first.samples) >= len(last.samples)
        or (last.wall_s > _TELLING_S and first.wall_s >= last.wall_s)
    ):
        report.advice(
            f"the smoke stage is not cheaper than train: {said}",
            "make it a few workloads, enough to stop what is clearly bad",
            **figures,
        )
    if not report.results:
        report.ok(said, **figures)


def _costs(evaluation: Evaluation) -> dict[str, float]:
    return {
        "wall_s": round(evaluation.wall_s, 3),
        "cpu_s": round(evaluation.cpu_s, 3),
        "peak_mb": max((sample.peak_mb for sample in evaluation.samples), default=0.0),
    }
