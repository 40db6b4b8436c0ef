"""What a picture's bytes are made of, counted before a decoder goes through them.

Decoders take as long as a file tells them to: a small one may hold a thousand scans of the same
picture, or a million empty chunks.
"""

from collections.abc import Iterator

MAX_PARTS = 10_000  # chunks of a PNG, segments of a JPEG; cameras and editors write hundreds
MAX_SCANS = 50  # passes over a progressive JPEG; encoders make 10 or so

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_START_OF_SCAN = b"\xff\xda"


def excess(data: bytes) -> str:
    """Return what a picture has too much of, or nothing."""
    parts = _chunks(data) if data.startswith(_PNG) else _segments(data)
    if sum(1 for _ in zip(parts, range(MAX_PARTS + 1), strict=False)) > MAX_PARTS:
        return f"more than {MAX_PARTS:,} parts"
    # Within a scan this pair of bytes does not occur (ITU-T T.81, B.1.1.5).
    if data.startswith(_JPEG) and data.count(_START_OF_SCAN) > MAX_SCANS:
        return f"more than {MAX_SCANS} scans"
    return ""


def _chunks(data: bytes) -> Iterator[int]:
    """Yield where each chunk of a PNG begins: four bytes of length, a type, data and a sum."""
    at = len(_PNG)
    while at < len(data):
        yield at
        at += 12 + int.from_bytes(data[at : at + 4])


def _segments(data: bytes) -> Iterator[int]:
    """Yield where each segment of a JPEG begins, up to its first scan."""
    at = len(_JPEG)
    while data.startswith(_JPEG) and data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        if data[at : at + 2] == _START_OF_SCAN:
            return
        yield at
        # The byte that says "marker" may be repeated to fill up.
        filled = data[at + 1] == 0xFF
        at += 1 if filled else 2 + int.from_bytes(data[at + 2 : at + 4])
