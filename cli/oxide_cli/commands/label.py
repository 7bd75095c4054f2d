"""``oxide label``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from oxide_cli import definitions
from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.rendering import ontology as shown
from oxide_cli.rendering.text import count
from oxide_cli.shapes import key_and_value
from oxide_cli.verb import HELP_NAMES, AnyFunction, VerbGroup, dry_run_option, json_option, verb


@click.group("label", cls=VerbGroup, context_settings=HELP_NAMES)
def command() -> None:
    """List and change the labels that there are.

    The labels with their colours, attributes and hierarchy are versioned like everything else. An open ontology takes
    any label, a closed one only those that it has. A change of a label changes every annotation that carries it, is
    pending for the next commit, and with -m is a commit at once.
    """


command.examples = (
    'oxide label add cat --color "#ff8800" --attribute pose=sitting,lying --required pose',
    "oxide label rename kitty cat",
    "oxide label merge kitten kitty cat --dry-run",
    "oxide label split dog --by breed",
    "oxide label check",
)


def change_options(function: AnyFunction) -> AnyFunction:
    """What every change of labels takes."""
    message = click.option("-m", "--message", metavar="TEXT", help="Commit it at once; nothing else may be pending.")
    return message(dry_run_option(json_option(function)))


def definition_options(function: AnyFunction) -> AnyFunction:
    """What defines a label."""
    options: list[Callable[[AnyFunction], AnyFunction]] = [
        click.option("--color", metavar="#RRGGBB", help="Its colour."),
        click.option("--parent", metavar="LABEL", help="The label above it."),
        click.option(
            "--attribute",
            "given",
            multiple=True,
            metavar="NAME[:TYPE][=VALUE,...]",
            help="An attribute: text, number, boolean, select (where values are given) or multi_select.",
        ),
        click.option("--required", multiple=True, metavar="NAME", help="This attribute must be given."),
        click.option("--default", "defaults", multiple=True, metavar="NAME=VALUE", help="Where it is not given."),
        click.option("--tool", "tools", multiple=True, metavar="TYPE", help="Only for this type of annotation; again."),
        click.option("--points", metavar="NAME,NAME,...", help="The points of its skeleton, in order."),
        click.option("--edge", "edges", multiple=True, metavar="NAME,NAME", help="A line of its skeleton; again."),
        click.option("--description", metavar="TEXT", help="What it means."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _fields(defined: dict[str, Any]) -> dict[str, Any]:
    """The fields of a label that were typed."""
    found: dict[str, Any] = {name: defined[name] for name in ("color", "parent", "description")}
    if defined["given"] or defined["required"] or defined["defaults"]:
        found["attributes"] = definitions.attributes(defined["given"], defined["required"], defined["defaults"])
    found["tools"] = tuple(tool.replace("-", "_") for tool in defined["tools"]) or None
    found["skeleton"] = definitions.skeleton(defined["points"], defined["edges"])
    return {name: value for name, value in found.items() if value is not None}


@verb("list", "oxide label list", "oxide label list --at v1 --json", "oxide label list --count")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@click.option("--count", "counted", is_flag=True, help="Count the annotations of each, and list labels in use too.")
@json_option
@click.pass_obj
def list_labels(console: Console, at: str | None, counted: bool, as_json: bool) -> None:
    """List the labels of the ontology."""
    repository = console.repository()
    ontology = repository.ontology(at)
    with console.progress() as progress:
        used = repository.used_labels(at, progress=progress) if counted else None
    if as_json:
        console.json(shown.ontology(ontology, used))
        return
    with console.pager():
        console.lines(shown.ontology_lines(ontology, used))


@verb(
    "add",
    "oxide label add cat dog",
    'oxide label add cat --color "#ff8800" --attribute pose=sitting,lying --required pose --tool box',
    "oxide label add poodle --parent dog",
    "oxide label add person --points nose,left_eye,right_eye --edge nose,left_eye --edge nose,right_eye",
)
@click.argument("names", nargs=-1, required=True, metavar="LABEL...")
@definition_options
@change_options
@click.pass_obj
def add(
    console: Console, /, names: tuple[str, ...], message: str | None, dry_run: bool, as_json: bool, **defined: Any
) -> None:
    """Define labels."""
    from oxide import Label

    labels = [Label(name, **_fields(defined)) for name in names]
    shown.tell(console, console.repository().add_labels(*labels, message=message, dry_run=dry_run), as_json, dry_run)


@verb(
    "edit",
    'oxide label edit cat --color "#00aa00"',
    "oxide label edit cat --attribute pose=sitting,lying,running",
    "oxide label edit poodle --no-parent",
)
@click.argument("name", metavar="LABEL")
@definition_options
@click.option("--no-parent", is_flag=True, help="Put it at the top.")
@click.option("--remove-attribute", "dropped", multiple=True, metavar="NAME", help="Forget an attribute's definition.")
@change_options
@click.pass_obj
def edit(
    console: Console,
    /,
    name: str,
    no_parent: bool,
    dropped: tuple[str, ...],
    message: str | None,
    dry_run: bool,
    as_json: bool,
    **defined: Any,
) -> None:
    """Define a label anew in some respects; the others stay. Annotations are not touched."""
    fields = _fields(defined)
    if no_parent:
        fields["parent"] = None
    repository = console.repository()
    if "attributes" in fields or dropped:
        known = repository.ontology().labels.get(name)
        attributes = {**(known.attributes if known is not None else {}), **fields.get("attributes", {})}
        fields["attributes"] = {key: value for key, value in attributes.items() if key not in dropped}
    if not fields:
        raise click.UsageError("say what to change, as in --color '#00aa00'")
    shown.tell(console, repository.edit_label(name, fields, message=message, dry_run=dry_run), as_json, dry_run)


@verb("rename", "oxide label rename kitty cat", 'oxide label rename kitty cat -m "One word for cats"')
@click.argument("old")
@click.argument("new")
@change_options
@click.pass_obj
def rename(console: Console, old: str, new: str, message: str | None, dry_run: bool, as_json: bool) -> None:
    """Give a label another name, on every annotation that carries it."""
    with console.progress() as progress:
        change = console.repository().rename_label(old, new, message=message, dry_run=dry_run, progress=progress)
    shown.tell(console, change, as_json, dry_run)


@verb("merge", "oxide label merge kitten kitty cat", "oxide label merge kitten cat --dry-run --json")
@click.argument("labels", nargs=-1, required=True, metavar="LABEL... INTO")
@change_options
@click.pass_obj
def merge(console: Console, labels: tuple[str, ...], message: str | None, dry_run: bool, as_json: bool) -> None:
    """Make several labels one: the last.

    Annotations keep attributes that the one label does not know; the report counts what does not fit.
    """
    if len(labels) < 2:
        raise click.UsageError("name the labels and then the one that takes their place")
    repository = console.repository()
    with console.progress() as progress:
        change = repository.merge_labels(labels[:-1], labels[-1], message=message, dry_run=dry_run, progress=progress)
    shown.tell(console, change, as_json, dry_run)


@verb("split", "oxide label split dog --by breed", "oxide label split dog --by breed --name poodle=Poodle")
@click.argument("label")
@click.option("--by", required=True, metavar="ATTRIBUTE", help="The attribute whose values become labels.")
@click.option("--name", "names", multiple=True, metavar="VALUE=LABEL", help="The label of a value; else LABEL/VALUE.")
@change_options
@click.pass_obj
def split(
    console: Console,
    label: str,
    by: str,
    names: tuple[str, ...],
    message: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a label of each value of an attribute.

    The attribute goes, since the label says it then. Annotations that do not have it keep their label.
    """
    chosen = dict(map(key_and_value, names))
    repository = console.repository()
    with console.progress() as progress:
        change = repository.split_label(label, by, chosen, message=message, dry_run=dry_run, progress=progress)
    shown.tell(console, change, as_json, dry_run)


