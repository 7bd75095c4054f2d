"""``oxide annotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from oxide_cli import shapes
from oxide_cli.output import Console
from oxide_cli.paths import to_root
from oxide_cli.rendering.text import count, quote_path
from oxide_cli.verb import PATH, json_option, verb

if TYPE_CHECKING:
    from oxide.labels.fitting import Size


@verb(
    "annotate",
    "oxide annotate cat.jpg --label cat",
    "oxide annotate cat.jpg --label cat --box 10,20,300,200 --attribute pose=sitting",
    'oxide annotate cat.jpg --label cat --polygon "10,10 60,12 40,80"',
    "oxide annotate cat.jpg --label cat --mask cat-mask.png",
    "oxide annotate --remove 665f0c2a9d1b8e0001a2b3c4",
)
@click.argument("path", type=PATH, required=False)
@click.option("--label", help="What it is.")
@click.option("--box", metavar="X,Y,W,H", help="A box: left, top, width, height in pixels.")
@click.option("--rotated-box", metavar="X,Y,W,H,ANGLE", help="A box by its centre, turned clockwise by degrees.")
@click.option("--polygon", "polygons", multiple=True, metavar='"X,Y X,Y X,Y"', help="An outline; again for more parts.")
@click.option("--hole", "holes", multiple=True, metavar='"X,Y X,Y X,Y"', help="A hole in the last --polygon.")
@click.option("--polyline", metavar='"X,Y X,Y"', help="A line.")
@click.option("--point", metavar="X,Y", help="A point.")
@click.option("--ellipse", metavar="X,Y,RX,RY[,ANGLE]", help="An ellipse by its centre and radii.")
@click.option("--keypoints", metavar='"X,Y,V X,Y,V"', help="Points in the skeleton's order; V: 0, 1 hidden, 2 visible.")
@click.option("--mask", type=PATH, metavar="FILE.png", help="A mask: every pixel that is not black.")
@click.option("--text", help="A text about the item, or with --box about a part of it.")
@click.option("--attribute", "attributes", multiple=True, metavar="K=V", help="An attribute; JSON or text.")
@click.option("--score", type=float, help="Confidence from 0 to 1.")
@click.option("--id", "annotation_id", help="Replace the annotation with this id.")
@click.option("--remove", "removed", is_flag=True, help="Remove the annotations with the ids that follow.")
@click.argument("ids", nargs=-1, metavar="[ID...]")
@json_option
@click.pass_obj
def command(
    console: Console,
    /,
    path: str | None,
    label: str | None,
    attributes: tuple[str, ...],
    score: float | None,
    annotation_id: str | None,
    removed: bool,
    ids: tuple[str, ...],
    as_json: bool,
    **drawn: object,
) -> int:
    """Add an annotation to a file, or remove some.

    Prints the new annotation's id. Without a shape the label is about the whole file. Coordinates are pixels of the
    upright picture. What is added and removed is pending for the next commit.
    """
    repository = console.repository()
    if removed:
        with console.progress() as progress:
            number = repository.remove_annotations([*([path] if path else []), *ids], progress=progress)
        if as_json:
            console.json({"removed": number})
        console.done(f"Removed {count(number, 'annotation')}")
        console.undoable()
        return 0
    if path is None or ids:
        raise click.UsageError("name one file")
    from oxide import Annotation
    from oxide.labels.metadata import parse_value

    place = to_root(repository.folder, path)

    def size() -> Size:
        from oxide.labels import sizes

        return sizes.of_file(repository.store, repository.staged_tables(), place)

    kind, box, geometry = shapes.parse(drawn, size)
    annotation = Annotation(
        kind,
        label,
        box,
        geometry,
        {name: parse_value(value) for name, value in map(shapes.key_and_value, attributes)},
        score,
        id=annotation_id,
    )
    with console.progress() as progress:
        made = repository.annotate(place, annotation, progress=progress)
    if as_json:
        console.json({"id": made[0]})
    else:
        console.data(made[0])
        console.talk(f"{kind} {label or ''} on {quote_path(path)} is pending".replace("  ", " "))
        console.next("oxide commit -m TEXT")
    return 0
