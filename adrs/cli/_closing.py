"""The last lines of a search: what was found, how sure it is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from adrs.cli._adversary import show_adversary
from adrs.cli._looking import resume_command, store_option, title_of
from adrs.cli._screen import Piece, Screen
from adrs.cli._text import bounds, duration, gain, harmless, listed, measured, noise, percent
from adrs.model.calibration import Calibration
from adrs.model.metric import Objective
from adrs.model.run import RunSettings

_VERDICT_STYLE = {"WINNER": "bold green", "NOT_CONFIRMED": "bold yellow", "REFUSED": "bold red"}
# A cheap stage that agrees less than this with the last one is worth a word.
_USELESS = 0.3
_SPLITS = (("train", None), ("validation", "validation"), ("held-out", "held_out"))

Summary = Mapping[str, Any]


def show_closing(screen: Screen, summary: Summary, objective: Objective) -> None:
    """Writes what a run found so far, from what `summarize` says of it."""
    screen.line(*_counts(summary))
    show_findings(screen, summary, objective)


def show_findings(screen: Screen, summary: Summary, objective: Objective) -> None:
    """Writes figures and verdict; nothing before the baseline is known."""
    if summary["baseline"] is None:
        return
    screen.line("")
    show_figures(screen, summary, objective)
    screen.line("")
    for pieces in _verdict(summary):
        screen.line(*pieces)
    for words in _remarks(summary, objective):
        screen.line((words, "dim"))
    if summary["adversary"] is not None:
        show_adversary(screen, summary["adversary"], objective)


def show_figures(screen: Screen, summary: Summary, objective: Objective) -> None:
    """Writes baseline, references and best beside each other, a column for each split."""
    reached = [
        (title, summary if key is None else summary[key])
        for title, key in _SPLITS
        if key is None or summary[key] is not None
    ]
    headers = [title_of(objective), *(title for title, _ in reached)]
    rows: list[list[Piece]] = [
        ["baseline", *(figure_of(figures["baseline"]) for _, figures in reached)]
    ]
    for reference in summary["references"]:
        cells = (figure_of(figures["references"].get(reference)) for _, figures in reached)
        rows.append([harmless(reference, 20), *cells])
    best = summary["best"]
    if best is not None and best["trial"] != 0:
        cells = (figure_of(figures["best"]) for _, figures in reached)
        rows.append([(f"trial {best['trial']}", "bold"), *((cell, "bold") for cell in cells)])
        rows.append(["  is", *(gain_on(summary, title) for title, _ in reached)])
        if objective.reference is not None:
            ratios = (
                _ratio(figures["references"].get(objective.reference)) for _, figures in reached
            )
            rows.append([f"  / {harmless(objective.reference, 20)}", *ratios])
    screen.table(headers, rows)


def show_next(screen: Screen, summary: Summary, settings: RunSettings, url: str | None) -> None:
    """Writes the commands that make sense now."""
    run, best = summary["run"], summary["best"]
    commands: list[tuple[str, str]] = []
    if best is not None and best["trial"] != 0:
        trial = f"{run}/{best['trial']}"
        store = store_option(url)
        commands.append((f"adrs show {trial}{store}", "all about the best program"))
        commands.append((f"adrs diff {run}/0 {trial}{store}", "what it changed"))
    certificate = summary["certificate"]
    if certificate is not None and certificate["folder"]:
        folder = quote(certificate["folder"])
        source = f" --workloads {quote(settings.workloads)}" if settings.workloads else ""
        verify = f"adrs verify {folder}{source}{store_option(url)}"
        commands.append((verify, "measure the winner again"))
    limit = settings.max_minutes
    if summary["status"] == "finished":
        commands.append((resume_command(run, url, f" --trials {2 * settings.trials}"), "search on"))
    elif summary["status"] != "budget":
        commands.append((resume_command(run, url), "go on where it stopped"))
    elif limit is not None and summary["wall_s"] >= 60 * limit:
        more = f" --max-minutes {2 * limit:g}"
        commands.append((resume_command(run, url, more), "search on"))
    attack = summary["adversary"]
    if attack is not None and attack["found"]:
        again = f"adrs run {quote(settings.task)} --counterexamples {run}{store_option(url)}"
        commands.append((again, "search with these workloads in validation"))
    width = max((len(command) for command, _ in commands), default=0)
    screen.line("")
    for command, purpose in commands:
        screen.verbatim((f"{command:<{width}}", "cyan"), (f"  {purpose}", "dim"))


def _counts(summary: Summary) -> Iterator[Piece]:
    failed = [f"{n} {status}" for status, n in summary["by_status"].items() if status != "SCORED"]
    yield (summary["run"], "bold")
    yield f"  {summary['status']}"
    if summary["reason"]:
        yield f" ({harmless(summary['reason'], 300)})"
    yield f": {summary['trials']} trials in {duration(summary['wall_s'])}"
    yield (f", {summary['rejections']} rejections", "dim")
    if failed:
        yield (f", failed: {listed(failed)}", "dim")


def figure_of(subject: Mapping[str, Any] | None) -> str:
    """A program's objective on a split with its interval, as `summarize` has it."""
    figure = {} if subject is None else subject["objective"]
    if figure.get("value") is None:
        return "-"
    return f"{measured(figure['value'], '1')} {bounds(figure['low'], figure['high'])}".strip()


