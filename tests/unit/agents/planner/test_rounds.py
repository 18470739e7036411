"""A round of the planner: what it asks, in which order, and what it answers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from adrs_agents.planner import Planner
from unit.agents.planner.fakes import (
    POLICY,
    SEED,
    FakeModels,
    context,
    edit,
    ideas,
    propose,
    script,
    told,
    variant,
)

from adrs import (
    Answer,
    AnswerStatus,
    BudgetSpent,
    Candidate,
    ConfigError,
    Idea,
    ModelUnavailable,
    Program,
    Rehearsal,
    Rejection,
    RejectionKind,
)

ROOT = Path(__file__).parents[4]
WRONG = edit('"X"', old='return "NOWHERE"')


def one(answers: list[Candidate | Rejection]) -> Candidate | Rejection:
    (answer,) = answers
    return answer


def rejected(answer: Candidate | Rejection, kind: RejectionKind) -> Rejection:
    assert isinstance(answer, Rejection), answer
    assert answer.kind is kind
    assert 0 < len(answer.reason) <= 500
    assert answer.lineage.parents
    return answer


def test_each_idea_becomes_a_candidate_in_the_order_of_the_plan() -> None:
    models = FakeModels(script(), usd=0.25)
    other = told(2, variant('"OTHER"'), 9.0, parent=0)
    answers = propose(context(models, inspirations=[other]))
    assert models.steps == ["plan", "write-1", "write-2", "write-3"]
    plan = models.asked[0]
    for index, answer in enumerate(answers, 1):
        assert isinstance(answer, Candidate)
        assert f'"WRITE-{index}"' in answer.program.text("policy.py")
        lineage = answer.lineage
        assert (lineage.proposer, lineage.version) == (Planner.name, Planner.version)
        assert (lineage.parents, lineage.inspirations) == ((0,), (2,))
        assert lineage.plan == f"idea {index}: change {index}"
        assert lineage.prompts == (plan.digest, models.asked[index].digest)
        assert (lineage.author, lineage.operator) == ("fake", "refine")
        assert lineage.usd == pytest.approx(1.0 / 3)
        assert lineage.idea == Idea(
            f"reason {index}", f"change {index}", "cost", 5 * index / 100, f"risk {index}"
        )
    assert plan.schema is not None
    assert "\nideas wanted: 3\n" in models.last("plan")
    assert "change 2" in models.last("write-2")
    assert "change 1" not in models.last("write-2")
    assert models.asked[1].schema is None


def test_a_faulty_edit_is_given_back_with_its_faults() -> None:
    models = FakeModels(script(plan=ideas(1), write_1=WRONG), usd=1.0)
    answer = one(propose(context(models)))
    assert isinstance(answer, Candidate)
    assert models.steps == ["plan", "write-1", "repair-1-1"]
    assert '"REPAIR-1-1"' in answer.program.text("policy.py")
    assert answer.lineage.prompts == tuple(prompt.digest for prompt in models.asked)
    assert answer.lineage.usd == 3.0
    written, repaired = models.asked[1:]
    assert repaired.messages[:2] == written.messages
    assert [message.role for message in repaired.messages[2:]] == ["assistant", "user"]
    assert repaired.messages[2].content == WRONG.strip() or WRONG in repaired.messages[2].content
    assert "the SEARCH lines are not in the file" in repaired.messages[3].content


def test_the_second_repair_sees_the_first_one_only() -> None:
    second = edit('"Y"', old='return "ELSEWHERE"')
    models = FakeModels(script(plan=ideas(1), write_1=WRONG, repair_1_1=second))
    assert isinstance(one(propose(context(models))), Candidate)
    assert models.steps == ["plan", "write-1", "repair-1-1", "repair-1-2"]
    last = models.asked[-1]
    assert len(last.messages) == 4
    assert "ELSEWHERE" in last.messages[2].content
    assert "NOWHERE" not in last.messages[2].content


def test_after_two_repairs_it_gives_up() -> None:
    models = FakeModels(
        script(plan=ideas(2), write_1=WRONG, repair_1_1=WRONG, repair_1_2=WRONG), usd=1.0
    )
    first, second = propose(context(models))
    given_up = rejected(first, RejectionKind.DOES_NOT_APPLY)
    assert "SEARCH lines are not in the file" in given_up.reason
    assert given_up.lineage.plan == "idea 1: change 1"
    assert isinstance(second, Candidate)
    assert first.lineage.usd == second.lineage.usd == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("bad", "kind", "said"),
    [
        ("I would rather not.", RejectionKind.DOES_NOT_APPLY, "no edit was found"),
        (edit("("), RejectionKind.DOES_NOT_PARSE, "policy.py, line 5 is not Python"),
        (edit("0", path="fixed.py"), RejectionKind.NOT_EDITABLE, "is not editable"),
        (
            "FILE: policy.py\n```\nclass Other:\n    pass\n```\n",
            RejectionKind.DOES_NOT_PARSE,
            "has no Policy at its top level",
        ),
        ("DELETE: policy.py\n", RejectionKind.DOES_NOT_PARSE, "policy.py is gone"),
        (
            edit(f'"{"x" * 20_000}"'),
            RejectionKind.DOES_NOT_APPLY,
            "write a shorter one",
        ),
        (edit('"KNOWN"'), RejectionKind.DUPLICATE, "the same program as trial 1"),
    ],
)
def test_what_a_check_finds_is_said(bad: str, kind: RejectionKind, said: str) -> None:
    seed, known = told(0), told(1, variant('"KNOWN"'), parent=0)
    models = FakeModels(script(plan=ideas(1), write_1=bad, repair_1_1=bad, repair_1_2=bad))
    answer = rejected(one(propose(context(models, seed, [seed, known]))), kind)
    assert said in answer.reason
    assert said in models.last("repair-1-1")
    mended = FakeModels(script(plan=ideas(1), write_1=bad))
    assert isinstance(one(propose(context(mended, seed, [seed, known]))), Candidate)


def test_a_program_that_never_had_the_entry_is_not_blamed_for_it() -> None:
    parent = told(0, Program({"policy.py": b"STATE = 1\n"}))
    models = FakeModels(script(plan=ideas(1), write_1="FILE: policy.py\n```\nSTATE = 2\n```\n"))
    assert isinstance(one(propose(context(models, parent))), Candidate)


@pytest.mark.parametrize(
    "definition", ["Policy = make()", "from parts.a import Policy", "if 1:\n  Policy: int = 1"]
)
def test_an_entry_may_be_defined_in_any_way(definition: str) -> None:
    written = f"FILE: policy.py\n```\n{definition}\n```\n"
    models = FakeModels(script(plan=ideas(1), write_1=written))
    assert isinstance(one(propose(context(models))), Candidate)


def test_two_ideas_that_became_one_program_are_measured_once() -> None:
    same = edit('"SAME"')
    models = FakeModels(script(plan=ideas(3), write_1=same, write_3=same))
    first, second, third = propose(context(models))
    assert isinstance(first, Candidate)
    assert isinstance(second, Candidate)
    assert "idea 1" in rejected(third, RejectionKind.DUPLICATE).reason
    assert third.program == first.program.id


def test_a_cut_answer_is_asked_for_again_shorter() -> None:
    cut = Answer(AnswerStatus.CUT, edit('"X"'))
    models = FakeModels(script(plan=ideas(1), write_1=cut))
    assert isinstance(one(propose(context(models))), Candidate)
    assert "cut by its limit of tokens" in models.last("repair-1-1")


@pytest.mark.parametrize("status", [AnswerStatus.EMPTY, AnswerStatus.MALFORMED])
def test_an_answer_without_text_is_asked_for_again(status: AnswerStatus) -> None:
    nothing = Answer(status, reason="no choices")
    models = FakeModels(script(plan=ideas(1), write_1=nothing))
    assert isinstance(one(propose(context(models))), Candidate)
    assert "no text came (no choices)" in models.last("repair-1-1")
    assert models.asked[-1].messages[2].content
    models = FakeModels(
        script(plan=ideas(1), write_1=nothing, repair_1_1=nothing, repair_1_2=nothing)
    )
    rejected(one(propose(context(models))), RejectionKind.MODEL_FAILED)


def test_a_refusal_is_the_end_of_an_idea_only() -> None:
    refusal = Answer(AnswerStatus.REFUSED, reason="content filter\x1b[31m" + "x" * 2000)
    models = FakeModels(script(plan=ideas(2), write_1=refusal))
    first, second = propose(context(models))
    assert "content filter" in rejected(first, RejectionKind.MODEL_FAILED).reason
    assert "\x1b" not in first.reason
    assert isinstance(second, Candidate)
    assert models.steps == ["plan", "write-1", "write-2"]


def test_a_plan_that_cannot_be_read_is_asked_for_again_once() -> None:
    models = FakeModels(script(plan="Let me think about it.", plan_again=ideas(2)))
    answers = propose(context(models))
    assert [type(answer) for answer in answers] == [Candidate, Candidate]
    assert models.steps == ["plan", "plan-again", "write-1", "write-2"]
    again = models.asked[1]
    assert again.schema == models.asked[0].schema
    assert again.messages[:2] == models.asked[0].messages
    assert "there is no '{' in the answer" in again.messages[-1].content
    assert answers[0].lineage.prompts[:2] == (models.asked[0].digest, again.digest)


def test_without_a_plan_the_round_is_a_rejection() -> None:
    models = FakeModels(script(plan="Hm.", plan_again='{"ideas": [{"title"'), usd=1.0)
    answer = rejected(one(propose(context(models))), RejectionKind.MODEL_FAILED)
    assert "made no plan" in answer.reason
    assert answer.lineage.usd == 2.0
    assert len(answer.lineage.prompts) == 2
    refused = FakeModels(script(plan=Answer(AnswerStatus.REFUSED, reason="no")))
    rejected(one(propose(context(refused))), RejectionKind.MODEL_FAILED)
    assert refused.steps == ["plan"]


def test_ideas_beyond_those_wanted_are_left_and_fewer_are_taken() -> None:
    assert len(propose(context(FakeModels(script(plan=ideas(9)))))) == 3
    assert len(propose(context(FakeModels(script(plan=ideas(2)))))) == 2


def test_a_single_idea_takes_one_call() -> None:
    said = (
        "**IDEA:** wait less\nHYPOTHESIS: it waits\n  too long\n- Change: run at once\n"
        "METRIC: `cost`\nEXPECTED: about 7.5 %\nRISK: none\n\n"
    )
    models = FakeModels(script(propose=said + edit('"RUN NOW"')))
    answer = one(propose(context(models, wanted=1)))
    assert isinstance(answer, Candidate)
    assert models.steps == ["propose"]
    assert models.asked[0].schema is None
    assert answer.lineage.plan == "wait less: run at once"
    assert answer.lineage.idea == Idea("it waits too long", "run at once", "cost", 0.075, "none")
    assert answer.lineage.prompts == (models.asked[0].digest,)


def test_a_single_idea_is_mended_like_others_and_needs_no_plan() -> None:
    models = FakeModels(script(propose=WRONG))
    answer = one(propose(context(models, wanted=1)))
    assert isinstance(answer, Candidate)
    assert models.steps == ["propose", "repair-1-1"]
    assert answer.lineage.plan == "no plan was given"
    assert answer.lineage.idea is None


class Rehearsing:
    """A smoke split on which programs with a word in them crash."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.steps: list[str] = []

    async def __call__(self, step: str, program: Program) -> Rehearsal:
        self.steps.append(step)
        if self._word not in program.text("policy.py"):
            return Rehearsal(1, step, program.id, "SCORED")
        return Rehearsal(
            1, step, program.id, "CRASHED", "KeyError: 'gone'", "y" * 9000 + "the last line"
        )


