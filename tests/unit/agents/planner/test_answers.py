"""Plans are read as models write them, and bounded whatever they write."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from adrs_agents.planner.answers import Unreadable, plan, schema, spoken
from hypothesis import given
from hypothesis import strategies as st
from unit.agents.planner.fakes import BRIEF, ideas

from adrs import Idea


def changes(text: str, wanted: int = 9) -> list[str]:
    return [sketch.idea.change for sketch in plan(text, BRIEF, wanted)]


EXPECTED = ["change 1", "change 2"]


@pytest.mark.parametrize(
    "text",
    [
        ideas(2),
        f"Here is my plan {{as asked}}:\n```json\n{ideas(2)}\n```\nGood luck!",
        ideas(2).replace("}]", "},]").replace("]}", "],}"),
        ideas(3)[: ideas(3).rindex("{") + 20],
        json.dumps(json.loads(ideas(2))["ideas"]),
        "\n".join(json.dumps(row) for row in json.loads(ideas(2))["ideas"]),
        "My ideas:\n\n1. **change 1**\n2. change\n   2\n",
        "- change 1\n- change 2\n",
    ],
)
def test_a_plan_is_read_in_many_forms(text: str) -> None:
    assert changes(text) == EXPECTED


def test_repetitions_and_what_is_too_much_are_dropped() -> None:
    rows = json.loads(ideas(2))["ideas"]
    rows[1]["change"] = "Change 1"
    assert len(plan(json.dumps({"ideas": [*rows, *rows]}), BRIEF, 9)) == 1
    assert len(plan(ideas(5), BRIEF, 2)) == 2


def test_everything_is_bounded() -> None:
    row = dict.fromkeys(("title", "hypothesis", "change", "risk"), "x\n\x1b" * 2000)
    (sketch,) = plan(json.dumps(row), BRIEF, 1)
    for text in (sketch.title, sketch.idea.hypothesis, sketch.idea.change, sketch.idea.risk):
        assert 0 < len(text) <= 600
        assert "\n" not in text
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (5, 0.05), (-3.5, -0.035), ("7.5 %", 0.075), ("about +2", 0.02), (1e9, 10.0), (-1e9, -1.0),
        (True, 0.0), (None, 0.0), ([5], 0.0), ("a lot", 0.0), (10**400, 10.0),
        (float("nan"), 0.0), (float("inf"), 10.0),
    ],
)  # fmt: skip
def test_predictions_are_numbers_within_reason(said: object, expected: float) -> None:
    (sketch,) = plan(json.dumps({"change": "c", "expected_percent": said}), BRIEF, 1)
    assert sketch.idea.expected == pytest.approx(expected)


def test_an_unknown_metric_means_the_objective() -> None:
    (sketch,) = plan('{"change": "c", "metric": "speed"}', BRIEF, 1)
    assert sketch.idea == Idea("", "c", "cost")
    (sketch,) = plan('{"change": "c", "metric": "`late`"}', BRIEF, 1)
    assert sketch.idea.metric == "late"


@pytest.mark.parametrize("text", ["", "Hm.", "{", '{"ideas": []}', '{"ideas": [{}]}', "[1, 2]"])
def test_what_holds_no_idea_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Unreadable, match="expected one JSON object"):
        plan(text, BRIEF, 3)


def test_a_plan_within_a_plan_is_none() -> None:
    # Whoever followed them down would come to the end of the stack, where a decoder had not.
    text = '{"ideas":[' * 2 + '{"change": "too deep"}' + "]}" * 2
    with pytest.raises(Unreadable, match="no such idea came"):
        plan(text, BRIEF, 4)


@given(st.one_of(st.text(), st.text(alphabet='{}[]",:\\ \n-1.abcIDEA'), st.binary().map(repr)))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Unreadable):
        assert len(plan(text, BRIEF, 2)) in (1, 2)
    spoken(text, BRIEF)


def test_a_long_answer_takes_no_time() -> None:
    began = time.process_time()
    for text in ("{" * 300_000, "[" * 300_000, "- a\n" * 100_000, "change: x\n" + "y\n" * 150_000,
                 '{"a":' * 60_000, ", " * 150_000):  # fmt: skip
        with suppress(Unreadable):
            plan(text, BRIEF, 2)
        spoken(text, BRIEF)
    assert time.process_time() - began < 3


def test_a_spoken_idea_ends_where_the_edit_begins() -> None:
    text = "IDEA: a\nCHANGE: b\n\nFILE: policy.py\n<<<<<<< SEARCH\nRISK: c\n"
    sketch = spoken(text, BRIEF)
    assert sketch is not None
    assert (sketch.title, sketch.idea.change, sketch.idea.risk) == ("a", "b", "")
    assert spoken("FILE: policy.py\nIDEA: a\n", BRIEF) is None


def test_the_schema_names_the_metrics_and_allows_nothing_else() -> None:
    wanted = schema(BRIEF)
    text = json.dumps(wanted)
    assert '"enum": ["cost", "late"]' in text
    assert text.count('"additionalProperties": false') == 2
