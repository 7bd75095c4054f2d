"""Files that are no text, no JSON, or nested without end are refused in words by every format that reads them whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.strategies import read
from oxide.errors import InvalidInput
from oxide.formats.base import find_format
from support import write as put

JSON = {
    "labelme": "a.json",
    "datumaro": "annotations/train.json",
    "panoptic": "panoptic.json",
    "labelstudio": "tasks.json",
}
TEXT = {"mot": ("game/gt/gt.txt", "game/gt/labels.txt", "game/seqinfo.ini"), "masks": ("labels.txt", "labelmap.txt")}


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00", b"[" * 200_000, b'{"shapes": NaN}', b"{", b""],
    ids=["bytes", "deep", "constant", "cut", "empty"],
)
def test_json(tmp_path: Path, name: str, data: bytes) -> None:
    file = put(tmp_path, JSON[name], data)
    with pytest.raises(InvalidInput) as refused:
        read(find_format(name), tmp_path)
    assert str(file) in refused.value.message


@pytest.mark.parametrize("name", JSON)
def test_a_mark_of_utf_8_is_no_part_of_it(tmp_path: Path, name: str) -> None:
    put(tmp_path, JSON[name], b"\xef\xbb\xbf1")
    with pytest.raises(InvalidInput) as refused:
        read(find_format(name), tmp_path)
    assert "no JSON" not in refused.value.message


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in TEXT.items() for file in files])
def test_text(tmp_path: Path, name: str, file: str) -> None:
    if name == "mot":
        put(tmp_path, "game/gt/gt.txt", "1,1,1,1,1,1,1,1,1\n")
    wrong = put(tmp_path, file, b"\xff\n")
    with pytest.raises(InvalidInput) as refused:
        read(find_format(name), tmp_path)
    assert str(wrong) in refused.value.message and "UTF-8" in refused.value.message
