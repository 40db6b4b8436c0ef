"""Decoding limits: counts the parts of a picture before a decoder reads them.

The time that a decoder needs depends on the file: a small file may hold a thousand scans of the
same picture, or a million empty chunks.
"""

from collections.abc import Iterator

MAX_PARTS = 10_000  # chunks of a PNG, segments of a JPEG; cameras and editors write hundreds
MAX_SCANS = 50  # passes over a progressive JPEG; encoders make 10 or so

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_START_OF_SCAN = b"\xff\xda"


def excess(data: bytes) -> str:
    """Return the limit that a picture exceeds, such as "more than 50 scans", or ""."""
    parts = _chunks(data) if data.startswith(_PNG) else _segments(data)
    if sum(1 for _ in zip(parts, range(MAX_PARTS + 1), strict=False)) > MAX_PARTS:
        return f"more than {MAX_PARTS:,} parts"
    # This pair of bytes never occurs inside a scan (ITU-T T.81, B.1.1.5).
    if data.startswith(_JPEG) and data.count(_START_OF_SCAN) > MAX_SCANS:
        return f"more than {MAX_SCANS} scans"
    return ""


def _chunks(data: bytes) -> Iterator[int]:
    """Yield the offset of each chunk of a PNG: four bytes of length, a type, data, a checksum."""
    offset = len(_PNG)
    while offset < len(data):
        yield offset
        offset += 12 + int.from_bytes(data[offset : offset + 4])


def _segments(data: bytes) -> Iterator[int]:
    """Yield the offset of each segment of a JPEG, up to its first scan."""
    offset = len(_JPEG)
    while data.startswith(_JPEG) and data.startswith(b"\xff", offset) and offset + 4 <= len(data):
        if data[offset : offset + 2] == _START_OF_SCAN:
            return
        yield offset
        # The marker byte 0xFF may be repeated as padding.
        filled = data[offset + 1] == 0xFF
        offset += 1 if filled else 2 + int.from_bytes(data[offset + 2 : offset + 4])
