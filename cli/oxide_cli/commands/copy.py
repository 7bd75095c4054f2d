"""``oxide copy``."""

from __future__ import annotations

import os

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_skipped
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import LISTED, count, number, quote_path
from oxide_cli.verb import PATH, dry_run_option, force_option, json_option, verb


@verb(
    "copy",
    "oxide copy cats/ selection",
    "oxide copy cat.jpg ../other:images --without-annotations",
    "oxide copy --from v1 cat.jpg old",
)
@click.argument("words", nargs=-1, required=True, type=PATH, metavar="PATH... TARGET")
@click.option("--from", "revision", metavar="REV", help="Copy out of this revision.", shell_complete=revisions)
@click.option("--without-annotations", is_flag=True, help="Leave the annotations behind.")
@click.option("--without-metadata", is_flag=True, help="Leave the metadata behind.")
@force_option
@dry_run_option
@json_option
@click.pass_obj
def command(
    console: Console,
    words: tuple[str, ...],
    revision: str | None,
    without_annotations: bool,
    without_metadata: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Copy files with their labels and metadata.

    They go into a folder, as new items with annotations of their own, and are staged there. TARGET is a folder of this
    repository, or REPOSITORY:FOLDER with the folder of another one on this machine; the labels in use are added to its
    ontology. Copied is what is staged. --force also replaces files with the same names.
    """
    if len(words) < 2:
        raise click.UsageError("name what to copy, and then where to")
    repository = console.repository()
    with console.progress() as progress:
        result = repository.copy(
            all_to_root(repository, words[:-1]),
            _target(repository.folder, words[-1]),
            revision=revision,
            annotations=not without_annotations,
            metadata=not without_metadata,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
    code = tell_skipped(console, result.failed)
    if as_json:
        console.json(
            {
                "copied": [list(pair) for pair in result.copied],
                "replaced": result.replaced,
                "annotations": result.annotations,
                "metadata": result.metadata,
                "labels": result.labels,
                "failed": [entry._asdict() for entry in result.failed],
                "dry_run": dry_run,
            }
        )
        return code
    lines = [f"{quote_path(old)} -> {quote_path(new)}" for old, new in result.copied]
    if dry_run:
        console.lines(f"would copy {line}" for line in lines)
        console.lines(f"would replace {quote_path(path)}" for path in result.replaced)
        return code
    for line in lines[:LISTED]:
        console.done(line)
    if len(lines) > LISTED:
        console.done(f"… {number(len(lines) - LISTED)} more")
    brought = f"{count(result.annotations, 'annotation')} and metadata of {count(result.metadata, 'file')}"
    console.done(f"{count(len(lines), 'file')} copied with {brought}")
    if result.labels:
        console.done(f"labels added to the ontology: {', '.join(result.labels)}")
    other = words[-1].partition(":")[0] if ":" in words[-1] else None
    if other is None:
        console.undoable()
    console.next("oxide commit -m TEXT" if other is None else f"oxide -C {other} commit -m TEXT")
    return code


def _target(root: str, word: str) -> str:
    """The target with its folder below the root, or with the other repository in full."""
    place, colon, folder = word.partition(":")
    if not colon:
        return to_root(root, word)
    return word if folder.startswith("//") else f"{os.path.abspath(place)}:{folder}"