def test_a_draft_that_fails_its_rehearsal_is_mended() -> None:
    models, rehearse = FakeModels(script(plan=ideas(1), write_1=edit('"BAD"'))), Rehearsing("BAD")
    assert isinstance(one(propose(context(models, rehearse=rehearse))), Candidate)
    assert rehearse.steps == ["rehearse-1-0", "rehearse-1-1"]
    fault = models.last("repair-1-1")
    assert "ended CRASHED: KeyError: 'gone'" in fault
    assert "the last line" in fault
    assert len(fault) < 6000


def test_a_draft_that_never_passes_its_rehearsal_is_rejected() -> None:
    models = FakeModels(script(plan=ideas(1)))
    answer = one(propose(context(models, rehearse=Rehearsing("return"))))
    assert "CRASHED" in rejected(answer, RejectionKind.FAILS_REHEARSAL).reason
    assert answer.program


def test_what_has_another_fault_is_not_rehearsed() -> None:
    rehearse = Rehearsing("nothing")
    models = FakeModels(script(plan=ideas(1), write_1=WRONG, repair_1_1=WRONG, repair_1_2=WRONG))
    propose(context(models, rehearse=rehearse))
    assert rehearse.steps == []


LOST = "        self.slack = seen['due'] - seen['left']"


def grown() -> tuple[list, str]:
    """A line is added in trial 1, and taken out again in trial 2, with others that say nothing."""
    with_line = POLICY.replace("        if", f"{LOST}\n        pass  \n        if", 1)
    without = POLICY.replace('"RUN"', '"GO"')
    history = [
        told(0),
        told(1, SEED.replacing({"policy.py": with_line.encode()}), 9.0, parent=0),
        told(2, SEED.replacing({"policy.py": without.encode()}), 8.0, parent=1),
    ]
    block = f'return "WAIT"\n=======\n{LOST}\n        return "WAIT"\n>>>>>>> REPLACE'
    back = f"FILE: policy.py\n<<<<<<< SEARCH\n        {block}\n"
    return history, back


