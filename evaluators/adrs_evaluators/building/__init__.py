"""Running a command in a sandbox, and building programs with one: shared by evaluators."""

from adrs_evaluators.building.builds import Build, Builds
from adrs_evaluators.building.running import Command, Finished, command_room, run_command

__all__ = ["Build", "Builds", "Command", "Finished", "command_room", "run_command"]
