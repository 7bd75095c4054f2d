"""``oxide restore``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.moving import tell_moved
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.changes import count_of_rows, moved_line
from oxide_cli.rendering.text import quote_path
from oxide_cli.verb import dry_run_option, force_option, json_option, paths_argument, verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.workspace import Tables

_OF_FILES = frozenset(("files", "items"))


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
    before = repository.staged_tables()
    with console.progress() as progress:
        result = repository.restore(places, source=source, staged=staged, force=force, progress=progress)
    rows = _tables_that_differ(before, repository.staged_tables())
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.checkout_result(result))
    code = tell_moved(console, result)
    if rows:
        console.done(f"Restored rows of {', '.join(rows)}")
    if staged:
        console.done("Unstaged")
    if staged or rows:
        console.undoable()
    elif not moved_line(result) and not result.failed:
        console.done("Nothing to restore: the files are as they should be")
    console.next("oxide status")
    return code


def _tables_that_differ(before: Tables, after: Tables) -> list[str]:
    """Names of the tables, besides those of files, that a restore changed."""
    return sorted(name for name in before | after if name not in _OF_FILES and before.get(name) != after.get(name))


def _preview(console: Console, places: list[str], source: str | None, staged: bool, force: bool, as_json: bool) -> None:
    """The files and the numbers of rows that a restore would change, or its refusal: nothing is done."""
    repository = console.repository()
    with console.progress() as progress:
        result = repository.restore(places, source=source, staged=staged, force=force, dry_run=True, progress=progress)
        written, removed = result.written, result.removed
        files, tables = repository.diff(source, staged=True, paths=places, progress=progress)
        if staged:
            written = [*files.modified, *files.removed, *(old for old, _ in files.renamed)]
            removed = [*files.added, *(new for _, new in files.renamed)]
    written = sorted(written)
    removed = sorted(removed)
    if as_json:
        from oxide_cli.rendering import records

        console.json({"written": written, "removed": removed, "tables": records.tables(tables), "dry_run": True})
        return
    console.lines(f"would {'unstage' if staged else 'restore'} {quote_path(path)}" for path in written)
    console.lines(f"would {'unstage' if staged else 'remove'} {quote_path(path)}" for path in removed)
    console.lines(
        f"would take back {name}: {count_of_rows(changes)}" for name, changes in sorted(tables.items()) if any(changes)
    )
