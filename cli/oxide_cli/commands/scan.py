"""``oxide scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.everyday import warn_of_broken, warn_of_skipped
from oxide_cli.exit_codes import SOME_SKIPPED
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.text import count, number
from oxide_cli.verb import PATH, json_option, verb

if TYPE_CHECKING:
    from oxide.types import ScanResult


@verb("scan", "oxide scan", "oxide scan videos/", "oxide scan --all --json")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option("--all", "every", is_flag=True, help="Read those too that this version has read before.")
@json_option
@click.pass_obj
def command(console: Console, paths: tuple[str, ...], every: bool, as_json: bool) -> int:
    """Read the facts of pictures and videos again.

    `oxide add` reads type, size, orientation, frames and duration from the headers of each file, and notes what is
    broken. This does so for tracked files of which nothing is known, or only what an earlier version knew. What is new
    is staged.
    """
    repository = console.repository()
    with console.progress() as progress:
        result = repository.scan(all_to_root(repository, paths), all=every, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.scan_result(result))
    else:
        console.done(summary(result))
    warn_of_skipped(console, result.skipped)
    warn_of_broken(console, result.broken)
    if result.changed:
        console.undoable()
        console.next("oxide commit -m TEXT")
    return SOME_SKIPPED if result.skipped else 0


def summary(result: ScanResult) -> str:
    """``Read 2,133 files: 12 changed, 1 broken``."""
    if not result.read:
        return "Nothing to read: the facts of every file are those of this version"
    return f"Read {count(result.read, 'file')}: {number(result.changed)} changed, {number(len(result.broken))} broken"
