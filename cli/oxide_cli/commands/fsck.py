"""``oxide fsck``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.exit_codes import DAMAGED
from oxide_cli.output import Console
from oxide_cli.rendering.text import Painter, count, number
from oxide_cli.verb import json_option, verb

if TYPE_CHECKING:
    from oxide.types import FsckResult


@verb("fsck", "oxide fsck", "oxide fsck --data", "oxide fsck --data --repair", "oxide fsck --json")
@click.option("--data", is_flag=True, help="Read and check every byte instead of lengths and presence.")
@click.option("--repair", is_flag=True, help="Repair what can be repaired from the working copy and what is stored.")
@json_option
@click.pass_obj
def command(console: Console, data: bool, repair: bool, as_json: bool) -> int:
    """Check that everything stored is there and intact.

    Exits with 7 when a problem is left. Each problem names its remedy.
    """
    with console.progress() as progress:
        result = console.repository().fsck(data=data, repair=repair, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.fsck_result(result))
    else:
        console.lines(fsck_lines(result, console.paint))
        if not result.ok and not repair:
            console.next("oxide fsck --data --repair")
    return 0 if result.ok else DAMAGED


def fsck_lines(result: FsckResult, paint: Painter) -> list[str]:
    """Problems with their remedies, then what was checked."""
    lines = []
    for problem in result.problems:
        lines.append(
            paint(f"{problem.kind} {problem.object}: {problem.problem}", "green" if problem.repaired else "red")
        )
        lines.append("  repaired" if problem.repaired else f"  {problem.remedy}")
    checked = ", ".join(f"{number(amount)} {kind.replace('_', ' ')}" for kind, amount in result.checked.items())
    lines.append(f"checked {checked or 'nothing: the repository is empty'}")
    left = sum(not problem.repaired for problem in result.problems)
    lines.append(
        paint("everything is intact", "green") if result.ok else paint(f"{count(left, 'problem')} left", "red")
    )
    return lines
