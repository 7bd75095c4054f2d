"""The only module that reads the clock. Stored times are microseconds since 1970 UTC, with the author's offset."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def zone() -> int:
    """The local offset from UTC, in minutes east."""
    return time.localtime().tm_gmtoff // 60


def to_datetime(microseconds: int, zone_minutes: int = 0) -> datetime:
    """A stored time as an aware datetime."""
    from datetime import UTC, datetime, timedelta, timezone

    offset = timezone(timedelta(minutes=zone_minutes)) if zone_minutes else UTC
    return datetime.fromtimestamp(microseconds // 1_000_000, offset).replace(microsecond=microseconds % 1_000_000)


def to_microseconds(moment: datetime) -> int:
    """An aware datetime as a stored time."""
    return int(moment.timestamp() // 1) * 1_000_000 + moment.microsecond
