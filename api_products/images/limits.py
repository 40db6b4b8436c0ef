"""Decoding limits: counts the parts of a picture before a decoder reads them.

The time that a decoder needs depends on the file: a small file may hold a thousand scans of the
same picture, or a million empty chunks.
"""

import re
from collections.abc import Iterator
from itertools import islice

from api_products.images import png

MAX_PARTS = 10_000  # chunks of a PNG, segments of a JPEG; cameras and editors write hundreds
MAX_SCANS = 50  # passes over a progressive JPEG; encoders make 10 or so

_JPEG = b"\xff\xd8"
_SCAN, _END = 0xDA, 0xD9
# A marker that ends the data of a scan: neither a byte 0xFF of it, which a zero follows, nor a
# restart of the decoder, nor padding (ITU-T T.81, B.1.1).
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")


def excess(data: bytes) -> str:
    """Return the limit that a picture exceeds, such as "more than 50 scans", or ""."""
    for parts in (png.chunks(data), _pieces(data), _markers(data)):
        if sum(1 for _ in islice(parts, MAX_PARTS + 1)) > MAX_PARTS:
            return f"more than {MAX_PARTS:,} parts"
    if sum(marker == _SCAN for marker in _markers(data)) > MAX_SCANS:
        return f"more than {MAX_SCANS} scans"
    return ""


def lacks_end(data: bytes) -> bool:
    """Return True if a JPEG ends before its end marker; bytes after the marker do not matter."""
    return data.startswith(_JPEG) and _END not in _markers(data)


def _markers(data: bytes) -> Iterator[int]:
    """Yield the code of each marker of a JPEG up to its end, as a decoder finds them."""
    offset = len(_JPEG)
    while data.startswith(_JPEG) and (found := _MARKER.search(data, offset)):
        code = data[found.end() - 1]
        yield code
        if code == _END:
            return  # Cameras append previews and videos, which hold markers as well.
        offset = found.end() + int.from_bytes(data[found.end() : found.end() + 2])


def _pieces(data: bytes) -> Iterator[int]:
    """Yield the offset of each piece that Pillow reads by itself, up to the first scan.

    A piece is a segment, or a byte of padding between two segments.
    """
    offset = len(_JPEG)
    while data.startswith(_JPEG) and offset + 4 <= len(data):
        yield offset
        if data[offset] != 0xFF or data[offset + 1] == 0xFF:
            offset += 1
        elif data[offset + 1] == _SCAN:
            return
        else:
            offset += 2 + int.from_bytes(data[offset + 2 : offset + 4])
