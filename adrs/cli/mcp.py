"""`adrs mcp`: a server for coding agents."""

from __future__ import annotations

from adrs.cli._agents import AgentName, agent_name
from adrs.cli._options import RunName, StoreUrl


def mcp(run: RunName = None, agent: AgentName = None, store: StoreUrl = None) -> None:
    """Let a coding agent take the proposer's part, as an MCP server on standard input and output.

    The engine is an `adrs run TASK --proposer external` that is at work on RUN.
    """
    from adrs.cli._looking import opened, run_named
    from adrs.cli._tools import serve

    with opened(store) as record:
        serve(record, run_named(record, run).name, agent_name(agent))
