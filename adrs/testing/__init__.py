"""What plug-in authors test with: contracts that each kind of plug-in must fulfil."""

import pytest

# Before they are imported, so that a failing contract shows the values it compared.
pytest.register_assert_rewrite(
    "adrs.testing.proposer_contract",
    "adrs.testing.sandbox_contract",
    "adrs.testing.store_contract",
)

from adrs.testing.proposer_contract import ProposerContract as ProposerContract  # noqa: E402
from adrs.testing.sandbox_contract import SandboxContract as SandboxContract  # noqa: E402
from adrs.testing.store_contract import StoreContract as StoreContract  # noqa: E402
