"""Rows of files: every format, plain or compressed, and errors that name the fault."""

import gzip
import io
import json
import lzma
import sys

import pytest

from vitrine.errors import StackError
from vitrine.transfer.sources import RowSource


def rows(path, format=None):
    with RowSource(str(path), format) as source:
        return list(source.rows())


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_json_lines_need_no_newline_at_the_end(write):
    path = write("a.jsonl", '{"a": 1}\n\n{"a": 2}')
    assert rows(path) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_bad_line_is_a_bad_row_not_the_end(write):
    found = rows(write("a.ndjson", '{"a": 1}\n{\n[]\n{"a": 2}\n'))
    assert [number for number, row in found if isinstance(row, dict)] == [1, 4]
    assert found[1][1].startswith("Not JSON")


@pytest.mark.parametrize(
    "text", ['[{"a": 1}, {"a": 2.5}]', '{"total": 2, "items": [{"a": 1}, {"a": 2.5}]}']
)
def test_a_json_array_is_read_bare_or_as_items(write, text):
    assert rows(write("a.json", " \n" + text)) == [(1, {"a": 1}), (2, {"a": 2.5})]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_compressed_files_are_decompressed(write, suffix, pack):
    assert rows(write("a.csv" + suffix, pack(b"a,b\n1,2\n"))) == [(1, {"a": "1", "b": "2"})]


def test_csv_keeps_texts_and_leaves_out_empty_cells(write):
    text = '\ufeffname,zip,note\r\nCrépin,0123,\r\n"two\nlines",,"say ""hi"""\r\n'
    assert rows(write("a.csv", text)) == [
        (1, {"name": "Crépin", "zip": "0123"}),
        (2, {"name": "two\nlines", "note": 'say "hi"'}),
    ]


def test_csv_with_unquoted_commas_is_put_together_again(write):
    text = "id,street,city\n1,Rue de l'Est, 5,Paris\n2,a,b,c\n"
    assert rows(write("a.csv", text)) == [
        (1, {"id": "1", "street": "Rue de l'Est, 5", "city": "Paris"}),
        (2, "Has 4 cells, but the header has 3."),
    ]


def test_stdin_is_read_like_a_file(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n'))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert rows("-", "jsonl") == [(1, {"a": 1})]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.json", b"[{]", "not json"),
        ("a.json", b"", "not json"),
        ("a.csv", b"a,b\n\xff,1\n", "not UTF-8"),
        ("a.csv", b'a,b\n"open,1\n', "not csv"),
        ("a.json.xz", b"not compressed", "decompressed"),
        ("a.json.gz", b"not compressed", "decompressed"),
        ("a.txt", b"x", "Say --format"),
    ],
)
def test_the_reason_why_a_file_cannot_be_read_is_shown(write, name, content, error):
    with pytest.raises(StackError, match=error):
        rows(write(name, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StackError, match="No such file"):
        rows(tmp_path / "nope.json")


def test_a_large_array_is_read_row_by_row(write):
    path = write("a.json", json.dumps([{"a": "x" * 1000}] * 5000))
    with RowSource(str(path), None) as source:
        next(source.rows())
        assert source.position < source.size / 2
