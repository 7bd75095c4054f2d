"""``oxide export``."""

from __future__ import annotations

import click

from oxide_cli.completion import revisions
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root
from oxide_cli.queries import read_query
from oxide_cli.rendering import reports
from oxide_cli.rendering.text import count, quote_path
from oxide_cli.verb import PATH, json_option, verb


@verb(
    "export",
    "oxide export coco instances.json",
    "oxide export yolo ../for-training --images --at v1",
    "oxide export jsonl train.jsonl images/train",
    "oxide export csv cats.csv --where 'label:cat score>0.5'",
    "oxide export parquet ../tables --at v1",
)
@click.argument("format", metavar="FORMAT")
@click.argument("target", type=PATH, metavar="TARGET")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH...]")
@click.option("--at", metavar="REV", help="As of this revision.", shell_complete=revisions)
@click.option("--where", metavar="QUERY", help="Only what a query finds: text, JSON or @FILE, as for `oxide query`.")
@click.option("--images", is_flag=True, help="Write the pictures too.")
@json_option
@click.pass_obj
def command(
    console: Console,
    /,
    format: str,
    target: str,
    paths: tuple[str, ...],
    at: str | None,
    where: str | None,
    images: bool,
    as_json: bool,
) -> int:
    """Write labels in another format.

    TARGET is a file, or where its name has no ending a folder, that is not there yet. Without --at also what is pending
    is written; with PATH only what lies at and below it. What FORMAT cannot hold is listed. FORMAT: coco, yolo, voc,
    cvat, labelstudio, labelme, mot, masks, panoptic, datumaro, dataloop, folders, csv, jsonl; or parquet: whole
    tables, into a folder.
    """
    repository = console.repository()
    asked = None if where is None else read_query(where)
    if format == "parquet":
        if paths or images:
            raise click.UsageError("parquet writes whole tables: leave out PATH and --images")
        with console.progress() as progress:
            written = repository.export_parquet(target, at=at, where=asked, progress=progress)
        if as_json:
            console.json({"target": written.target, "rows": written.rows})
        console.done(f"wrote {count(len(written.rows), 'table')} to {quote_path(target)}")
        return 0
    with console.progress() as progress:
        report = repository.export_labels(
            format, target, at=at, paths=all_to_root(repository, paths), where=asked, images=images, progress=progress
        )
    if as_json:
        console.json(reports.exported(report))
    console.done(reports.export_line(report))
    for line in reports.remark_lines(report.losses):
        console.warn(f"not in {report.format}: {line}")
    return 0
