"""``oxide add``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from oxide_cli.exit_codes import SOME_SKIPPED
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.changes import LISTED
from oxide_cli.rendering.text import count, number, quote_path, size
from oxide_cli.verb import json_option, paths_argument, verb

if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import AddResult


@verb(
    "add",
    "oxide add .",
    "oxide add images/ labels.csv",
    "oxide add --reference /archive/raw.mp4",
    "oxide add -- -odd-name.jpg",
)
@paths_argument
@click.option(
    "--reference", is_flag=True, help="Refer to the files where they are instead of copying them into the store."
)
@json_option
@click.pass_obj
def command(console: Console, paths: tuple[str, ...], reference: bool, as_json: bool) -> int:
    """Stage new, changed and removed files.

    Below each PATH, files that are new or changed are stored, and files that are gone are staged as removed. What
    .oxideignore names is left out. Files that cannot be read are named, the rest is staged, and the exit code is 9.
    """
    repository = console.repository()
    start = time.monotonic()
    with console.progress() as progress:
        result = repository.add(_places(repository, paths, reference), reference=reference, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.add_result(result))
    else:
        console.done(summary(result, time.monotonic() - start))
    _warn(console, result)
    if result.added or result.modified or result.removed or result.renamed:
        console.next("oxide commit -m TEXT")
    elif not result.skipped:
        console.next("oxide status")
    return SOME_SKIPPED if result.skipped else 0


def _places(repository: Repository, paths: tuple[str, ...], reference: bool) -> list[str]:
    """Paths below the root; what is added by reference may be anywhere, and is named in full."""
    if not reference:
        return all_to_root(repository, paths)
    return [os.path.abspath(path) for path in paths]


def summary(result: AddResult, seconds: float) -> str:
    """``Staged 2,133 files: 2,130 added, 3 modified (1.2 GB, 410.0 MB/s)``."""
    kinds = [
        (len(result.added), "added"),
        (len(result.modified), "modified"),
        (len(result.removed), "removed"),
        (len(result.renamed), "renamed"),
    ]
    total = sum(amount for amount, _ in kinds)
    if not total:
        return "Nothing to stage: no file is new, changed or removed"
    line = f"Staged {count(total, 'file')}: " + ", ".join(
        f"{number(amount)} {word}" for amount, word in kinds if amount
    )
    if result.bytes:
        rate = f", {size(result.bytes / seconds)}/s" if seconds > 0 else ""
        line += f" ({size(result.bytes)}{rate})"
    return line


def _warn(console: Console, result: AddResult) -> None:
    for entry in sorted(result.skipped):
        console.warn(f"skipped {quote_path(entry.path)}: {entry.reason}")
    for names in result.collisions:
        listed = ", ".join(quote_path(name) for name in names)
        console.warn(f"these names are one and the same where case or accents are not told apart: {listed}")
    if result.empty_folders:
        empty = ", ".join(quote_path(path) for path in sorted(result.empty_folders)[:LISTED])
        rest = len(result.empty_folders) - LISTED
        others = f" and {number(rest)} more" if rest > 0 else ""
        console.warn(f"folders are versioned through their files, these are empty: {empty}{others}")
