"""``oxide config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli.opening import open_repository, user_settings
from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb

if TYPE_CHECKING:
    from oxide.settings import Settings
    from oxide.types import Setting


@verb(
    "config",
    "oxide config",
    "oxide config --show-origin",
    "oxide config user.name",
    'oxide config user.name "Ada Lovelace"',
    "oxide config --user user.email ada@example.org",
)
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--show-origin", is_flag=True, help="Show where each value comes from.")
@click.option("--user", is_flag=True, help="The user's settings instead of the repository's.")
@json_option
@click.pass_obj
def command(console: Console, key: str | None, value: str | None, show_origin: bool, user: bool, as_json: bool) -> int:
    """Read and write settings.

    The environment goes before the repository's settings, those before the user's. A value is written to the
    repository; outside of one, or with --user, to the user's file.
    """
    settings = _settings(user)
    if key is not None and value is not None:
        found = [settings.set(key, value)]
        if as_json:
            from oxide_cli.rendering import records

            console.json(records.setting(found[0]))
        else:
            console.done(setting_line(found[0], show_origin=True))
        return 0
    if key is None:
        found = sorted(settings.all())
    else:
        one = settings.get(key)
        found = [one] if one is not None else []
    if as_json:
        from oxide_cli.rendering import records

        listed = [records.setting(setting) for setting in found]
        console.json(listed if key is None else listed[0] if listed else None)
    elif key is None:
        console.lines(setting_line(setting, show_origin) for setting in found)
    else:
        console.lines(f"{setting.value}  ({setting.origin})" if show_origin else setting.value for setting in found)
    return 0 if key is None or found else 1


def setting_line(setting: Setting, show_origin: bool) -> str:
    """``key = value``, with its origin in parentheses."""
    return f"{setting.key} = {setting.value}" + (f"  ({setting.origin})" if show_origin else "")


def _settings(user: bool) -> Settings:
    """Those of the repository, or the user's alone outside of one."""
    from oxide.errors import NotARepository

    if not user:
        try:
            return open_repository().settings
        except NotARepository:
            pass
    return user_settings()
