"""The evaluator for tasks with a judge.py: judge and candidate in a sandbox each."""

from adrs_evaluators.judge.evaluator import JudgeEvaluator

__all__ = ["JudgeEvaluator"]
