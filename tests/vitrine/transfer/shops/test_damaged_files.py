"""Files of shops with wrong bytes: read or refused, and no other exception."""

import random
from pathlib import Path

import pytest

from vitrine.errors import StackError

FOLDER = Path(__file__).parent / "files"
RUNS = 8
# What a cell may hold by mistake, or to do harm.
CELLS = (
    *(b"9" * 30, b"9" * 5000, b"NaN", b"1e999", b"Infinity", b"-", b"--1", b"1.", b"=1+1", b"null"),
    *(
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b'"',
        b";",
        b",",
        b"\t",
        b"\r",
        b"[1,",
        b'{"a":',
        b"<",
        b"&#0;",
    ),
)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_file_of_a_shop_with_wrong_cells_is_read_or_refused(read, tmp_path, name):
    content, chance, refusals = (FOLDER / name).read_bytes(), random.Random(name), []
    path = tmp_path / name
    for _ in range(RUNS):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.choice((0, 1, 3))] = chance.choice(CELLS)
        path.write_bytes(damaged)
        try:
            read(path)
        except StackError as error:
            refusals.append(str(error))
    assert not [text for text in refusals if "\n" in text]
