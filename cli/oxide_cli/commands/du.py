"""``oxide du``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.rendering.text import columns, count, number, short, size
from oxide_cli.verb import json_option, verb

if TYPE_CHECKING:
    from oxide.types import Usage


@verb("du", "oxide du", "oxide du v1.0", "oxide du --json")
@click.argument("revision", metavar="[REV]", default="HEAD", shell_complete=revisions)
@json_option
@click.pass_obj
def command(console: Console, revision: str, as_json: bool) -> None:
    """Show how much space a revision and the store take."""
    usage = console.repository().du(revision)
    if as_json:
        from oxide_cli.rendering import records

        console.json(records.usage(usage))
        return
    console.lines(usage_lines(usage))


def usage_lines(usage: Usage) -> list[str]:
    """The revision, then each part of the store: sizes where the part is counted in bytes."""
    parts: list[tuple[str, ...]] = [
        (f"  {name.replace('_', ' ')}", size(value) if "byte" in name else number(value))
        for name, value in usage.store.items()
    ]
    return [
        f"Revision {short(usage.revision)}: {count(usage.files, 'file')}",
        *columns([("  all files", size(usage.logical)), ("  equal contents once", size(usage.unique))], right=(1,)),
        "Store (.oxide)",
        *columns(parts, right=(1,)),
    ]
