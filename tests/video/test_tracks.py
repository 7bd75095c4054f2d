"""What a video's annotation says of a frame."""

from __future__ import annotations

import pytest
from oxide import Annotation, Keyframe
from oxide.labels.tracks import at_frame


def track(kind: str, *keyframes: Keyframe, frames: tuple[int, int] = (0, 20)) -> Annotation:
    first = keyframes[0]
    made = Annotation(kind, "ball", first.box, first.geometry, frames=frames, track="1", keyframes=keyframes)
    return made.checked()


def box(annotation: Annotation, frame: int) -> tuple[float, ...]:
    found = at_frame(annotation, frame, 0)
    assert found is not None and found.box is not None
    return found.box


def test_a_box_moves_in_a_straight_line() -> None:
    moving = track("box", Keyframe(0, (0, 0, 10, 10)), Keyframe(10, (20, 40, 10, 20)))
    assert [box(moving, frame) for frame in (0, 5, 10, 20)] == [
        (0, 0, 10, 10),
        (10, 20, 10, 15),
        (20, 40, 10, 20),
        (20, 40, 10, 20),
    ]
    found = at_frame(moving, 5, 0)
    assert found is not None and (found.frames, found.keyframes, found.track) == (None, (), "1")
    assert at_frame(moving, 21, 0) is None


def test_what_is_hidden_is_gone_until_it_is_seen_again() -> None:
    seen = (Keyframe(2, (0, 0, 1, 1)), Keyframe(4, (4, 0, 1, 1), visible=False), Keyframe(8, (9, 9, 1, 1)))
    moving = track("box", *seen)
    there = [frame for frame in range(12) if at_frame(moving, frame, 0) is not None]
    assert there == [2, 3, 8, 9, 10, 11]


def test_label_and_attributes_are_those_of_the_keyframe_before() -> None:
    moving = Annotation(
        "box",
        "ball",
        attributes={"size": "big", "wet": False},
        frames=(0, 9),
        keyframes=(
            Keyframe(0, (0, 0, 1, 1)),
            Keyframe(3, (0, 0, 1, 1), attributes={"wet": True}),
            Keyframe(6, (0, 0, 1, 1), label="puck"),
        ),
    )
    said = [(found.label, found.attributes["wet"]) for frame in (2, 5, 8) if (found := at_frame(moving, frame, 0))]
    assert said == [("ball", False), ("ball", True), ("puck", True)]


def test_angles_turn_the_shorter_way() -> None:
    def shape(angle: float) -> dict[str, object]:
        return {"center": [10, 10], "size": [4, 2], "angle": angle}

    moving = track("rotated_box", Keyframe(0, geometry=shape(350)), Keyframe(10, geometry=shape(10)))
    found = at_frame(moving, 5, 0)
    assert found is not None and found.geometry is not None
    assert found.geometry["angle"] % 360 == pytest.approx(0)


def test_polygons_of_equal_rings_move_and_others_stay() -> None:
    before = {"polygons": [[[0, 0, 10, 0, 10, 10]]]}
    after = {"polygons": [[[10, 10, 20, 10, 20, 20]]]}
    found = at_frame(track("polygon", Keyframe(0, geometry=before), Keyframe(10, geometry=after)), 5, 0)
    assert found is not None and found.geometry == {"polygons": [[[5, 5, 15, 5, 15, 15]]]}
    assert found.box == (5, 5, 10, 10)
    other = {"polygons": [[[10, 10, 20, 10, 20, 20, 10, 20]]]}
    found = at_frame(track("polygon", Keyframe(0, geometry=before), Keyframe(10, geometry=other)), 5, 0)
    assert found is not None and found.geometry == before


def test_keypoints_move_where_both_keyframes_have_them() -> None:
    moving = track(
        "keypoints",
        Keyframe(0, geometry={"points": [0, 0, 2, 0, 0, 0, 4, 4, 1]}),
        Keyframe(10, geometry={"points": [10, 20, 2, 9, 9, 2, 6, 8, 2]}),
    )
    found = at_frame(moving, 5, 0)
    assert found is not None and found.geometry == {"points": [5, 10, 2, 0, 0, 0, 5, 6, 1]}


def test_what_is_no_track() -> None:
    whole = Annotation("class", "dunk")
    assert at_frame(whole, 7, 0.1) == whole
    part = Annotation("class", "dunk", frames=(3, 5))
    assert [at_frame(part, frame, 0) is not None for frame in (2, 3, 5, 6)] == [False, True, True, False]
    said = Annotation("subtitle", geometry={"text": "go", "start": 1.0, "end": 2.0})
    assert at_frame(said, 0, 0.9) is None and at_frame(said, 0, 2.0) is None
    found = at_frame(said, 40, 1.6)
    assert found is not None and (found.type, found.geometry) == ("text", {"text": "go"})
