"""Every frame equals the one that a full sequential decode gives at its index, however it is reached."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oxide.video.clips import BrokenVideo, Clip
from video.clips import decoded, index_shown, make_clip, real_clips

pytest.importorskip("av", reason="needs the extra `video`")


def turned(pixels: Any, quarters: int) -> Any:
    import numpy

    return numpy.rot90(pixels, quarters)


def checksum(pixels: Any) -> tuple[Any, int]:
    return pixels.shape, zlib.crc32(pixels.tobytes())


@pytest.mark.parametrize(
    ("name", "made"),
    {
        "plain.mp4": {},
        "b-frames.mp4": {"b_frames": 3, "frames": 400, "key_every": 60},
        "uneven-b-frames.mp4": {"b_frames": 2, "frames": 400, "key_every": 60, "uneven": True},
        "uneven.mkv": {"frames": 300, "key_every": 50, "uneven": True},
        "one-key.mp4": {"frames": 200, "key_every": 1000, "b_frames": 2},
        "open.mp4": {"frames": 300, "key_every": 50, "b_frames": 2, "options": {"x264-params": "open-gop=1"}},
        "mpeg4.avi": {"codec": "mpeg4", "frames": 150, "b_frames": 2},
        "mpeg4.mp4": {"codec": "mpeg4", "frames": 150},
        "motion-jpeg.avi": {"codec": "mjpeg", "frames": 40},
        "stream.ts": {"codec": "mpeg2video", "frames": 200, "b_frames": 2},
        "short.mp4": {"frames": 1},
    }.items(),
)
def test_a_frame_shows_its_index(tmp_path: Path, name: str, made: dict[str, Any]) -> None:
    path = make_clip(tmp_path / name, **made)
    everything = list(decoded(path))
    chance = random.Random(name)
    with Clip(str(path)) as clip:
        total = len(clip.times)
        assert total == len(everything)
        assert list(clip.times) == sorted(clip.times) and clip.times[0] == 0
        for _ in range(8):
            wanted = sorted(chance.sample(range(total), min(total, chance.randint(1, 5))))
            found = list(clip.pictures(wanted))
            assert [index for index, _ in found] == wanted
            for index, pixels in found:
                assert (pixels == everything[index]).all()
        assert [index for index, _ in clip.pictures(range(total))] == list(range(total))
    if made.get("codec", "libx264") == "libx264":
        assert [index_shown(pixels) for pixels in everything] == list(range(total))


def test_times_are_those_of_the_container(tmp_path: Path) -> None:
    with Clip(str(make_clip(tmp_path / "a.mp4", 50))) as clip:
        assert clip.times == pytest.approx([index / 25 for index in range(50)])


def test_few_frames_of_a_long_clip_are_reached_by_jumps(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "long.mkv", 1200, codec="mpeg4", key_every=30)
    with Clip(str(path)) as clip:
        count = 0
        frames = clip._frames

        def counted() -> Iterator[Any]:
            nonlocal count
            for frame in frames():
                count += 1
                yield frame

        clip._frames = counted  # type: ignore[method-assign]
        assert [index_shown(pixels) for _, pixels in clip.pictures([5, 600, 1199])] == [5, 600, 1199]
    assert count < 120


def test_real_clips() -> None:
    """Rotated, unordered and of variable rate included; the corrupted one is refused."""
    broken = []
    for path in real_clips():
        quarters = {"decord_video_90.mov": 3, "decord_video_180.mov": 2, "decord_video_270.mov": 1}.get(path.name, 0)
        try:
            everything = [checksum(turned(pixels, quarters)) for pixels in decoded(path)]
        except (OSError, ValueError):
            broken.append(path.name)
            with pytest.raises(BrokenVideo), Clip(str(path)) as clip:
                list(clip.pictures(range(len(clip.times))))
            continue
        with Clip(str(path)) as clip:
            assert len(clip.times) == len(everything), path
            some = sorted({0, len(everything) // 3, len(everything) // 2, len(everything) - 1})
            for wanted in (some, range(len(everything))):
                for index, pixels in clip.pictures(wanted):
                    assert checksum(pixels) == everything[index], (path, index)
    assert broken == ["decord_corrupted.mp4"]


def test_what_is_no_video_says_why(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    import numpy

    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(numpy.zeros((1, 44100), numpy.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    clip = make_clip(tmp_path / "good.mp4", 30).read_bytes()
    cases = {
        "only sound": (tmp_path / "sound.mp4").read_bytes(),
        "cannot be opened": b"no video at all " * 99,
        "end": clip[: len(clip) // 2],
        "": b"",
    }
    for words, data in cases.items():
        with pytest.raises(BrokenVideo) as caught, Clip(io.BytesIO(data)) as opened:
            list(opened.pictures(range(len(opened.times))))
        if words == "only sound":
            assert words in str(caught.value)
