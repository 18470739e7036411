"""The evaluator that times compiled functions, call by call, out of their reach."""

from adrs_evaluators.kernel.evaluator import KernelEvaluator

__all__ = ["KernelEvaluator"]
