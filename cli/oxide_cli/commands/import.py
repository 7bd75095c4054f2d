"""``oxide import``."""

from __future__ import annotations

import click

from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering import reports
from oxide_cli.verb import PATH, dry_run_option, json_option, verb


@verb(
    "import",
    "oxide import coco annotations/instances_train.json --into images/train",
    "oxide import yolo ../dataset --images ../dataset/images --into pictures",
    "oxide import csv boxes.csv --match name",
    "oxide import coco corrected.json --update",
)
@click.argument("format", metavar="FORMAT")
@click.argument("source", type=PATH, metavar="SOURCE")
@click.option("--images", type=PATH, metavar="DIR", help="Take pictures that are not tracked from this folder.")
@click.option(
    "--match",
    default="path",
    metavar="path|name|content",
    help="How pictures find their files; by path unless told otherwise.",
)
@click.option("--into", default=None, type=PATH, metavar="PREFIX", help="The folder that the source's paths begin in.")
@click.option("--replace", is_flag=True, help="Replace all annotations of the pictures that the source names.")
@click.option("--update", is_flag=True, help="Change annotations that are there already, by id; add the others.")
@dry_run_option
@json_option
@click.pass_obj
def command(
    console: Console,
    /,
    format: str,
    source: str,
    images: str | None,
    match: str,
    into: str | None,
    replace: bool,
    update: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import labels of another format.

    Pictures of SOURCE are matched with tracked files. All or nothing is imported, as one operation; it is pending for
    the next commit. FORMAT: coco, yolo, voc, cvat, labelstudio, labelme, mot, masks, panoptic, datumaro, dataloop,
    folders, csv, jsonl.
    """
    if replace and update:
        raise click.UsageError("give either --replace or --update")
    repository = console.repository()
    with console.progress() as progress:
        report = repository.import_labels(
            format,
            source,
            images=images,
            match=match,
            into=to_root(repository.folder, into) if into is not None else "",
            replace=replace,
            update=update,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        console.json(reports.imported(report))
    console.done(reports.import_line(report, dry_run=dry_run))
    for line in reports.remark_lines(report.warnings):
        console.warn(line)
    if report.changed and not dry_run:
        console.undoable()
        console.next("oxide commit -m TEXT")
    return 0
