"""What `init`, `status`, `add` and `commit` do, apart from how their command lines are read.

This module and what it imports leave click alone: see :mod:`oxide_cli.start`.
"""

from __future__ import annotations

import os
import time

from oxide_cli.exit_codes import SOME_SKIPPED
from oxide_cli.opening import init_repository
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import LISTED, count, number, quote_path, short, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.types import AddResult, Broken, Person, Skipped


def init(console: Console, folder: str = ".", *, as_json: bool = False) -> int:
    """Lay out a repository and say where."""
    repository = init_repository(folder)
    if as_json:
        console.json({"root": str(repository.root)})
        return 0
    console.done(f"Initialized an empty repository in {quote_path(str(repository.root))}")
    elsewhere = os.path.realpath(repository.root) != os.path.realpath(os.getcwd())
    console.next(f"cd {folder} && oxide add ." if elsewhere else "oxide add .")
    return 0


def status(console: Console, *, porcelain: bool = False, everything: bool = False, as_json: bool = False) -> int:
    """Print what is staged, changed, untracked and in conflict."""
    repository = console.repository()
    with console.progress() as progress:
        found = repository.status(progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.status(found))
        return 0
    from oxide_cli.rendering.status import porcelain_lines, status_lines

    console.lines(porcelain_lines(found) if porcelain else status_lines(found, console.paint, everything))
    return 0


def add(console: Console, paths: tuple[str, ...], *, reference: bool = False, as_json: bool = False) -> int:
    """Stage files and say what was staged."""
    repository = console.repository()
    start = time.monotonic()
    with console.progress() as progress:
        if reference:
            into = to_root(repository.folder, ".")
            result = repository.add(_places(paths), reference=True, into=into, progress=progress)
        else:
            result = repository.add(all_to_root(repository, paths), progress=progress)
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


def _places(paths: tuple[str, ...]) -> list[str]:
    """What is added by reference may be anywhere, and is named in full; a URI is so already."""
    return [path if "://" in path else os.path.abspath(path) for path in paths]


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
    warn_of_skipped(console, result.skipped)
    warn_of_broken(console, result.broken)
    for names in result.collisions:
        listed = ", ".join(quote_path(name) for name in names)
        console.warn(f"these names are one and the same where case or accents are not told apart: {listed}")
    if result.empty_folders:
        empty = ", ".join(quote_path(path) for path in sorted(result.empty_folders)[:LISTED])
        rest = len(result.empty_folders) - LISTED
        others = f" and {number(rest)} more" if rest > 0 else ""
        console.warn(f"folders are versioned through their files, these are empty: {empty}{others}")


def warn_of_skipped(console: Console, skipped: list[Skipped]) -> None:
    """Each file that was left out, and why."""
    for entry in sorted(skipped):
        console.warn(f"skipped {quote_path(entry.path)}: {entry.reason}")


def warn_of_broken(console: Console, broken: list[Broken]) -> None:
    """How many pictures and videos are damaged, and what is wrong with the first of them."""
    if not broken:
        return
    kind = "picture or video is" if len(broken) == 1 else "pictures or videos are"
    console.warn(f"{number(len(broken))} {kind} broken, and staged as they are:")
    for entry in sorted(broken)[:LISTED]:
        console.warn(f"  {quote_path(entry.path)}: {entry.reason}")
    if len(broken) > LISTED:
        console.warn(
            f"  … {number(len(broken) - LISTED)} more: oxide sql \"SELECT path, broken FROM files WHERE broken <> ''\""
        )


def commit(
    console: Console,
    message: str | None,
    *,
    everything: bool = False,
    amend: bool = False,
    allow_empty: bool = False,
    author: Person | None = None,
    as_json: bool = False,
) -> int:
    """Commit what is staged and name the commit."""
    repository = console.repository()
    skipped: list[Skipped] = []
    try:
        with console.progress() as progress:
            made = repository.commit(
                message,
                all=everything,
                amend=amend,
                allow_empty=allow_empty,
                author=author,
                skipped=skipped,
                progress=progress,
            )
    finally:
        warn_of_skipped(console, skipped)  # also where nothing else is left to commit
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.commit(made))
    elif console.quiet:
        console.data(made.id)
    else:
        console.data(f"[{repository.current_branch() or 'detached'} {short(made.id)}] {made.summary}")
        console.next("oxide show")
    return SOME_SKIPPED if skipped else 0
