"""Rows as PostgreSQL's binary COPY wants them (documentation of COPY, "Binary Format").

Packed by hand: a driver's row by row formatting costs more than the server's insert. Samples are packed a column at a
time by strided slices, which run in C.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sinks.timescale.rows import CollectionRow, ReadRecord

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
PIECE_BYTES = 256 * 1024

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_MS = 946_684_800_000
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"


def micros(time: datetime) -> int:
    """A timestamptz: microseconds since 2000-01-01 UTC."""
    return (time - _EPOCH) // _MICROSECOND


def pieces(body: bytes | bytearray) -> Iterator[memoryview]:
    """A COPY stream in pieces of 256 KiB: smaller ones cost the server's allocator, larger ones the client's."""
    whole = memoryview(body)
    for start in range(0, len(body), PIECE_BYTES):
        yield whole[start : start + PIECE_BYTES]


# Samples: 2 bytes of field count, then length and 8 bytes of each of time, series id and value.
_SAMPLE = struct.pack(">hi8xi8xi8x", 3, 8, 8, 8)
# The same with the number of the look, int4, for the staging table.
_STAGED = struct.pack(">hi8xi8xi8xi4x", 4, 8, 8, 8, 4)


def pack_samples(times: "array[int]", series: "array[int]", values: "array[float]") -> bytearray:
    """The body of `copy_samples` from three columns of equal length; the columns are used up."""
    body = bytearray(HEADER + _SAMPLE * len(times) + TRAILER)
    _fill(body, len(_SAMPLE), columns=((6, times), (18, series), (30, values)), rows=len(times))
    return body


def pack_staged(times: "array[int]", series: "array[int]", values: "array[float]", looks: "array[int]") -> bytearray:
    """The body of `stage_samples`; `looks` are 4-byte numbers. The columns are used up."""
    body = bytearray(HEADER + _STAGED * len(times) + TRAILER)
    columns = ((6, times), (18, series), (30, values), (42, looks))
    _fill(body, len(_STAGED), columns=columns, rows=len(times))
    return body


def _fill(body: bytearray, width: int, *, columns: Sequence[tuple[int, "array[Any]"]], rows: int) -> None:
    end = len(HEADER) + width * rows
    for place, column in columns:
        if sys.byteorder == "little":
            column.byteswap()
        raw, size = column.tobytes(), column.itemsize
        # Byte k of every row at once: one strided copy in place of `rows` calls.
        for byte in range(size):
            body[len(HEADER) + place + byte : end : width] = raw[byte::size]


_EVENT_HEAD = struct.Struct(">hiqi16s")
_EVENT_PLACE = struct.Struct(">iq")
_UUID = struct.Struct(">i16s")
_TIME = struct.Struct(">iq")


class EventPacker:
    """Packs records for `copy_events`; what many have in common is packed once and remembered, within a bound."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._same: dict[tuple[str, str, str, str, int], bytes] = {}

    def pack(self, records: Iterable[ReadRecord]) -> bytes:
        """The whole body, with header and trailer."""
        return b"".join((HEADER, *map(self._row, records), TRAILER))

    def _row(self, record: ReadRecord) -> bytes:
        event = record.event
        key = (event.type, event.subject, event.source, record.topic, record.partition)
        same = self._same.get(key)
        if same is None:
            if len(self._same) >= self._most:
                self._same.clear()
            same = self._same[key] = _same(*key)
        return b"".join(
            (
                _EVENT_HEAD.pack(13, 8, micros(event.time), 16, event.id.bytes),
                same,
                _NULL if event.sequence is None else _EVENT_PLACE.pack(8, event.sequence),
                _EVENT_PLACE.pack(8, record.offset),
                _uuid(event.correlationid),
                _uuid(event.causationid),
                _TIME.pack(8, (record.appended_ms - _EPOCH_MS) * 1000),
            )
        )


def _same(type_: str, subject: str, source: str, topic: str, partition: int) -> bytes:
    epoch = UUID(source.split("/")[3]) if source.startswith("/agents/") else None
    texts = (_text(type_), _text(subject), _text(source), _uuid(epoch), _text(topic))
    return b"".join((*texts, struct.pack(">ii", 4, partition)))


def _uuid(value: UUID | None) -> bytes:
    return _NULL if value is None else _UUID.pack(16, value.bytes)


def _time(value: datetime) -> bytes:
    return _TIME.pack(8, micros(value))


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    raw = value.encode()
    return len(raw).to_bytes(4, "big") + raw


def _float8(value: float | None) -> bytes:
    return _NULL if value is None else struct.pack(">id", 8, value)


def _int4(value: int | None) -> bytes:
    return _NULL if value is None else struct.pack(">ii", 4, value)


def _int8(value: int | None) -> bytes:
    return _NULL if value is None else struct.pack(">iq", 8, value)


_COLLECTION: tuple[Callable[[Any], bytes], ...] = (
    _time,
    _uuid,
    *(_text,) * 4,
    *(_float8,) * 4,
    *(_int8,) * 2,
    _int4,
    *(_text,) * 3,
    _uuid,
)


def pack_collections(rows: Iterable[CollectionRow]) -> bytes:
    """The whole body of `copy_collections`."""
    count = struct.pack(">h", len(_COLLECTION))
    packed = (count + b"".join([pack(value) for pack, value in zip(_COLLECTION, row, strict=True)]) for row in rows)
    return b"".join((HEADER, *packed, TRAILER))
