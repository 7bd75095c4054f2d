"""What every verb shares: help with examples, common options, and paths behind ``--``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

PATH = click.Path(readable=False)
"""A path as text: whether it exists, can be read and is inside the repository is the engine's to say."""

_NEGATED = re.compile(r'-([("]|[^\W\d][\w.@%+/]*[:=<>~!(])')
"""How a query begins whose first term is negated."""

_AFTER_DASHES = "oxide_cli.after_dashes"


class _WithExamples(click.Command):
    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, one a line, as they are typed."""
        if self.examples:
            formatter.write("\nExamples:\n" + "".join(f"  {example}\n" for example in self.examples))


class Verb(_WithExamples):
    """A verb. With ``splits_at_dashes`` the words behind ``--`` are kept apart: see :func:`after_dashes`.

    With ``takes_queries`` a query that begins with a negation is no option: ``-label:dog``.
    """

    splits_at_dashes = False
    takes_queries = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the arguments at ``--`` where the verb wants to tell revisions from paths."""
        if self.splits_at_dashes and "--" in args:
            at = args.index("--")
            ctx.meta[_AFTER_DASHES] = tuple(args[at + 1 :])
            args = args[:at]
        if self.takes_queries and "--" not in args:
            queries = [each for each in args if _NEGATED.match(each)]
            if queries:
                args = [*(each for each in args if each not in queries), "--", *queries]
        return super().parse_args(ctx, args)


class VerbGroup(_WithExamples, click.Group):
    """A verb with words of its own, such as ``oxide stash pop``."""


def verb(
    name: str, *examples: str, splits_at_dashes: bool = False, takes_queries: bool = False
) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a verb with examples in its help."""

    def decorate(function: Callable[..., Any]) -> Verb:
        command = click.command(name, cls=Verb, context_settings=HELP_NAMES)(function)
        command.examples = examples
        command.splits_at_dashes = splits_at_dashes
        command.takes_queries = takes_queries
        return command

    return decorate


def after_dashes(context: click.Context) -> tuple[str, ...] | None:
    """The words behind ``--``; ``None`` when there was none."""
    words: tuple[str, ...] | None = context.meta.get(_AFTER_DASHES)
    return words


def _note_json(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    if value and context.obj is not None:
        context.obj.json_only = True
    return value


def json_option(function: AnyFunction) -> AnyFunction:
    """``--json``: the result as JSON, alone on standard output."""
    return click.option("--json", "as_json", is_flag=True, callback=_note_json, help="Print JSON.")(function)


def dry_run_option(function: AnyFunction) -> AnyFunction:
    """``--dry-run``: say what would happen."""
    return click.option("-n", "--dry-run", is_flag=True, help="Show what would be done and do nothing.")(function)


def force_option(function: AnyFunction) -> AnyFunction:
    """``--force``: overwrite changes that are stored nowhere."""
    return click.option("-f", "--force", is_flag=True, help="Overwrite changes that are stored nowhere.")(function)


def paths_argument(function: AnyFunction) -> AnyFunction:
    """One path or more."""
    return click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")(function)
