"""What most formats cannot hold, told to the report in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oxide.formats.base import Fidelity, LabelledPicture
    from oxide.labels.annotation import Annotation
    from oxide.labels.ontology import Label

PROVENANCE = "source, author and times of annotations"


def lose_fields(annotation: Annotation, where: str, fidelity: Fidelity, *, keeps: str) -> None:
    """What an annotation has besides its shape, label, attributes, score and description. ``keeps``: the format, which
    does hold its own part of ``foreign``.
    """
    if annotation.keyframes or annotation.frames or annotation.track:
        fidelity.lose("tracks with their keyframes", where)
    if annotation.model:
        fidelity.lose("models that made annotations", where)
    fidelity.lose(PROVENANCE, where)
    if annotation.run_id:
        fidelity.lose("runs that annotations came with", where)
    lose_foreign(annotation.foreign, where, "annotations", fidelity, keeps=keeps)


def lose_foreign(foreign: dict[str, Any], where: str, of: str, fidelity: Fidelity, *, keeps: str) -> None:
    """What only other formats say."""
    for other in foreign:
        if other != keeps:
            fidelity.lose(f"what only {other} says of {of}", where)


def lose_definition(label: Label, fidelity: Fidelity, *, fields: tuple[str, ...]) -> None:
    """The fields of a label that a format has no place for."""
    for field in fields:
        if getattr(label, field):
            fidelity.lose(f"{field} of labels", label.name)


def lose_facts(picture: LabelledPicture, fidelity: Fidelity) -> None:
    """What an item is called elsewhere, and that it is hidden."""
    for what in ("source_id", "hidden"):
        if getattr(picture, what):
            fidelity.lose(f"{what} of files", picture.path)
