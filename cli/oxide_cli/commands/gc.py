"""``oxide gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.output import Console
from oxide_cli.rendering.text import columns, count, size
from oxide_cli.verb import dry_run_option, json_option, verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oxide.types import GcResult, Holder

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
@click.option("--now", is_flag=True, help="Free the bytes at once, but for those that a running process may rely on.")
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


_WAITING = {
    "grace": "not needed, in the grace period",
    "session": "not needed, in reach of a process",
    "repacking": "not needed, in packs that are hardly dead",
}
_SHOWN = 5


def gc_lines(result: GcResult, dry_run: bool) -> list[str]:
    """Bytes by what keeps them, the largest holders by name."""
    rows: list[tuple[str, ...]] = [("in use", size(result.live_bytes))]
    rows += _named(result, ("branch", "tag", "frozen", "remote", "workspace"))
    for kind, held in result.held.items():
        if held:
            rows.append((_WAITING.get(kind, f"kept for {kind}"), size(held)))
            rows += _named(result, (kind,))
    freed = size(result.freed_bytes)
    if dry_run:
        rows.append(("would be freed now", freed))
        return [*columns(rows, right=(1,)), "nothing was changed"]
    objects, packs = count(result.objects, "object"), count(result.packs, "pack")
    return [*columns(rows, right=(1,)), f"freed {freed}: {objects}, {packs} rewritten or removed"]


def _named(result: GcResult, kinds: Sequence[str]) -> list[tuple[str, ...]]:
    """The largest named holders of some kinds."""
    named = [holder for holder in result.holders if holder.kind in kinds and holder.name]
    largest = sorted(named, key=lambda holder: -holder.bytes)[:_SHOWN]
    return [(f"  {_name(holder)}", size(holder.bytes)) for holder in largest]


def _name(holder: Holder) -> str:
    match holder.kind:
        case "undo":
            return f"operation {holder.name} ({holder.about})"
        case "session":
            return f"process {holder.name}"
        case "stash":
            return holder.name
    return f"{holder.kind} {holder.name}"
