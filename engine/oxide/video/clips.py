"""Frames of a video by their place in the order in which they are shown: the picture at an index is the one that
decoding everything from the start gives there.

A look at the packets alone gives the times of all frames and which of them decoding can begin with. Where the packets
also say which pictures others refer to, only those are decoded that the wanted ones need. Else frames far ahead are
reached by a jump to the last frame before them that decoding can begin with. What then does not come out as announced,
and containers without usable times, are decoded from the start and counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.extras import import_extra
from oxide.video.h264 import packets_of
from oxide.video.packets import Held, Reader
from oxide.video.sparing import Needs, needs_of

if TYPE_CHECKING:
    from typing import IO

    import numpy
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Pixels = NDArray[numpy.uint8]

_WORTH_A_JUMP = 48
"""Frames that decoding on is quicker for than a jump; a jump throws away what the decoder holds."""


class BrokenVideo(InvalidInput):
    """A video that gives no frames, or not all that it announces."""


class _Astray(Exception):
    """A frame came that the packets did not announce."""


class Clip:
    """An open video. ``times``: seconds of each frame from the first one on.

    Raises:
        BrokenVideo: there is no video in it, or it cannot be decoded.
        MissingExtra: this needs the extra ``video``.
    """

    def __init__(self, source: str | IO[bytes]) -> None:
        self._av = import_extra("av", "video")
        # A converter that divides a picture among threads starts them for every picture.
        self._converter = self._av.video.reformatter.VideoReformatter()
        self._source = source
        self._sparing: tuple[Needs, Reader] | None = None
        self._container = self._opened()
        try:
            self._stamps, self._keys = self._look()
            # Where frames were counted, their own times serve.
            self.times = self._timed() if self._stamps else self._counted()
        except BaseException:
            self._container.close()
            raise
        if not self.times:
            self._container.close()
            raise BrokenVideo("it has no frames")

    def __enter__(self) -> Clip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def can_jump(self) -> bool:
        """Whether a frame in the middle is reached without decoding all before it."""
        return len(self._keys) > 1

    def pictures(self, indexes: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
        """The frames at some indexes, ascending: RGB, (height, width, 3), uint8, upright.

        Raises:
            BrokenVideo: one of them cannot be decoded.
        """
        done = -1
        if self._stamps:
            try:
                for index, frame in self._announced(indexes):
                    yield index, self._upright(frame)
                    done = index
                return
            except _Astray:
                self._stamps = []
        yield from self._by_count([index for index in indexes if index > done])

    def _opened(self) -> InputContainer:
        av = self._av
        try:
            if not isinstance(self._source, str):
                self._source.seek(0)
            container: InputContainer = av.open(self._source)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BrokenVideo(f"it cannot be opened: {_reason(error)}") from error
        if not container.streams.video:
            reason = "there is no video in it, only sound" if container.streams.audio else "it is no video"
            container.close()
            raise BrokenVideo(reason)
        # Clips are decoded side by side, each in one thread.
        container.streams.video[0].codec_context.thread_type = "NONE"
        return container

    def _look(self) -> tuple[list[int], list[int]]:
        """The time stamps of all frames, ascending, and the places of those that decoding can begin with; nothing where
        packets have no stamps of their own. Notes what the packets say of each other.
        """
        stream = self._container.streams.video[0]
        context = stream.codec_context
        made_up = packets_of(context.extradata) if context.name == "h264" else None
        stamps, keys = [], []
        roles, held = [], Held()
        try:
            for packet in self._container.demux(stream):
                if packet.is_discard:
                    made_up = None
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.pts is None:
                    return [], []
                stamps.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if made_up is not None:
                    roles.append(made_up.role(packet))
                    held.add(packet)
        except self._av.FFmpegError as error:
            raise BrokenVideo(f"it cannot be read to its end: {_reason(error)}") from error
        order = {stamp: index for index, stamp in enumerate(sorted(stamps))}
        if len(order) != len(stamps) or not keys:
            return [], []
        if made_up is not None and (needs := needs_of([order[stamp] for stamp in stamps], roles)) is not None:
            self._sparing = needs, Reader(self._container, stamps, held.packets)
        return sorted(stamps), sorted(order[stamp] for stamp in keys)

    def _timed(self) -> list[float]:
        base = self._container.streams.video[0].time_base
        seconds = float(base) if base else 0.0
        return [(stamp - self._stamps[0]) * seconds for stamp in self._stamps]

    def _counted(self) -> list[float]:
        self._again()
        rate = self._container.streams.video[0].average_rate
        step = 1 / float(rate) if rate else 0.0
        told = [frame.time for frame in self._frames()]
        if None in told:
            return [number * step for number in range(len(told))]
        return [time - told[0] for time in told]

    def _again(self) -> None:
        """Begin anew: not every container can be sought in."""
        self._container.close()
        self._container = self._opened()

    def _rewind(self) -> None:
        """Begin anew, without opening the file again where that is possible: whether it worked shows later."""
        try:
            self._container.seek(self._stamps[0], stream=self._container.streams.video[0])
        except self._av.FFmpegError:
            self._again()

    def _frames(self) -> Iterator[Any]:
        """Decoded frames from here on."""
        try:
            yield from self._container.decode(self._container.streams.video[0])
        except self._av.FFmpegError as error:
            raise BrokenVideo(f"it cannot be decoded: {_reason(error)}") from error

    def _announced(self, indexes: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Frames as the packets announce them.

        Raises:
            _Astray: something else comes.
        """
        return self._by_need(*self._sparing, indexes) if self._sparing else self._by_time(indexes)

    def _by_need(self, needs: Needs, reader: Reader, indexes: Sequence[int]) -> Iterator[tuple[int, Any]]:
        place = {stamp: index for index, stamp in enumerate(self._stamps)}
        for run in needs.runs(indexes):
            shown = iter(run.shown)
            for frame in self._decoded(reader.read(run.packets)):
                here = place.get(frame.pts)
                if here is None or here != next(shown, None) or frame.is_corrupt:
                    raise _Astray
                if here in run.wanted:
                    yield here, frame
            if next(shown, None) is not None:
                raise _Astray

    def _decoded(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[Any]:
        """All frames that some packets give."""
        context = self._container.streams.video[0].codec_context
        context.flush_buffers()
        try:
            for packet in packets:
                yield from context.decode(packet)
            yield from context.decode(None)
        except self._av.FFmpegError as error:
            # What is broken shows when everything is decoded.
            raise _Astray from error

    def _by_time(self, indexes: Sequence[int]) -> Iterator[tuple[int, Any]]:
        self._rewind()
        place = {stamp: index for index, stamp in enumerate(self._stamps)}
        frames, at, exact = self._frames(), -1, True
        for wanted in indexes:
            key = self._keys[bisect_right(self._keys, wanted) - 1]
            if key - at > _WORTH_A_JUMP and wanted >= self._keys[0]:
                self._container.seek(self._stamps[key], stream=self._container.streams.video[0])
                frames, at, exact = self._frames(), -1, False
            while at < wanted:
                frame: Any = next(frames, None)
                here = place.get(frame.pts) if frame is not None else None
                # From the start on not one may be missing; behind a jump come some that are not wanted. Some files call
                # frames a place to begin with that are none: the decoder says so.
                if frame is None or here is None or here > wanted:
                    raise _Astray
                if here != at + 1 if exact else here >= key and frame.is_corrupt:
                    raise _Astray
                at = here
            yield wanted, frame

    def _by_count(self, indexes: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
        self._again()
        wanted = iter(indexes)
        index = next(wanted, None)
        for number, frame in enumerate(self._frames()):
            if index is None:
                return
            if number == index:
                yield number, self._upright(frame)
                index = next(wanted, None)
        if index is not None:
            raise BrokenVideo(f"it announces {len(self.times)} frames, but frame {index} cannot be decoded")

    def _upright(self, frame: Any) -> Pixels:
        """A frame as it is to be seen; a rotation that is kept beside it is carried out."""
        import numpy

        pixels: Pixels = self._converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        quarters = round(frame.rotation / 90) % 4
        return numpy.ascontiguousarray(numpy.rot90(pixels, quarters)) if quarters else pixels


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]
