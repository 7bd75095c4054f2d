"""``oxide restore``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_moved
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.changes import moved_line
from oxide_cli.rendering.text import quote_path
from oxide_cli.verb import dry_run_option, force_option, json_option, paths_argument, verb


@verb(
    "restore",
    "oxide restore images/cat.jpg",
    "oxide restore --source HEAD~2 labels/",
    "oxide restore --staged images/",
    "oxide restore --dry-run .",
)
@paths_argument
@click.option("--source", metavar="REV", help="Take the files from this revision.", shell_complete=revisions)
@click.option("--staged", is_flag=True, help="Unstage; the working copy is left as it is.")
@force_option
@dry_run_option
@json_option
@click.pass_obj
def command(
    console: Console,
    paths: tuple[str, ...],
    source: str | None,
    staged: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring files back from a commit, or unstage them.

    Pending changes of annotations and metadata at the paths are dropped too. A file whose content is stored nowhere is
    never overwritten without --force.
    """
    repository = console.repository()
    places = all_to_root(repository, paths)
    if dry_run:
        _preview(console, places, source, staged, force, as_json)
        return 0
    with console.progress() as progress:
        result = repository.restore(places, source=source, staged=staged, force=force, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.checkout_result(result))
    code = tell_moved(console, result)
    if staged:
        console.done("Unstaged")
        console.undoable()
    elif not moved_line(result) and not result.failed:
        console.done("Nothing to restore: the files are as they should be")
    console.next("oxide status")
    return code


def _preview(console: Console, places: list[str], source: str | None, staged: bool, force: bool, as_json: bool) -> None:
    """The files that a restore would change, or its refusal: nothing is done."""
    repository = console.repository()
    with console.progress() as progress:
        result = repository.restore(places, source=source, staged=staged, force=force, dry_run=True, progress=progress)
        written, removed = result.written, result.removed
        if staged:
            files = repository.diff(source, staged=True, paths=places, progress=progress).files
            written = [*files.modified, *files.removed, *(old for old, _ in files.renamed)]
            removed = [*files.added, *(new for _, new in files.renamed)]
    written = sorted(written)
    removed = sorted(removed)
    if as_json:
        console.json({"written": written, "removed": removed, "dry_run": True})
        return
    console.lines(f"would {'unstage' if staged else 'restore'} {quote_path(path)}" for path in written)
    console.lines(f"would {'unstage' if staged else 'remove'} {quote_path(path)}" for path in removed)
