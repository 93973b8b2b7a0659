"""Events as the spool's file holds them: larger ones compressed, so that an outage four times as long has room.

Format: LZ4 block with its size before it (github.com/lz4/lz4, doc/lz4_Block_format.md), after one byte that says so. An
event is a JSON object, so a value that begins with a brace is one as it stands.
"""

import cramjam

_LZ4 = b"\x04"
_LEAST_BYTES = 512
"""Below that there is next to nothing to win."""


def packed(value: bytes) -> bytes:
    """What is written for an event."""
    if len(value) < _LEAST_BYTES:
        return value
    smaller = _LZ4 + bytes(cramjam.lz4.compress_block(value))
    return smaller if len(smaller) < len(value) else value


def plain(written: bytes) -> bytes:
    """The event that was written; one that was spoiled on the disk as it stands, to become a dead letter and a gap."""
    if not written.startswith(_LZ4):
        return written
    try:
        return bytes(cramjam.lz4.decompress_block(written[1:]))
    except cramjam.DecompressionError:
        return written
