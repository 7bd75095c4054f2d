"""``oxide metadata``."""

from __future__ import annotations

import json

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import count
from oxide_cli.shapes import key_and_value
from oxide_cli.verb import HELP_NAMES, PATH, VerbGroup, json_option, verb


@click.group("metadata", cls=VerbGroup, context_settings=HELP_NAMES)
def command() -> None:
    """Set, show and remove metadata of files.

    Metadata is any JSON, by dotted keys. What is changed is pending for the next commit.
    """


command.examples = (
    "oxide metadata set cat.jpg weather=rain camera.lens=35",
    "oxide metadata set images/ split=train",
    "oxide metadata get cat.jpg --json",
    "oxide metadata unset cat.jpg weather",
)


@verb("set", "oxide metadata set cat.jpg weather=rain camera.lens=35")
@click.argument("words", nargs=-1, required=True, metavar="PATH... KEY=VALUE...", type=PATH)
@json_option
@click.pass_obj
def set_values(console: Console, words: tuple[str, ...], as_json: bool) -> None:
    """Set metadata of files, or of all below a folder. A value is JSON, or else text."""
    from oxide.labels.metadata import parse_value

    first = next((at for at, word in enumerate(words) if at and "=" in word), len(words))
    values = {key: parse_value(value) for key, value in map(key_and_value, words[first:])}
    if not values:
        raise click.UsageError("give at least one KEY=VALUE behind the paths")
    repository = console.repository()
    changed = repository.set_metadata(all_to_root(repository, words[:first]), values)
    _tell(console, changed, as_json)


@verb("unset", "oxide metadata unset cat.jpg weather camera.lens")
@click.argument("path", type=PATH)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@json_option
@click.pass_obj
def unset_values(console: Console, path: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Remove metadata of a file, or of all below a folder."""
    repository = console.repository()
    _tell(console, repository.unset_metadata([to_root(repository.folder, path)], keys), as_json)


@verb("get", "oxide metadata get cat.jpg", "oxide metadata get cat.jpg --at v1 --json")
@click.argument("path", type=PATH)
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def get_values(console: Console, path: str, at: str | None, as_json: bool) -> None:
    """Show the metadata of a file."""
    repository = console.repository()
    found = repository.metadata(to_root(repository.folder, path), at)
    if as_json:
        console.json(found)
        return
    console.lines(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(found.items()))


def _tell(console: Console, changed: int, as_json: bool) -> None:
    if as_json:
        console.json({"changed": changed})
    console.done(f"Changed the metadata of {count(changed, 'file')}" if changed else "Nothing to change")
    if changed:
        console.next("oxide commit -m TEXT")


for subcommand in (set_values, unset_values, get_values):
    command.add_command(subcommand)
