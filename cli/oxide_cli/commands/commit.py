"""``oxide commit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli import everyday
from oxide_cli.output import Console
from oxide_cli.verb import json_option, verb

if TYPE_CHECKING:
    from oxide.types import Person


def _parse_author(context: click.Context, parameter: click.Parameter, text: str | None) -> Person | None:
    """``Name <mail>``, checked before anything is done."""
    if text is None:
        return None
    from oxide.types import Person

    name, _, rest = text.partition("<")
    mail, closing, after = rest.partition(">")
    if not (name.strip() and mail.strip() and closing) or after.strip():
        raise click.BadParameter('write it as "Name <mail>"', context, parameter)
    return Person(name.strip(), mail.strip())


@verb(
    "commit",
    'oxide commit -m "First version"',
    'oxide commit -a -m "Relabel cats"',
    "oxide commit --amend",
    'oxide commit --author "Ada <ada@example.org>" -m "Add clips"',
)
@click.option("-m", "--message", metavar="TEXT", help="What this commit is about.")
@click.option("-a", "--all", "everything", is_flag=True, help="Stage changed and removed files first.")
@click.option("--amend", is_flag=True, help="Replace the last commit; without -m its message is kept.")
@click.option("--allow-empty", is_flag=True, help="Commit even if nothing changed.")
@click.option("--author", metavar='"NAME <MAIL>"', callback=_parse_author, help="Record another author.")
@json_option
@click.pass_obj
def command(
    console: Console,
    message: str | None,
    everything: bool,
    amend: bool,
    allow_empty: bool,
    author: Person | None,
    as_json: bool,
) -> int:
    """Record what is staged.

    TEXT may be left out with --amend, which keeps the old one, and to conclude a merge. Pending changes of annotations,
    metadata and other tables are always taken; -a concerns files. The author is user.name and user.email of the
    settings, OXIDE_USER_NAME and OXIDE_USER_EMAIL, or else the system's user.
    """
    if message is not None and not message.strip():
        raise click.UsageError("the message is empty", click.get_current_context())
    return everyday.commit(
        console, message, everything=everything, amend=amend, allow_empty=allow_empty, author=author, as_json=as_json
    )