@verb("remove", "oxide label remove kitty", "oxide label remove kitty --into cat", "oxide label remove kitty --force")
@click.argument("labels", nargs=-1, required=True, metavar="LABEL...")
@click.option("--into", metavar="LABEL", help="The label that annotations get instead.")
@click.option("-f", "--force", is_flag=True, help="Let annotations keep a label that the ontology does not have.")
@change_options
@click.pass_obj
def remove(
    console: Console,
    labels: tuple[str, ...],
    into: str | None,
    force: bool,
    message: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take labels out of the ontology. One that annotations carry is refused without --into or --force."""
    if into is not None and force:
        raise click.UsageError("--into and --force exclude each other")
    repository = console.repository()
    with console.progress() as progress:
        change = repository.remove_labels(
            labels, into=into, force=force, message=message, dry_run=dry_run, progress=progress
        )
    shown.tell(console, change, as_json, dry_run)


@verb("close", "oxide label close")
@change_options
@click.pass_obj
def close(console: Console, message: str | None, dry_run: bool, as_json: bool) -> None:
    """Refuse new annotations with labels that the ontology does not have.

    What carries such a label already stays, and can be committed: `oxide label check` lists it.
    """
    shown.tell(console, console.repository().close_ontology(message=message, dry_run=dry_run), as_json, dry_run)


@verb("open", "oxide label open")
@change_options
@click.pass_obj
def open_(console: Console, message: str | None, dry_run: bool, as_json: bool) -> None:
    """Take annotations with any label."""
    shown.tell(console, console.repository().close_ontology(False, message=message, dry_run=dry_run), as_json, dry_run)


@verb("check", "oxide label check", "oxide label check --at main --json")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@json_option
@click.pass_obj
def check(console: Console, at: str | None, as_json: bool) -> int:
    """List labels in use that the ontology does not have, and annotations that break its rules.

    Ends with 1 when there are any. After a merge it finds annotations with a label that the other branch renamed.
    """
    with console.progress() as progress:
        found = console.repository().check_labels(at, progress=progress)
    if as_json:
        console.json({"ok": not found, "conflicts": [shown.conflict(each) for each in found]})
        return int(bool(found))
    console.lines(shown.conflict_line(each) for each in found)
    if found:
        console.next("oxide label merge OLD NEW, or oxide label add LABEL")
        return 1
    console.done(f"Every annotation fits the {count(len(console.repository().ontology(at).labels), 'label')}")
    return 0


for subcommand in (list_labels, add, edit, rename, merge, split, remove, close, open_, check):
    command.add_command(subcommand)
