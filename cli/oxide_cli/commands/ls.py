"""``oxide ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions_and_paths
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering.text import columns, quote_path, size
from oxide_cli.verb import PATH, json_option, verb

if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import FileEntry


@verb("ls", "oxide ls", "oxide ls -r", "oxide ls v1.0 images/", "oxide ls images/ --json")
@click.argument("words", nargs=-1, type=PATH, metavar="[REV] [PATH]", shell_complete=revisions_and_paths)
@click.option("-r", "--recursive", is_flag=True, help="List all files below instead of folders.")
@json_option
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], recursive: bool, as_json: bool) -> None:
    """List the files of a revision.

    HEAD without REV. A single word that names a revision is one, otherwise it is a path.

    With --json, `type` is `file`, `link`, `reference` (a link to a file outside, added by reference) or `folder`.
    Pictures and videos have `media` (the type), `width` and `height` in pixels as stored, `orientation` (1 to 8, as in
    EXIF), `channels`, `bit_depth`, `fps`, `frames`, `duration` in seconds, and `broken`: why one cannot be read.
    """
    console: Console = context.obj
    if len(words) > 2:
        raise click.UsageError("one revision and one path at most", context)
    repository = console.repository()
    revision, path = _revision_and_path(repository, words)
    entries = repository.ls(revision, path, recursive=recursive)
    if as_json:
        from oxide_cli.rendering import records

        console.json_stream(records.file_entry(entry) for entry in entries)
        return
    with console.pager():
        console.lines(listing_lines(entries))


def _revision_and_path(repository: Repository, words: tuple[str, ...]) -> tuple[str, str]:
    from oxide_cli.revisions import is_revision

    if words and (len(words) == 2 or is_revision(repository, words[0])):
        revision, rest = words[0], words[1:]
    else:
        revision, rest = "HEAD", words
    path = to_root(repository.root, rest[0] if rest else ".")
    return revision, "" if path == "." else path


def listing_lines(entries: list[FileEntry]) -> list[str]:
    """Size, type and path; folders end in ``/`` and weigh what is in them."""
    return columns(
        [
            (
                size(entry.size),
                "executable" if entry.executable else entry.type,
                quote_path(entry.path.rstrip("/") + "/" if entry.type == "folder" else entry.path),
            )
            for entry in entries
        ],
        right=(0,),
    )
