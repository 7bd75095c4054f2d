"""``oxide resolve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.moving import tell_skipped
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering.text import count
from oxide_cli.verb import PATH, force_option, json_option, verb

if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import Skipped


@verb(
    "resolve",
    "oxide resolve images/cat.jpg --theirs",
    "oxide resolve . --ours",
    "oxide resolve 65f1c0ffee65f1c0ffee65f1 --base",
    "oxide resolve views:cats --theirs",
)
@click.argument("names", nargs=-1, required=True, type=PATH, metavar="PATH|ANNOTATION|views:NAME...")
@click.option("--ours", is_flag=True, help="Take this branch's side.")
@click.option("--theirs", is_flag=True, help="Take the side that is merged in.")
@click.option("--base", is_flag=True, help="Take the state before both changes.")
@force_option
@json_option
@click.pass_context
def command(
    context: click.Context, names: tuple[str, ...], ours: bool, theirs: bool, base: bool, force: bool, as_json: bool
) -> int:
    """Decide conflicts by taking one side.

    Of labels and metadata the side gives what both changed; what only one changed stays merged. A folder stands for all
    conflicts of files below it, `.` in the top folder for all files. To take neither side, edit the file and
    `oxide add` it.
    """
    console: Console = context.obj
    sides = [side for side, taken in (("ours", ours), ("theirs", theirs), ("base", base)) if taken]
    if len(sides) != 1:
        raise click.UsageError("say which one side to take: --ours, --theirs or --base", context)
    repository = console.repository()
    skipped: list[Skipped] = []
    chosen = conflict_names(repository, names)
    with console.progress() as progress:
        left = repository.resolve(chosen, sides[0], force=force, skipped=skipped, progress=progress)
    code = tell_skipped(console, skipped)
    if as_json:
        from oxide_cli.rendering import records

        console.json({"conflicts": records.conflicts(left)})
    if left:
        console.done(f"{count(len(left), 'conflict')} left")
        console.next("oxide conflicts")
    else:
        console.done("All conflicts are decided")
        console.next("oxide merge --continue" if repository.status().merging else "oxide commit -m TEXT")
    return code


def conflict_names(repository: Repository, words: tuple[str, ...]) -> list[str]:
    """Conflicts as the engine names them: keys of rows, also behind ``table:``, and paths below the root."""
    rows = [conflict for conflict in repository.conflicts() if conflict.table != "files"]
    keys = {f"{each.table}:{each.name}": each.name for each in rows} | {each.name: each.name for each in rows}
    keys |= {each.title: each.name for each in rows}
    return [keys.get(word) or to_root(repository.root, word) for word in words]
