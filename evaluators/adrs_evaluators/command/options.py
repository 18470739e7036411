"""What a task says to the evaluator `command`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adrs import ConfigError, Setting, read_options

_OUTSIDE = ("{task}", "{source}")


@dataclass(frozen=True, slots=True)
class Options:
    """The table [evaluator.options]: commands, each a list of arguments that no shell reads.

    Attributes:
        run: measures, or answers, one workload, which is on its standard input; in the program's
            folder.
        build: run once for a program, in its folder.
        measure: makes metrics of what `run` printed; in the judge's sandbox. Empty if `run` prints
            metrics itself.
        workloads: makes the workloads of a split; in the judge's sandbox. Empty if they are files.
    """

    run: tuple[str, ...]
    build: tuple[str, ...] = ()
    measure: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()

    @classmethod
    def of(cls, setting: Setting) -> Options:
        """Reads those of a task; `{source}` is empty if there are no real workloads.

        Raises:
            ConfigError: a key or a value that they do not have, or no `run`.
            ConfigError: a candidate's command names what only the judge's sandbox has.
            ConfigError: the task has an entry, which nothing would call.
            ConfigError: parameters or real workloads, and nothing that takes them.
        """
        task = setting.task
        options = read_options(task, cls)
        where = f"{task.folder / 'task.toml'}: [evaluator.options]"
        if not options.run:
            raise ConfigError(f'{where} run must be a command; write run = ["./solve"]')
        for key, argv in (("build", options.build), ("run", options.run)):
            for argument in argv:
                if any(name in argument for name in _OUTSIDE):
                    raise ConfigError(
                        f"{where} {key} has {argument!r:.80}, but programs never see the task's "
                        "folder; what they need goes into the program, what checks them into "
                        "measure"
                    )
        if task.brief.entry:
            raise ConfigError(
                f"{task.folder / 'task.toml'}: [program] entry names what a judge calls, and a "
                "command calls nothing; leave it out"
            )
        if task.generator and not options.workloads:
            raise ConfigError(
                f"{where} has no command workloads, so nothing takes the parameters of "
                "[generator]; leave that table out, or add the command"
            )
        if setting.source is None:
            empty = tuple(argument.replace("{source}", "") for argument in options.workloads)
            return replace(options, workloads=empty)
        if options.workloads and not any("{source}" in one for one in options.workloads):
            raise ConfigError(
                f"{where} workloads takes no real workloads; have it read {{source}}, the path of "
                "those given with --workloads, or run without --workloads"
            )
        if not options.workloads and not setting.source.is_dir():
            raise ConfigError(
                f"{setting.source} must be a folder with folders train/, validation/ and held_out/ "
                f"of workloads, one a file: {task.name} has no command that makes them of a file"
            )
        return options
