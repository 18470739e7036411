"""What plug-in authors test with: contracts that each kind of plug-in must fulfil."""

from adrs.testing.store_contract import StoreContract as StoreContract
