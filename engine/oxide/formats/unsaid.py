"""What a writer tells the fidelity report about the parts of annotations, pictures and labels that its format has no
place for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.annotation import Annotation
    from oxide.labels.ontology import Label

METADATA, FACTS = "metadata", "what items are called elsewhere, and that they are hidden"


def where(picture: LabelledPicture, annotation: Annotation) -> str:
    """How a report names an annotation."""
    return f"{picture.path}, annotation {annotation.id}"


def lose_parts(
    fidelity: Fidelity,
    picture: LabelledPicture,
    annotation: Annotation,
    kept: Container[str] = (),
    kept_attributes: Container[str] = (),
    own: str = "",
) -> None:
    """Report every part of an annotation besides its shape and label that is set and not ``kept``.

    ``kept`` names fields of :class:`oxide.labels.annotation.Annotation`; ``own`` is the format's own name in
    ``foreign``.
    """
    place = where(picture, annotation)
    for kind, names in _KINDS.items():
        if any(name not in kept and getattr(annotation, name) not in (None, ()) for name in names):
            fidelity.lose(kind, place)
    if annotation.source != "import" and "source" not in kept:
        fidelity.lose("sources (human or model)", place)
    attributes = [name for name in annotation.attributes if name not in kept_attributes]
    if attributes and "attributes" not in kept:
        fidelity.lose("attributes", f"{place}: {', '.join(attributes)}")
    others = [name for name in annotation.foreign if name != own]
    if others:
        fidelity.lose("what other formats keep", f"{place}: {', '.join(others)}")


_KINDS = {
    "ids of annotations": ("id",),
    "scores": ("score",),
    "names of models": ("model",),
    "runs": ("run_id",),
    "authors": ("author", "updated_by"),
    "times": ("created", "updated"),
    "tracks and frames": ("track", "frames", "keyframes"),
    "descriptions": ("description",),
}


def lose_picture(fidelity: Fidelity, picture: LabelledPicture, kept_metadata: Container[str] = ()) -> None:
    """Report an item's metadata and facts that a format without them loses."""
    names = [name for name in picture.metadata if name not in kept_metadata]
    if names:
        fidelity.lose(METADATA, f"{picture.path}: {', '.join(names)}")
    if picture.source_id or picture.hidden:
        fidelity.lose(FACTS, picture.path)


def lose_labels(fidelity: Fidelity, dataset: Dataset, kept: Container[str] = (), own: str = "") -> None:
    """Report what the ontology says besides the names of labels, as far as it is not ``kept``."""
    for label in dataset.ontology.labels.values():
        for name, kind in _DEFINITIONS.items():
            if name not in kept and getattr(label, name):
                fidelity.lose(kind, label.name)
        if _foreign(label, own):
            fidelity.lose("what other formats keep about labels", label.name)
    if dataset.ontology.closed:
        fidelity.lose("that the ontology is closed", dataset.name)


_DEFINITIONS = {
    "parent": "labels above labels",
    "color": "colours of labels",
    "attributes": "definitions of attributes",
    "tools": "tools of labels",
    "description": "descriptions of labels",
    "skeleton": "skeletons of labels",
}


def _foreign(label: Label, own: str) -> bool:
    return any(name != own for name in label.foreign)
