"""``oxide frames``."""

from __future__ import annotations

import click

from oxide_cli.moving import tell_skipped
from oxide_cli.output import Console
from oxide_cli.paths import all_to_root, to_root
from oxide_cli.rendering.text import LISTED, count, number, quote_path
from oxide_cli.verb import PATH, dry_run_option, force_option, json_option, paths_argument, verb

_WAYS = "--first, --first-middle-last, --all, --count N and --fps F"


@verb(
    "frames",
    "oxide frames clips/ --into frames --first-middle-last",
    "oxide frames game.mp4 --into frames --fps 2 --format png",
)
@paths_argument
@click.option("--into", required=True, type=PATH, metavar="DIR", help="The folder that gets the pictures.")
@click.option("--first", is_flag=True, help="The first frame of each video.")
@click.option("--first-middle-last", is_flag=True, help="The first, the middle and the last.")
@click.option("--all", "every", is_flag=True, help="Every frame.")
@click.option("--count", "how_many", type=int, metavar="N", help="So many at equal distances.")
@click.option("--fps", type=float, metavar="F", help="So many a second.")
@click.option("--format", type=click.Choice(["jpg", "png"]), default="jpg", help="PNG is exactly what is decoded.")
@force_option
@dry_run_option
@json_option
@click.pass_obj
def command(
    console: Console,
    paths: tuple[str, ...],
    into: str,
    first: bool,
    first_middle_last: bool,
    every: bool,
    how_many: int | None,
    fps: float | None,
    format: str,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take frames out of videos as pictures.

    Of every video that is named or lies below a folder. The pictures are staged and lie in the folder; they
    remember video, index and time, and have the video's metadata and labels, of tracks the shape at that frame.
    Videos that cannot be decoded are named and left out. A run that was interrupted goes on when it is
    repeated. --force also replaces other files with the names of pictures.
    """
    ways: list[tuple[str, float | None]] = []
    ways += [("first", None)] * first
    ways += [("first-middle-last", None)] * first_middle_last
    ways += [("all", None)] * every
    ways += [("count", how_many)] * (how_many is not None)
    ways += [("fps", fps)] * (fps is not None)
    if len(ways) != 1:
        raise click.UsageError(f"choose one of {_WAYS}")
    repository = console.repository()
    with console.progress() as progress:
        result = repository.frames(
            all_to_root(repository, paths),
            to_root(repository.folder, into),
            *ways[0],
            format=format,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
    code = tell_skipped(console, [*result.broken, *result.failed])
    if as_json:
        console.json(
            {
                "made": result.made,
                "there": result.there,
                "reused": result.reused,
                "held_out": result.held_out,
                "videos": result.videos,
                "annotations": result.annotations,
                "broken": [entry._asdict() for entry in result.broken],
                "failed": [entry._asdict() for entry in result.failed],
                "dry_run": dry_run,
            }
        )
        return code
    if dry_run:
        console.lines(f"would make {quote_path(path)}" for path in result.made)
        return code
    for path in result.made[:LISTED]:
        console.done(quote_path(path))
    if len(result.made) > LISTED:
        console.done(f"… {number(len(result.made) - LISTED)} more")
    done = f"{count(len(result.made), 'frame')} of {count(result.videos, 'video')}"
    there = f", {number(result.there)} were there already" if result.there else ""
    console.done(f"{done} with {count(result.annotations, 'annotation')}{there}")
    if result.held_out:
        console.done(f"{count(len(result.held_out), 'held-out video')} left out: see `oxide split list`")
    if result.made:
        console.undoable()
        console.next("oxide commit -m TEXT")
    return code
