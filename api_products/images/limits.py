"""Decoding limits: counts the parts of a picture before a decoder reads them, and its rows.

The time that a decoder needs depends on the file: a small file may hold a thousand scans of the
same picture, or a million empty chunks.
"""

import zlib
from collections.abc import Iterator

MAX_PARTS = 10_000  # chunks of a PNG, segments of a JPEG; cameras and editors write hundreds
MAX_SCANS = 50  # passes over a progressive JPEG; encoders make 10 or so

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_START_OF_SCAN = b"\xff\xda"
# Channels of each colour type of a PNG, and the first column and row, and the steps, of each pass
# of an interlaced one (PNG specification, 11.2.1 and 8.2).
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]
_PIECE = 1 << 20  # bytes to decompress at once


def excess(data: bytes) -> str:
    """Return the limit that a picture exceeds, such as "more than 50 scans", or ""."""
    parts = _chunks(data) if data.startswith(_PNG) else _segments(data)
    if sum(1 for _ in zip(parts, range(MAX_PARTS + 1), strict=False)) > MAX_PARTS:
        return f"more than {MAX_PARTS:,} parts"
    # This pair of bytes never occurs inside a scan (ITU-T T.81, B.1.1.5).
    if data.startswith(_JPEG) and data.count(_START_OF_SCAN) > MAX_SCANS:
        return f"more than {MAX_SCANS} scans"
    return ""


def lacks_rows(data: bytes) -> bool:
    """Return True if the pixels of a PNG end before its last row, which Pillow shows as black.

    It takes as long as decoding the picture.
    """
    if not data.startswith(_PNG):
        return False
    missing = _size_of_pixels(data)
    stream = zlib.decompressobj()
    for offset in _chunks(data):
        length = int.from_bytes(data[offset : offset + 4])
        if data[offset + 4 : offset + 8] != b"IDAT":
            continue
        packed = data[offset + 8 : offset + 8 + length]
        while packed and missing > 0 and not stream.eof:
            missing -= len(stream.decompress(packed, _PIECE))
            packed = stream.unconsumed_tail
    while missing > 0 and (rest := stream.decompress(b"", _PIECE)):
        missing -= len(rest)
    return missing > 0


def _size_of_pixels(data: bytes) -> int:
    """Return the number of bytes of all rows of a PNG, each with the byte that names its filter."""
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    depth, color, interlaced = data[24], data[25], data[28]
    bits = depth * _CHANNELS.get(color, 1)
    size = 0
    for column, row, right, down in _PASSES if interlaced else [(0, 0, 1, 1)]:
        columns = max(0, -(-(width - column) // right))
        rows = max(0, -(-(height - row) // down))
        size += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return size


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
