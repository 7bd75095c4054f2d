"""What verbs that move the working copy say at their end, and the exit code that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide_cli.exit_codes import CONFLICT, SOME_SKIPPED
from oxide_cli.output import Console
from oxide_cli.rendering.changes import conflict_lines, moved_line
from oxide_cli.rendering.text import LISTED, count, number, quote_path, short

if TYPE_CHECKING:
    from oxide.types import CheckoutResult, MergeResult, Skipped


def tell_moved(console: Console, result: CheckoutResult | None) -> int:
    """What moved on disk, and by name what could not be changed."""
    if result is None:
        return 0
    line = moved_line(result)
    if line:
        console.done(line)
    return tell_skipped(console, result.failed)


def tell_skipped(console: Console, skipped: list[Skipped]) -> int:
    """By name what could not be changed on disk."""
    for entry in sorted(skipped):
        console.warn(f"skipped {quote_path(entry.path)}: {entry.reason}")
    return SOME_SKIPPED if skipped else 0


def tell_position(console: Console, result: CheckoutResult) -> None:
    """Where the workspace stands now."""
    head = short(result.head) if result.head else "no commit yet"
    if result.branch:
        console.done(f"On branch {result.branch} -> {head}")
    else:
        console.done(f"On no branch, detached -> {head}")


def tell_merged(console: Console, result: MergeResult, as_json: bool, verb: str) -> int:
    """How a merge, revert, cherry-pick or pop of a stash ended."""
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.merge_result(result))
    code = tell_moved(console, result.files)
    if result.kind == "conflicts":
        if not as_json:
            console.lines(list(conflict_lines(result.conflicts, console.paint))[: 2 * LISTED])
            if len(result.conflicts) > LISTED:
                console.data(f"… {number(len(result.conflicts))} conflicts in all")
        console.done(f"{count(len(result.conflicts), 'conflict')} to decide before the {verb} can be committed")
        console.next("oxide conflicts, then oxide resolve PATH --ours | --theirs | --base, then oxide commit")
        return CONFLICT
    if result.kind == "up-to-date":
        console.done("Already up to date")
    elif result.kind == "fast-forward" and result.commit:
        console.done(f"Fast-forward to {short(result.commit.id)}")
    elif result.commit:
        console.done(f"[{short(result.commit.id)}] {result.commit.summary}")
    if result.kind != "up-to-date":
        console.undoable()
    return code
