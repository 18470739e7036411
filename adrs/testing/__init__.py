"""What plug-in authors test with: contracts that each kind of plug-in must fulfil.

Contracts need pytest and are resolved when they are first used; what else is here needs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adrs.testing.evaluator_contract import EvaluatorContract as EvaluatorContract
    from adrs.testing.proposer_contract import ProposerContract as ProposerContract
    from adrs.testing.sandbox_contract import SandboxContract as SandboxContract
    from adrs.testing.store_contract import StoreContract as StoreContract

_HOMES = {
    "EvaluatorContract": "adrs.testing.evaluator_contract",
    "ProposerContract": "adrs.testing.proposer_contract",
    "SandboxContract": "adrs.testing.sandbox_contract",
    "StoreContract": "adrs.testing.store_contract",
}

__all__ = sorted(_HOMES)

if "pytest" in sys.modules:
    # Before they are imported, so that a failing contract shows the values it compared.
    sys.modules["pytest"].register_assert_rewrite(*_HOMES.values())


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'adrs.testing' has no attribute {name!r}")
    return getattr(import_module(home), name)
