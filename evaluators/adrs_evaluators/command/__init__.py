"""The evaluator for tasks measured by commands, in any language."""

from adrs_evaluators.command.evaluator import CommandEvaluator

__all__ = ["CommandEvaluator"]