def gain_on(summary: Summary, title: str) -> str:
    """What the best is worth against the baseline on a split, in words."""
    share = summary["gains"].get(title.replace("-", "_"))
    return "-" if share is None else gain(share)


def _ratio(reference: Mapping[str, Any] | None) -> str:
    ratio = None if reference is None else reference.get("ratio")
    return "-" if ratio is None else f"{ratio:.4g}"


def _verdict(summary: Summary) -> Iterator[list[Piece]]:
    held_out = summary["held_out"]
    if held_out is None:
        best = summary["best"]
        found = best is not None and best["trial"] != 0
        finished = summary["status"] in ("finished", "budget")
        words = "held-out workloads were not reached" if found else "nothing better than the seed"
        yield [("no verdict", "bold"), f": {words}{' was found' if finished and not found else ''}"]
        return
    verdict = held_out["verdict"]
    yield [
        (verdict.replace("_", " "), _VERDICT_STYLE[verdict]),
        f": {harmless(held_out['reason'], 500)}",
    ]
    yield [(" · ".join(_sureness(summary, held_out)), "dim")]


def _remarks(summary: Summary, objective: Objective) -> Iterator[str]:
    """What the figures rest on: their noise, and what the cheap stages were good for."""
    if objective.metric.timed:
        yield from _times(summary)
    if summary["calibration"] is not None:
        yield from noise(Calibration(**summary["calibration"]))
    for stage in summary["stages"]:
        words = f"stage {stage['split']}: {stage['stopped']} trials ended there"
        agreement = stage["rank_correlation"]
        if agreement is not None:
            words += f"; rank correlation with the last stage {agreement:.2f}"
            words += f" over {stage['trials']} trials"
            if agreement < _USELESS:
                words += ", so it tells little"
        yield words


def _times(summary: Summary) -> Iterator[str]:
    """Elapsed and CPU seconds beside each other: a timing that only one of them shows is odd."""
    for title, key in reversed(_SPLITS):
        figures = summary if key is None else summary[key]
        best, baseline = (figures or {}).get("best"), (figures or {}).get("baseline")
        if best is not None and baseline is not None and best["trial"] != 0:
            pairs = ((best[each], baseline[each]) for each in ("cpu_s", "wall_s"))
            cpu, wall = (
                f"{1000 * mine:.3g} ms, {mine / theirs:.3g} of the baseline's"
                for mine, theirs in pairs
            )
            yield f"a process of trial {best['trial']} on {title}: CPU {cpu}; elapsed {wall}"
            return


def _sureness(summary: Summary, held_out: Mapping[str, Any]) -> Iterator[str]:
    effect = held_out["effect"]
    decided_by_effect = "[" in held_out["reason"]  # then the reason has said it already
    if effect["value"] is not None and not decided_by_effect:
        ends = ""
        if effect["low"] is not None:
            ends = f" [{percent(effect['low'])}, {percent(effect['high'])}]"
        yield f"effect {gain(effect['value'])}{ends} at {100 * held_out['level']:.4g} %"
    if not decided_by_effect:
        yield f"{held_out['units']} units"
        if held_out["shares"]:
            yield f"units share {harmless(held_out['shares'], 80)}"
    yield f"look {held_out['looks']} at held-out workloads"
    isolation = summary["isolation"]
    missing = f" without {listed(sorted(isolation['missing']))}" if isolation["missing"] else ""
    yield f"isolation {isolation['level']}, {isolation['sandbox']}{missing}"
