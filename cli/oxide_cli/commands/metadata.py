"""``oxide metadata``."""

from __future__ import annotations

import json

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import count
from oxide_cli.shapes import key_and_value
from oxide_cli.verb import HELP_NAMES, PATH, VerbGroup, dry_run_option, json_option, verb


@click.group("metadata", cls=VerbGroup, context_settings=HELP_NAMES)
def command() -> None:
    """Set, show, remove and import metadata of files.

    Metadata is any JSON, by dotted keys. What is changed is pending for the next commit.
    """


command.examples = (
    "oxide metadata set cat.jpg weather=rain camera.lens=35",
    "oxide metadata set images/ split=train",
    "oxide metadata get cat.jpg --json",
    "oxide metadata unset cat.jpg weather",
    "oxide metadata import weather.csv --key file",
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
    with console.progress() as progress:
        changed = repository.set_metadata(all_to_root(repository, words[:first]), values, progress=progress)
    _tell(console, changed, as_json)


@verb("unset", "oxide metadata unset cat.jpg weather camera.lens")
@click.argument("path", type=PATH)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@json_option
@click.pass_obj
def unset_values(console: Console, path: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Remove metadata of a file, or of all below a folder."""
    repository = console.repository()
    with console.progress() as progress:
        changed = repository.unset_metadata([to_root(repository.folder, path)], keys, progress=progress)
    _tell(console, changed, as_json)


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


@verb(
    "import", "oxide metadata import facts.jsonl", "oxide metadata import weather.csv --key file --match name --dry-run"
)
@click.argument("source", type=PATH, metavar="FILE.jsonl|FILE.csv")
@click.option("--key", default="path", show_default=True, help="The field or column that names the file.")
@click.option(
    "--match",
    type=click.Choice(["path", "name", "content"]),
    default="path",
    show_default=True,
    help="What that names: the path from the root, the base name, or the SHA-256 of the content.",
)
@dry_run_option
@json_option
@click.pass_obj
def import_values(console: Console, source: str, key: str, match: str, dry_run: bool, as_json: bool) -> None:
    """Set metadata of many files out of a file with a record each.

    Fields are nested objects or dotted keys, cells of a CSV file JSON or else text. What is not named stays. A mistake
    is reported with its line, and then nothing is imported.
    """
    repository = console.repository()
    with console.progress() as progress:
        changed = repository.import_metadata(source, key=key, match=match, dry_run=dry_run, progress=progress)
    if as_json:
        console.json({"files": changed, "dry_run": dry_run})
    elif dry_run:
        console.data(f"would set metadata of {count(changed, 'file')}")
    else:
        console.done(f"Set metadata of {count(changed, 'file')}")
        console.undoable()
        console.next("oxide commit -m TEXT")


def _tell(console: Console, changed: int, as_json: bool) -> None:
    if as_json:
        console.json({"changed": changed})
    console.done(f"Changed the metadata of {count(changed, 'file')}" if changed else "Nothing to change")
    if changed:
        console.next("oxide commit -m TEXT")


for subcommand in (set_values, unset_values, get_values, import_values):
    command.add_command(subcommand)
