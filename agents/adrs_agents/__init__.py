"""The proposers that ADRS brings along."""
