"""Only what the wanted frames need is decoded, and only where the file says surely what that is."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from oxide.video import packets
from oxide.video.clips import BrokenVideo, Clip
from video.clips import decoded, index_shown, make_clip

pytest.importorskip("av", reason="needs the extra `video`")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The packets that clips give to the decoder."""
    given: list[int] = []
    real = packets.Reader.read

    def noting(reader: packets.Reader, places: Sequence[int]) -> Iterator[Any]:
        given.extend(places)
        return real(reader, places)

    monkeypatch.setattr(packets.Reader, "read", noting)
    return given


def shown(path: Path, indexes: Sequence[int]) -> list[int]:
    with Clip(str(path)) as clip:
        return [index_shown(pixels) for _, pixels in clip.pictures(indexes)]


def test_what_no_wanted_frame_needs_is_not_decoded(tmp_path: Path, read: list[int]) -> None:
    path = make_clip(tmp_path / "a.mp4", 50, key_every=25, b_frames=2)
    assert shown(path, [0, 25, 49]) == [0, 25, 49]
    assert len(read) < 25  # of the second group alone, and no frame that others do not refer to
    read.clear()
    assert shown(path, range(50)) == list(range(50))
    assert len(read) == 50


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_what_is_too_large_to_be_held_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[int], name: str
) -> None:
    monkeypatch.setattr(packets, "_HELD", 2000)
    monkeypatch.setattr(packets, "_WORTH_A_SEEK", 20)
    path = make_clip(tmp_path / name, 600, key_every=30, b_frames=2, uneven=True)
    everything = list(decoded(path))
    chance = random.Random(name)
    with Clip(str(path)) as clip:
        for _ in range(10):
            wanted = sorted(chance.sample(range(600), chance.randint(1, 9)))
            found = list(clip.pictures(wanted))
            assert [index for index, _ in found] == wanted
            assert all((pixels == everything[index]).all() for index, pixels in found)
        assert [index for index, _ in clip.pictures(range(600))] == list(range(600))
    assert read


@pytest.mark.parametrize(
    ("name", "options"),
    {
        "fields.mp4": {"x264-params": "interlaced=1"},
        "open.mp4": {"x264-params": "open-gop=1"},
        "pyramid.mp4": {"x264-params": "b-pyramid=normal:bframes=5:b-adapt=0"},
        "refresh.mp4": {"x264-params": "intra-refresh=1"},
        "slices.mp4": {"x264-params": "slices=4"},
        "matrices.mp4": {"x264-params": "cqm=jvt"},
        "stream.ts": {},
    }.items(),
)
def test_unusual_streams_give_the_same_frames(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = make_clip(tmp_path / name, 240, key_every=40, b_frames=3, options=options)
    everything = list(decoded(path))
    chance = random.Random(name)
    for _ in range(8):
        wanted = sorted(chance.sample(range(240), 3))
        with Clip(str(path)) as clip:
            assert len(clip.times) == len(everything)
            for index, pixels in clip.pictures(wanted):
                assert (pixels == everything[index]).all()


def test_streams_with_fields_are_decoded_whole(tmp_path: Path, read: list[int]) -> None:
    path = make_clip(tmp_path / "a.mp4", 60, options={"x264-params": "interlaced=1"})
    with Clip(str(path)) as clip:
        assert [index for index, _ in clip.pictures([0, 30, 59])] == [0, 30, 59]
    assert read == []


def test_damage_in_the_wanted_part_is_told(tmp_path: Path) -> None:
    """The first packet of the second group is made of zeros."""
    av = pytest.importorskip("av")
    path = make_clip(tmp_path / "a.mp4", 60, key_every=30)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.is_keyframe]
    data = bytearray(path.read_bytes())
    at, size = places[1]
    data[at + 5 : at + size] = bytes(size - 5)
    with pytest.raises(BrokenVideo, match="cannot be decoded"), Clip(io.BytesIO(bytes(data))) as clip:
        list(clip.pictures([0, 40]))
