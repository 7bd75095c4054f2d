"""Entry point: the global options, and verbs that are imported only when they run."""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from typing import NoReturn, cast

import click

from oxide_cli.output import Console, accept_odd_characters
from oxide_cli.start import COMPLETION_VARIABLE as COMPLETION_VARIABLE
from oxide_cli.verb import HELP_NAMES
from oxide_cli.verbs import SECTIONS, VERBS

PROGRAM = "oxide"


class UnknownVerb(click.UsageError):
    """The verb does not exist; ``hint`` names the nearest one."""

    def __init__(self, word: str, context: click.Context) -> None:
        from oxide_cli import suggestions

        super().__init__(f"there is no verb `{word}`", context)
        match = suggestions.verb(word, VERBS)
        self.hint = f"did you mean `{PROGRAM} {match}`?" if match else f"`{PROGRAM} --help` lists the verbs"


class Verbs(click.Group):
    """The verbs by name. Listing them reads a table, running one imports its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, imported now."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"oxide_cli.commands.{cmd_name.replace('-', '_')}")
        return cast(click.Command, module.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first word names, or a suggestion."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UnknownVerb(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Verbs by what they are for."""
        for title, verbs in SECTIONS:
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from oxide_cli.commands.version import version

        click.echo(f"{PROGRAM} {version()}")
        context.exit()


@click.group(
    cls=Verbs, invoke_without_command=True, context_settings=HELP_NAMES, subcommand_metavar="VERB [ARGUMENTS]..."
)
@click.option("-C", "folder", metavar="DIR", type=click.Path(), help="Run as if started in this folder.")
@click.option("-q", "--quiet", is_flag=True, help="Print data, warnings and errors only.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@click.pass_context
def oxide(context: click.Context, folder: str | None, quiet: bool) -> None:
    """Version control for image and video datasets.

    Paths are relative to the current folder on input and to the repository's root on output. REV is a branch, a tag, a
    commit id or the beginning of one, HEAD~2, or main@{yesterday}. `oxide VERB --help` explains a verb with examples.
    """
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot work in {folder}: {error.strerror}", context) from error
    context.obj = Console(quiet=quiet)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Run a command line. Returns the exit code; failures are reported, never raised."""
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as error:
        from oxide_cli import failures

        return failures.report(error, arguments)


def _invoke(arguments: list[str]) -> int:
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    try:
        with oxide.make_context(PROGRAM, list(arguments)) as context:
            result = oxide.invoke(context)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    return result if isinstance(result, int) else 0


def main() -> None:
    """The ``oxide`` executable, but for what :mod:`oxide_cli.start` reads itself."""
    accept_odd_characters()
    if COMPLETION_VARIABLE in os.environ:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(oxide, {}, PROGRAM, COMPLETION_VARIABLE, os.environ[COMPLETION_VARIABLE]))
    _end(run(sys.argv[1:]))


def _end(code: int) -> NoReturn:
    """The end of the process. A query that DuckDB did not stop in time is still at work on its thread; the interpreter
    is not taken apart under it, which would be complained about on standard error.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
