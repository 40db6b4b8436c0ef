"""PNG files: the chunks that a decoder needs, and the rows that their pixels must fill.

A PNG is a row of chunks: four bytes of length, four letters, data, a checksum.  A chunk whose first
letter is a capital is critical; the others may be left out (PNG specification, 5.4).
"""

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE = 4_000_000  # bytes of an unpacked colour profile; a larger one is left out

# Chunks that are not critical and change how a picture looks: one of each is kept.
_KEPT = (b"tRNS", b"iCCP", b"eXIf")
# Channels of each colour type, and the first column and row, and the steps, of each pass of an
# interlaced picture (PNG specification, 11.2.1 and 8.2).
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


def chunks(data: bytes) -> Iterator[int]:
    """Yield the offset of each chunk of a PNG, up to the one that ends it."""
    offset = len(SIGNATURE)
    while data.startswith(SIGNATURE) and offset < len(data):
        yield offset
        if data[offset + 4 : offset + 8] == b"IEND":
            return  # The bytes after it belong to no picture.
        offset += 12 + int.from_bytes(data[offset : offset + 4])


def without_metadata(data: bytes) -> bytes:
    """Return a PNG with only what changes its look; other files as they are.

    Comments of any size, and chunks with a wrong checksum that are not critical, are left out, so
    that a decoder neither unpacks nor refuses them.
    """
    if not data.startswith(SIGNATURE):
        return data
    parts, kinds = [SIGNATURE], set()
    for offset in chunks(data):
        chunk = data[offset : offset + 12 + int.from_bytes(data[offset : offset + 4])]
        kind = chunk[4:8]
        if kind[:1].islower():
            if kind not in _KEPT or kind in kinds or not _is_usable(kind, chunk):
                continue
            kinds.add(kind)
        parts.append(chunk)
    return b"".join(parts)


def _is_usable(kind: bytes, chunk: bytes) -> bool:
    """Return True if a chunk has the right checksum, and its colour profile can be unpacked."""
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        return False
    if kind != b"iCCP":
        return True
    # The name of the profile, a zero byte, the method of compression, the profile.
    packed = chunk[8:-4].partition(b"\0")[2]
    try:
        profile = zlib.decompressobj().decompress(packed[1:], MAX_PROFILE + 1)
    except zlib.error:
        return False
    return packed[:1] == b"\0" and len(profile) <= MAX_PROFILE


def lacks_rows(data: bytes) -> bool:
    """Return True if the pixels of a PNG end before its last row, which Pillow shows as black.

    It takes as long as decoding the picture.
    """
    if not data.startswith(SIGNATURE):
        return False
    missing = _size_of_pixels(data)
    stream = zlib.decompressobj()
    for offset in chunks(data):
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
