"""The proposer's part, taken by somebody outside: a script, or a coding agent."""

from __future__ import annotations

from collections.abc import Sequence

from adrs import Candidate, ConfigError, Context, Lineage, Rejection, Trial, harmless

_PLAN = 500
_AUTHOR = 100


class External:
    """Proposes what agents hand in by `adrs tell` or `adrs mcp`.

    It is not confined: what an agent with a shell can read, nobody here knows.
    """

    name = "external"
    version = "1"
    confined = False
    waits_for = "agent"

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        """Waits for an agent.

        Raises:
            ConfigError: the search has no door for agents.
        """
        if context.door is None:
            raise ConfigError(
                "the proposer external waits for agents, and this search has no door for them; "
                "use it in a run that `adrs run TASK --proposer external` starts"
            )
        handed_in = await context.door.submission()
        lineage = Lineage(
            self.name,
            self.version,
            (handed_in.parent,),
            plan=harmless(handed_in.plan, _PLAN),
            author=harmless(handed_in.agent, _AUTHOR),
        )
        return [Candidate(handed_in.program, lineage)]

    def observe(self, trial: Trial) -> str | None:
        """Learns nothing: agents look at the record."""
        return None
