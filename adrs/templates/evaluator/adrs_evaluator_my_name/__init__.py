"""An evaluator that compares a function's answers with those of examples."""

from adrs_evaluator_my_name.evaluator import MyName

__all__ = ["MyName"]
