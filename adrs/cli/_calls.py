"""What models were asked and answered, shown as it is in the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adrs.cli._models import tokens, usd
from adrs.cli._screen import Screen
from adrs.cli._text import harmless, harmless_lines
from adrs.model.call import RecordedCall
from adrs.model.trial import Trial
from adrs.ports.store import Record


def show_calls(screen: Screen, record: Record, run: str, trial: Trial) -> None:
    """Writes the calls that led to a trial, each with its prompt and its answer."""
    found = _calls_of(record, run, trial)
    if not found:
        screen.line("no model was asked for it")
    for call in found:
        answer = call.answer
        facts = [harmless(call.model, 80), str(call.status)]
        if answer is not None:
            facts.append(f"{answer.latency_s:.1f} s")
            facts.append(tokens((answer.tokens_in or 0) + (answer.tokens_out or 0)))
        facts += [usd(call.usd)] if call.usd else []
        screen.line(
            (f"call {call.number}, {harmless(call.step, 40)}", "bold"), f"  {', '.join(facts)}"
        )
        for message in _messages(record, call):
            _show_text(screen, str(message["role"]), str(message["content"]))
        if answer is not None:
            _show_text(screen, "answer", answer.text or f"(none) {answer.reason}")


def plain_calls(record: Record, run: str, trial: Trial) -> list[dict[str, Any]]:
    """The calls that led to a trial as plain data."""
    return [
        {**asdict(call), "messages": _messages(record, call)}
        for call in _calls_of(record, run, trial)
    ]


def _calls_of(record: Record, run: str, trial: Trial) -> list[RecordedCall]:
    asked = set(trial.lineage.prompts)
    return [call for call in record.calls(run) if call.prompt in asked]


def _messages(record: Record, call: RecordedCall) -> Sequence[dict[str, object]]:
    found: Sequence[dict[str, object]] = json.loads(record.prompt(call.prompt))["messages"]
    return found


def _show_text(screen: Screen, title: str, text: str) -> None:
    screen.line((f"{harmless(title, 20)}:", "cyan"))
    for line in harmless_lines(text):
        screen.verbatim(("  | ", "dim"), line)