def test_lines_that_come_back_are_remarked() -> None:
    history, back = grown()
    models = FakeModels(script(plan=ideas(2), write_1=back))
    first, second = propose(context(models, history[2], history))
    assert first.lineage.plan == "idea 1: change 1; brings back 1 deleted line"
    assert "brings back" not in second.lineage.plan
    assert models.steps == ["plan", "write-1", "write-2"]
    assert LOST.strip() in models.last("write-1")


def test_lines_that_come_back_are_told_to_the_model_with_another_fault_only() -> None:
    history, back = grown()
    broken = back.replace('return "WAIT"\n>', 'return "WAIT" +\n>')
    models = FakeModels(script(plan=ideas(1), write_1=broken))
    propose(context(models, history[2], history))
    assert "brings back lines that were deleted" in models.last("repair-1-1")
    models = FakeModels(script(plan=ideas(1), write_1=edit("(")))
    propose(context(models, history[2], history))
    assert "brings back lines" not in models.last("repair-1-1")


class Failing(FakeModels):
    """The second idea's call fails while the others wait."""

    def __init__(self, error: Exception, step: str) -> None:
        super().__init__(script())
        self._error = error
        self._step = step
        self.given_up: list[str] = []

    async def ask(self, prompt):
        if prompt.step == self._step:
            raise self._error
        if prompt.step.startswith("write"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.given_up.append(prompt.step)
                raise
        return await super().ask(prompt)


@pytest.mark.parametrize("error", [ModelUnavailable("down"), BudgetSpent("spent")])
def test_what_ends_the_search_passes_and_ends_the_round(error: Exception) -> None:
    models = Failing(error, "write-2")
    with pytest.raises(type(error)) as caught:
        propose(context(models))
    assert caught.value is error
    assert models.given_up == ["write-1", "write-3"]
    with pytest.raises(type(error)):
        propose(context(Failing(error, "plan")))


def test_without_a_model_it_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match="--model NAME"):
        propose(context(None))


def test_the_same_context_and_answers_give_the_same_round() -> None:
    def once():
        history, back = grown()
        models = FakeModels(script(write_1=WRONG, write_2=back), usd=0.1)
        answers = propose(context(models, history[2], history, inspirations=[history[1]]))
        return [(p.step, p.content, p.template) for p in models.asked], answers

    assert once() == once()


def test_nothing_is_sent_to_a_service_for_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    from langsmith.utils import tracing_is_enabled

    seen = []

    def answer(prompt):
        seen.append(tracing_is_enabled())
        return script()(prompt)

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    propose(context(FakeModels(answer)))
    assert seen == [False] * 4


def test_importing_the_planner_is_cheap() -> None:
    heavy = ("langgraph", "langchain_core", "langsmith", "jinja2", "openai", "pydantic")
    code = f"import sys, adrs_agents.planner; print([m for m in {heavy!r} if m in sys.modules])"
    path = os.pathsep.join(str(ROOT / part) for part in (".", "agents"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
