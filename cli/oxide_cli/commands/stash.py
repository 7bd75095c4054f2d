"""``oxide stash``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.moving import tell_merged, tell_skipped
from oxide_cli.output import Console
from oxide_cli.rendering.log import stash_line
from oxide_cli.verb import HELP_NAMES, Verb, VerbGroup, json_option

if TYPE_CHECKING:
    from oxide.types import Skipped


def parse_index(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """``0``, ``1`` and so on, or ``stash@{1}`` as git writes it."""
    text = value.removeprefix("stash@{").removesuffix("}")
    if not (text.isascii() and text.isdecimal()):
        raise click.BadParameter(
            f"{value} is not the number of a stash; `oxide stash list` shows them", context, parameter
        )
    return int(text)


class Stash(VerbGroup):
    """Without a word of its own, `push`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `push` where no word is."""
        if not args or (args[0].startswith("-") and args[0] not in HELP_NAMES["help_option_names"]):
            args = ["push", *args]
        return super().parse_args(ctx, args)


@click.group("stash", cls=Stash, context_settings=HELP_NAMES)
def command() -> None:
    """Shelve changes and bring them back.

    Without a word, `oxide stash` shelves all changes of versioned files and of tables, staged or not, and makes the
    working copy clean. Untracked files stay where they are.
    """


command.examples = ("oxide stash", 'oxide stash push -m "half of the labels"', "oxide stash list", "oxide stash pop")


@command.command("push", cls=Verb, context_settings=HELP_NAMES)
@click.option("-m", "--message", metavar="TEXT", help="What is shelved.")
@json_option
@click.pass_obj
def push(console: Console, message: str | None, as_json: bool) -> int:
    """Shelve all changes."""
    skipped: list[Skipped] = []
    with console.progress() as progress:
        entry = console.repository().stash_push(message, skipped=skipped, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.stash_entry(entry))
    console.done(f"Shelved {stash_line(entry)}")
    code = tell_skipped(console, skipped)
    console.next("oxide stash pop")
    return code


@command.command("pop", cls=Verb, context_settings=HELP_NAMES)
@click.argument("index", callback=parse_index, default="0")
@json_option
@click.pass_obj
def pop(console: Console, index: int, as_json: bool) -> int:
    """Bring shelved changes back and drop the stash."""
    with console.progress() as progress:
        result = console.repository().stash_pop(index, progress=progress)
    code = tell_merged(console, result, as_json, "stash")
    if not code:
        console.done("Brought the shelved changes back")
        console.next("oxide status")
    return code


@command.command("list", cls=Verb, context_settings=HELP_NAMES)
@json_option
@click.pass_obj
def list_(console: Console, as_json: bool) -> None:
    """List what is shelved, the newest first."""
    entries = console.repository().stash_list()
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.stash_entry(entry) for entry in entries])
        return
    console.lines(stash_line(entry) for entry in entries)


@command.command("drop", cls=Verb, context_settings=HELP_NAMES)
@click.argument("index", callback=parse_index, default="0")
@json_option
@click.pass_obj
def drop(console: Console, index: int, as_json: bool) -> None:
    """Forget shelved changes."""
    entry = console.repository().stash_drop(index)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.stash_entry(entry))
    console.done(f"Dropped {stash_line(entry)}")
    console.undoable()
