"""``oxide version``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb


@verb("version", "oxide version", "oxide version --json")
@json_option
@click.pass_obj
def command(console: Console, as_json: bool) -> None:
    """Print the version.

    With --json also the versions of Python, the platform and the libraries, for reports of problems.
    """
    if not as_json:
        console.data(f"oxide {version()}")
        return
    import platform
    from importlib import metadata

    libraries: dict[str, str | None] = {}
    for name in ("click", "duckdb", "pyarrow", "numpy"):
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            libraries[name] = None
    console.json(
        {
            "version": version(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "libraries": libraries,
        }
    )


def version() -> str:
    """The version of the core, which is that of all parts."""
    from oxide import _core

    return _core.VERSION
