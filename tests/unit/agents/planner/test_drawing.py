"""The drawing in the documents is the graph that runs."""

from __future__ import annotations

from pathlib import Path

from adrs_agents.planner.graph import drawing

PAGE = Path(__file__).parents[4] / "docs" / "planner.md"


def test_the_document_draws_the_graph_that_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    drawn = text.split("<!-- graph -->\n```mermaid\n")[1].split("```\n<!-- /graph -->")[0]
    assert drawn.strip() == drawing().strip()
