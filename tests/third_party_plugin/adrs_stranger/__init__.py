"""Plug-ins for ADRS by somebody whom it does not know."""
