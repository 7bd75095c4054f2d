"""JSON read in pieces, and texts written by the core: the same as Python's own reader and writer."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oxide import _core, errors
from oxide.formats import json_text
from oxide.formats.base import find_format
from oxide.labels import geometry

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
plain_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text('abc \\"\n/', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("xyz", max_size=3), inner, max_size=4),
)


def exactly(value: Any) -> str:
    """A value with its types: 1, 1.0 and -0.0 are told apart."""
    return repr(value)


def read(source: Path, text: str) -> list[Any]:
    source.write_text(text, encoding="utf-8")
    found = list(json_text.members(source, ("list",)))
    assert [index for _, index, _ in found] == list(range(len(found)))
    return [element for _, _, element in found]


@given(
    st.lists(plain_values | values | st.dictionaries(st.text("xyz"), plain_values), max_size=12),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_elements_are_those_that_python_reads(
    tmp_path_factory: pytest.TempPathFactory, elements: list[Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps({"before": 1, "list": elements, "after": [2]}, indent=indent, ensure_ascii=ascii_only)
    found = read(tmp_path_factory.getbasetemp() / "elements.json", text)
    assert exactly(found) == exactly(json.loads(text)["list"])


@pytest.mark.parametrize(
    "number", ["-0", "-0.0", "9223372036854775808", "-9223372036854775809", "1" * 40, "1e22", "5e-324"]
)
def test_numbers_that_two_readers_may_read_in_two_ways(tmp_path: Path, number: str) -> None:
    text = '{"list": [{"a": NUMBER}, {"a": [NUMBER, 1]}, {"b": 2}]}'.replace("NUMBER", number)
    assert exactly(read(tmp_path / "s.json", text)) == exactly(json.loads(text)["list"])


def test_elements_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    elements = [{"number": number, "long": "x" * (400_000 * (number % 4))} for number in range(12)]
    assert read(tmp_path / "s.json", json.dumps({"list": elements})) == elements


@pytest.mark.parametrize("broken", ["{'a': 1}", '{"a": NaN}', '{"a": 01}', '{"a": 1', '{"a" 1}', '{"a": "\x01"}', "}"])
def test_what_is_no_json_is_refused_where_it_stands(tmp_path: Path, broken: str) -> None:
    with pytest.raises(errors.InvalidInput, match=r"line 2|/list/2"):
        read(tmp_path / "s.json", '{"list": [{"a": 1}, {"b": 2},\n' + broken + ', {"c": 3}]}')


@given(values)
def test_texts_say_what_the_value_says(value: Any) -> None:
    assert exactly(json.loads(_core.json_text(value))) == exactly(value)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {1: 2}, {"a": object()}, {"a": b"bytes"}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(errors.InvalidInput):
        _core.json_text(value)


def test_what_is_nested_too_deeply_is_refused() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    with pytest.raises(errors.InvalidInput):
        _core.json_text(value)


@pytest.mark.parametrize(
    "segmentation", [[[0, 0, 4, 0, 4, 4]], {"size": [4, 4], "counts": [16]}, {"size": [4, 4], "counts": [0, 16]}]
)
@pytest.mark.parametrize("box", [[1, 1, -2, 2], [1, 2, 3], "box", [1, 1, 10**400, 1]])
def test_a_box_beside_a_shape_is_looked_at(tmp_path: Path, segmentation: Any, box: Any) -> None:
    annotation = {"image_id": 1, "bbox": box, "segmentation": segmentation}
    source = tmp_path / "s.json"
    source.write_text(
        json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [], "annotations": [annotation]})
    )
    with pytest.raises(errors.InvalidInput, match="/annotations/0"):
        list(find_format("coco").read(source))


coordinates = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9).map(
    lambda ring: [n for p in ring for n in p]
)


@given(st.lists(st.lists(rings, min_size=1, max_size=3), min_size=1, max_size=3))
def test_polygons_measured_by_the_core_and_by_their_definition(polygons: list[list[list[float]]]) -> None:
    """Tuples are measured by Python, lists by the core."""
    slow = {"polygons": [[tuple(ring) for ring in part] for part in polygons]}
    fast = {"polygons": polygons}
    box = geometry.checked("polygon", None, fast)
    assert box == geometry.checked("polygon", None, slow)
    xs = [x for part in polygons for x in part[0][::2]]
    assert box is not None and box[0] == min(xs) and box[2] == max(xs) - min(xs)
    expected = geometry.area("polygon", None, slow)
    assert math.isclose(geometry.area("polygon", None, fast), expected, rel_tol=1e-9, abs_tol=1e-3)


@pytest.mark.parametrize(
    "polygons",
    [
        [],
        [[]],
        [[[0, 0, 1, 1]]],
        [[[0, 0, 1, 1, 2]]],
        [[[0, 0, 1, 1, 2, math.inf]]],
        [[[0, 0, 1, True, 2, "3"]]],
        [3],
        3,
    ],
)
def test_what_is_no_polygon_is_refused(polygons: Any) -> None:
    with pytest.raises(errors.InvalidInput, match="this is no polygon"):
        geometry.checked("polygon", None, {"polygons": polygons})
