"""Packs as the tests see them: where each record lies (``docs/format.md``), without the code under test."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "blob": 1,
    "recipe": 2,
    "segment": 3,
    "segment-delta": 4,
    "page": 5,
    "schema": 6,
    "commit": 7,
    "view": 8,
    "list": 9,
    "external": 10,
}
ENTRY = struct.Struct("<32sBBQIII")
TRAILER = struct.Struct("<QQII8s")
RECORD = struct.Struct("<BB32sIII")


class Entry(NamedTuple):
    """One entry of a pack's index."""

    id: bytes
    kind: int
    encoding: int
    offset: int
    stored: int
    raw: int
    crc: int


class Place(NamedTuple):
    """Where a record is."""

    pack: Path
    entry: Entry


def entries(pack: Path) -> list[Entry]:
    """The index of a pack."""
    data = pack.read_bytes()
    count, footer, _, _, magic = TRAILER.unpack(data[-TRAILER.size :])
    assert magic == b"OXPACKE\n"
    return [Entry(*ENTRY.unpack_from(data, footer + place * ENTRY.size)) for place in range(count)]


def places(control: Path, kind: str) -> list[Place]:
    """All records of a kind."""
    found = [Place(pack, entry) for pack in sorted((control / "packs").glob("*.pack")) for entry in entries(pack)]
    return [place for place in found if place.entry.kind == KINDS[kind]]


def rewrite(pack: Path, records: list[tuple[Entry, bytes]]) -> None:
    """A sound pack of these records and payloads in the place of another."""
    data = bytearray(b"OXPACK1\n")
    index = []
    for entry, payload in records:
        crc = zlib.crc32(payload)
        data += RECORD.pack(entry.kind, entry.encoding, entry.id, entry.raw, len(payload), crc)
        index.append(entry._replace(offset=len(data), stored=len(payload), crc=crc))
        data += payload
    index.sort(key=lambda entry: (entry.id, entry.kind))
    footer = b"".join(ENTRY.pack(*entry) for entry in index)
    data += footer + TRAILER.pack(len(index), len(data), zlib.crc32(footer), 0, b"OXPACKE\n")
    replace(pack, bytes(data))


def payloads(pack: Path) -> list[tuple[Entry, bytes]]:
    """Records with their stored payloads, in the order of the file."""
    data = pack.read_bytes()
    found = sorted(entries(pack), key=lambda entry: entry.offset)
    return [(entry, data[entry.offset : entry.offset + entry.stored]) for entry in found]


def replace(path: Path, data: bytes) -> None:
    """Other bytes in a file, as another file: what is mapped by this process must not change."""
    path.unlink()
    path.write_bytes(data)


def flip(path: Path, place: int, bit: int = 0) -> None:
    """One bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    replace(path, bytes(data))
