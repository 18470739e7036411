"""An evaluator that compares a function's answers with those of examples."""

from adrs_evaluator_my_name.evaluator import MyNameEvaluator

__all__ = ["MyNameEvaluator"]
