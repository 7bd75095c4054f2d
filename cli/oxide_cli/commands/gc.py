"""``oxide gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.output import Console
from oxide_cli.rendering.text import columns, count, size
from oxide_cli.verb import dry_run_option, json_option, verb

if TYPE_CHECKING:
    from oxide.types import GcResult

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_duration(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """``14d``, ``12h``, ``30m``, ``90s``, ``2w`` or ``0``, in seconds."""
    if value == "0":
        return 0.0
    amount, unit = value[:-1], value[-1:]
    if unit not in _SECONDS or not (amount.isascii() and amount.isdecimal()):
        raise click.BadParameter(f"{value!r} is not a duration: write 14d, 12h, 30m or 90s", context, parameter)
    return float(int(amount) * _SECONDS[unit])


@verb("gc", "oxide gc --dry-run", "oxide gc", "oxide gc --keep 30d", "oxide gc --keep 0 --now")
@click.option(
    "--keep",
    callback=parse_duration,
    default="14d",
    metavar="14d",
    show_default=True,
    help="How long undo and lost commits are kept.",
)
@click.option(
    "--now", is_flag=True, help="Free the bytes at once: only while no other process works on the repository."
)
@dry_run_option
@json_option
@click.pass_obj
def command(console: Console, keep: float, now: bool, dry_run: bool, as_json: bool) -> None:
    """Free the space of what nothing refers to any more.

    What a branch, a tag, a stash or an operation younger than --keep refers to stays. Bytes are freed in two steps, so
    that other processes are never disturbed: what waits is freed by a later gc, or with --now.
    """
    with console.progress() as progress:
        result = console.repository().gc(keep=keep, now=now, dry_run=dry_run, progress=progress)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.gc_result(result, dry_run))
        return
    console.lines(gc_lines(result, dry_run))
    if dry_run and result.dead_bytes:
        console.next("oxide gc")
    elif not dry_run and result.waiting_bytes:
        console.next("oxide gc --now, or any later oxide gc, frees what waits")


def gc_lines(result: GcResult, dry_run: bool) -> list[str]:
    """Bytes by what keeps them."""
    rows: list[tuple[str, ...]] = [("in use", size(result.live_bytes))]
    rows += [(f"kept for {holder}", size(held)) for holder, held in sorted(result.held.items()) if held]
    rows.append(("not needed", size(result.dead_bytes)))
    if result.waiting_bytes:
        rows.append(("waiting to be freed", size(result.waiting_bytes)))
    lines = columns(rows, right=(1,))
    if dry_run:
        lines.append("nothing was changed")
    else:
        objects, packs = count(result.objects, "object"), count(result.packs, "pack")
        lines.append(f"freed {size(result.freed_bytes)}: {objects}, {packs} rewritten or removed")
    return lines
