"""Files that are broken or hostile: one sentence about each, and no other exception."""

import gzip
import io
import json
import lzma
import random
import zipfile

import openpyxl
import pytest

from vitrine.errors import StackError
from vitrine.transfer.sources import ReadOptions, RowSource

RUNS = 60


def read(path):
    """Read a file to its end."""
    with RowSource(str(path), ReadOptions(resource="products")) as source:
        for _ in source.rows():
            pass


def workbook():
    book = openpyxl.Workbook()
    book.active.append(["name", "price", "since"])
    book.active.append(["Tea", 12.5, "=1+1"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


LINKED = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "ProductGroup", "name": "Tea", "hasVariant": [{"@id": "#1"}]},
        {"@id": "#1", "@type": "Product", "sku": "T", "offers": {"price": 5, "sku": "T"}},
    ],
}
FILES = {
    "a.xlsx": workbook(),
    "a.xml": b'<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel><item>'
    b"<g:id>1</g:id><title>Tea</title></item></channel></rss>",
    "a.json": json.dumps(LINKED).encode(),
    "a.html": b'<html><script type="application/ld+json">%s</script>' % json.dumps(LINKED).encode(),
    "b.json": b'{"data": {"products": {"edges": [{"node": {"name": "Tea", "price": 5}}]}}}',
    "a.csv": b"name;price\nTea;5\n",
    "b.csv": 'name\tprice\r\n"Té"\t"5,00"\r\n'.encode("utf-16"),
    "a.jsonl": b'{"name": "Tea", "price": 5}\n{"name": "Cup", "tags": ["a", {"b": 1e5}]}\n',
    "a.csv.gz": gzip.compress(b"name;price\nTea;5\n" * 50, mtime=0),
    "a.csv.xz": lzma.compress(b"name;price\nTea;5\n" * 50),
}


@pytest.mark.parametrize(
    "text",
    ["[" * 3000 + "]" * 3000, '{"items": ' + '[{"a":' * 1500 + "1" + "}]" * 1500 + "}"],
    ids=["a list", "a member"],
)
def test_json_of_many_levels_is_refused_before_it_takes_the_memory(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(StackError, match="nested too deep: more than 1,000 levels"):
        read(path)


def damaged(content, chance):
    """Return bytes of which a few are changed, removed or added."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(content) or 1)
        length = chance.choice((0, 1, 1, 4))
        content[place : place + length] = chance.randbytes(chance.choice((0, 1, 3)))
    return bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_wrong_bytes_is_read_or_refused(tmp_path, name):
    path, chance, refusals = tmp_path / name, random.Random(7), []
    for _ in range(RUNS):
        path.write_bytes(damaged(FILES[name], chance))
        try:
            read(path)
        except StackError as error:
            refusals.append(str(error))
    assert refusals
    assert not [text for text in refusals if "\n" in text]


def test_a_workbook_with_wrong_bytes_in_a_part_is_read_or_refused(tmp_path):
    path, chance, refusals = tmp_path / "a.xlsx", random.Random(7), []
    with zipfile.ZipFile(io.BytesIO(FILES["a.xlsx"])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in [*parts] * (2 * RUNS // len(parts)):
        with zipfile.ZipFile(path, "w") as archive:
            for other, content in parts.items():
                archive.writestr(other, damaged(content, chance) if other == name else content)
        try:
            read(path)
        except StackError as error:
            refusals.append(str(error))
    assert refusals
    assert not [text for text in refusals if "\n" in text]


@pytest.mark.parametrize("folder", ["hostile_images", "images", "strings", "catalog", "orders"])
def test_a_file_of_another_kind_is_read_or_refused_in_one_sentence(data_folder, folder):
    refusals = {}
    for path in sorted((data_folder / folder).glob("*.*")):
        try:
            read(path)
        except StackError as error:
            refusals[str(path)] = str(error)
    assert refusals
    assert not [path for path, text in refusals.items() if "\n" in text or path not in text]


def test_a_picture_and_an_archive_are_named(data_folder):
    with pytest.raises(StackError, match=r"is a picture\. Export a table of products"):
        read(data_folder / "images" / "sharp__Portrait_1.jpg")
    with pytest.raises(StackError, match=r"is an archive\. Unpack it"):
        read(data_folder / "orders" / "northwind.tar.xz")
