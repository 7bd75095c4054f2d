"""``oxide doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from oxide_cli.output import Console
from oxide_cli.rendering.text import size
from oxide_cli.verb import json_option, verb


@verb("doctor", "oxide doctor", "oxide doctor --json")
@json_option
@click.pass_obj
def command(console: Console, as_json: bool) -> None:
    """Describe the repository, the machine and the settings.

    Made for reports of problems: what the file system can do, what is on the disk twice, sizes, settings and their
    origin.
    """
    report = console.repository().doctor()
    if as_json:
        console.json(report)
    else:
        console.lines(report_lines(report))


def report_lines(report: Mapping[str, object], indent: str = "") -> Iterator[str]:
    """Names and values, nested ones indented; byte counts as sizes."""
    for name, value in report.items():
        label = f"{indent}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield f"{label}:"
            yield from report_lines(value, indent + "  ")
        elif isinstance(value, (list, tuple)):
            yield f"{label}:" + ("" if value else " none")
            for element in value:
                if isinstance(element, Mapping):
                    lines = list(report_lines(element, indent + "    "))
                    yield from (f"{indent}  - {lines[0].strip()}", *lines[1:]) if lines else ()
                else:
                    yield f"{indent}  - {element}"
        elif isinstance(value, bool):
            yield f"{label}: {'yes' if value else 'no'}"
        elif isinstance(value, int) and str(name).endswith("bytes"):
            yield f"{label}: {size(value)}"
        else:
            yield f"{label}: {'unknown' if value is None else value}"
