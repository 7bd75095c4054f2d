"""``oxide split``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.exit_codes import FAILED
from oxide_cli.output import Console
from oxide_cli.rendering.text import LISTED, count, number, quote_path
from oxide_cli.verb import HELP_NAMES, VerbGroup, dry_run_option, json_option, verb

_KINDS = {
    "held-out": "uses what a frozen split holds out",
    "content": "are equal",
    "video": "are of one video",
    "near": "look alike",
}
FILES = 6
"""How many files of one leak are shown."""


def _by_turns(files: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """One of each split, then the second of each, and so on."""
    met: dict[str | None, int] = {}
    turns = []
    for path, split in files:
        met[split] = met.get(split, 0) + 1
        turns.append((met[split], path, split))
    return [(path, split) for _, path, split in sorted(turns, key=lambda turn: turn[:2])]


@click.group("split", cls=VerbGroup, context_settings=HELP_NAMES)
def command() -> None:
    """Divide files into training, validation and held-out ones.

    A picture's or video's split is its metadata `split`, versioned like all metadata. A frozen split is held
    out: no later commit on any branch may have its contents, or frames of its videos, in another file.
    """


command.examples = (
    "oxide split create test --per-class 126 --freeze",
    "oxide split create train --per-class 300 --class-from folder",
    "oxide split check",
)


@verb(
    "create",
    "oxide split create test --per-class 126 --freeze",
    "oxide split create val --ratio 0.1 --stratify --group-by metadata.camera --seed 7",
)
@click.argument("name")
@click.option("--per-class", type=int, metavar="N", help="So many files of each class.")
@click.option("--ratio", type=float, metavar="R", help="This share of the files that are in no split.")
@click.option("--count", "how_many", type=int, metavar="N", help="So many files.")
@click.option(
    "--class-from",
    type=click.Choice(["label", "folder", "filename"]),
    default="label",
    help="What tells the class: the label, the folder, or the first word of the name.",
)
@click.option("--group-by", metavar="metadata.KEY", help="Files with equal values stay together.")
@click.option("--stratify", is_flag=True, help="Of each class in proportion.")
@click.option("--seed", type=int, default=0, metavar="S", help="Another seed chooses other files.")
@click.option("--freeze", is_flag=True, help="Hold the split out from now on.")
@dry_run_option
@json_option
@click.pass_obj
def create(
    console: Console,
    name: str,
    per_class: int | None,
    ratio: float | None,
    how_many: int | None,
    class_from: str,
    group_by: str | None,
    stratify: bool,
    seed: int,
    freeze: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Choose files that are in no split yet for a new one.

    Equal files and frames of one video stay together. The same seed chooses the same files, whatever is added later.
    """
    result = console.repository().create_split(
        name,
        per_class=per_class,
        ratio=ratio,
        count=how_many,
        class_from=class_from,
        group_by=group_by,
        stratify=stratify,
        seed=seed,
        freeze=freeze,
        dry_run=dry_run,
    )
    if as_json:
        console.json({**result._asdict(), "dry_run": dry_run})
        return
    if dry_run:
        console.lines(f"would choose {quote_path(path)}" for path in result.paths)
        return
    for label, size in sorted(result.classes.items(), key=str):
        if label is not None:
            console.done(f"{label}: {number(size)}")
    frozen = ", frozen: no later commit may have them elsewhere" if result.frozen else ""
    console.done(f"{count(len(result.paths), 'file')} in split {name}{frozen}")
    console.undoable()
    console.next("oxide commit -m TEXT")


@verb("list", "oxide split list", "oxide split list --at v1 --json")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def list_splits(console: Console, at: str | None, as_json: bool) -> None:
    """List the splits with the number of their files."""
    found = console.repository().splits(at)
    if as_json:
        console.json([split._asdict() for split in found])
        return
    width = max((len(split.name) for split in found), default=0)
    console.lines(
        f"{split.name:<{width}}  {count(split.files, 'file')}{'  frozen' if split.frozen else ''}" for split in found
    )


@verb("show", "oxide split show test", "oxide split show train --at v1 --json")
@click.argument("name")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def show(console: Console, name: str, at: str | None, as_json: bool) -> None:
    """List the files of a split."""
    paths = console.repository().split(name, at)
    if as_json:
        console.json({"name": name, "paths": paths})
        return
    if not paths:
        console.talk(f"split {name} is frozen, and no file is in it here: `oxide split thaw {name}` gives it up")
    with console.pager():
        console.lines(map(quote_path, paths))


@verb("check", "oxide split check", "oxide split check --at v1 --json")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def check(console: Console, at: str | None, as_json: bool) -> int:
    """Look for files of different splits that are one thing.

    Equal contents, a video and its frames, pictures that look alike, and files that use what is held out. The exit code
    is 1 when there are any but pictures that look alike, which may well be different ones.
    """
    repository = console.repository()
    with console.progress() as progress:
        leaks = repository.check_splits(at, progress=progress)
    code = FAILED if any(leak.kind != "near" for leak in leaks) else 0
    if as_json:
        console.json([leak._asdict() for leak in leaks])
        return code
    for kind, words in _KINDS.items():
        some = [leak for leak in leaks if leak.kind == kind]
        for leak in some[:LISTED]:
            files = [f"{quote_path(path)} ({split or 'no split'})" for path, split in _by_turns(leak.files)[:FILES]]
            more = [f"{number(len(leak.files) - FILES)} more"] if len(leak.files) > FILES else []
            console.data(f"{' and '.join(files + more)} {words}")
        if len(some) > LISTED:
            console.data(f"… {number(len(some) - LISTED)} more that {words}")
    console.done(f"{count(len(leaks), 'leak')} found" if leaks else "No split leaks into another")
    return code


@verb("freeze", "oxide split freeze test")
@click.argument("name")
@json_option
@click.pass_obj
def freeze(console: Console, name: str, as_json: bool) -> None:
    """Hold a split out: no later commit may have its files elsewhere."""
    held = console.repository().freeze_split(name)
    if as_json:
        console.json({"name": name, "files": held, "frozen": True})
        return
    console.done(f"split {name} is frozen: {count(held, 'file')}")
    console.undoable()


@verb("thaw", "oxide split thaw test")
@click.argument("name")
@json_option
@click.pass_obj
def thaw(console: Console, name: str, as_json: bool) -> None:
    """Hold a split out no longer. Its files stay in it."""
    console.repository().thaw_split(name)
    if as_json:
        console.json({"name": name, "frozen": False})
        return
    console.done(f"split {name} is no longer frozen")
    console.undoable()


for each in (create, list_splits, show, check, freeze, thaw):
    command.add_command(each)
