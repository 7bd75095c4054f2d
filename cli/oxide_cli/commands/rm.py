"""``oxide rm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.moving import tell_skipped
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.text import LISTED, count, number, quote_path
from oxide_cli.verb import dry_run_option, force_option, json_option, paths_argument, verb

if TYPE_CHECKING:
    from oxide.types import Skipped


@verb("rm", "oxide rm images/blurred.jpg", "oxide rm --dry-run old/", "oxide rm --cached notes.txt")
@paths_argument
@click.option("--cached", is_flag=True, help="Stop versioning the files and leave them on disk.")
@force_option
@dry_run_option
@json_option
@click.pass_obj
def command(console: Console, paths: tuple[str, ...], cached: bool, force: bool, dry_run: bool, as_json: bool) -> int:
    """Remove files from the working copy and from the next commit.

    A folder is removed with all its files. Files with changes that are stored nowhere are kept unless --force is given.
    """
    repository = console.repository()
    skipped: list[Skipped] = []
    names = all_to_root(repository, paths)
    removed = sorted(repository.remove(names, cached=cached, force=force, dry_run=dry_run, skipped=skipped))
    code = tell_skipped(console, skipped)
    if as_json:
        left = [entry._asdict() for entry in sorted(skipped)]
        console.json({"removed": removed, "cached": cached, "dry_run": dry_run, "skipped": left})
        return code
    if dry_run:
        console.lines(f"would remove {quote_path(path)}" for path in removed)
        return code
    for path in removed[:LISTED]:
        console.done(f"removed {quote_path(path)}")
    if len(removed) > LISTED:
        console.done(f"… {number(len(removed) - LISTED)} more")
    console.done(f"{count(len(removed), 'file')} removed" + (", all left on disk" if cached else ""))
    console.undoable()
    console.next("oxide commit -m TEXT")
    return code
