"""The repository's settings are text that people edit: whatever is in the file, the failure names it and what to do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from damage.conftest import Copy
from damage.verbs import opened
from oxide.errors import InvalidInput
from oxide.settings import Settings


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b"{", b"[" * 100_000, b'{"sql.timeout": 1'])
def test_damaged_settings_are_named(content: bytes, copy: Copy) -> None:
    tree = copy()
    config = tree / ".oxide" / "config"
    config.write_bytes(content)
    with pytest.raises(InvalidInput) as failure:
        opened(tree).settings.all()
    assert str(config) in str(failure.value) and failure.value.hint
    result = opened(tree).fsck()
    assert [problem.kind for problem in result.problems] == ["config"] and not result.ok
    assert result.problems[0].remedy
    assert not opened(tree).fsck(repair=True).ok, "nobody but its author knows what it said"
    assert config.read_bytes() == content
    assert opened(tree).status().staged.added == ["late.txt"]


def test_no_bytes_make_reading_settings_crash(tmp_path: Path) -> None:
    chance = random.Random(4)
    sound = b'{"sql.timeout": "50", "user.name": "Ada \\u00e9", "nested": {"a": [1, null, true]}}'
    file = tmp_path / "config"
    read = 0
    for _ in range(2_000):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[place] ^= 1 << chance.randrange(8)
                case 1:
                    del data[place : place + chance.randrange(1, 9)]
                case 2:
                    data[place:place] = data[: chance.randrange(len(data) + 1)]
                case _:
                    data[place] = chance.randrange(256)
            data = data or bytearray(b" ")
        file.write_bytes(data)
        try:
            Settings(file, {}).all()
            read += 1
        except InvalidInput as failure:
            assert str(file) in str(failure) and failure.hint
    assert 0 < read < 2_000
