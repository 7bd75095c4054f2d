"""``oxide check-ignore``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.rendering.text import quote_path
from oxide_cli.verb import json_option, paths_argument, verb


@verb("check-ignore", "oxide check-ignore tmp/a.jpg", "oxide check-ignore -v *.jpg")
@paths_argument
@click.option("-v", "--verbose", is_flag=True, help="Print the file, line and pattern of the rule too.")
@json_option
@click.pass_obj
def command(console: Console, paths: tuple[str, ...], verbose: bool, as_json: bool) -> int:
    """Show which rule ignores a path.

    Prints the paths that are ignored; exits with 1 when none is.
    """
    repository = console.repository()
    found = repository.check_ignore(all_to_root(repository, paths))
    if as_json:
        from oxide_cli.rendering import records

        console.json([records.ignored(entry) for entry in found])
    else:
        for entry in found:
            rule = f"{quote_path(entry.source)}:{entry.line}:{entry.pattern}\t" if verbose else ""
            console.data(f"{rule}{quote_path(entry.path)}")
    return 0 if found else 1
