"""Rows of files: every format, plain or compressed, and errors that name the fault."""

import csv
import gzip
import io
import json
import lzma
import random
import sys
from collections import deque

import pytest

from vitrine.errors import StackError
from vitrine.transfer.files import copies, encodings, json_rows
from vitrine.transfer.sources import ReadOptions, RowSource


def rows(path, format=None, **options):
    with RowSource(str(path), ReadOptions(format, **options)) as source:
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("export", "a;b\n1;2\n"),
        ("export.dat", "a\tb\n1\t2\n"),
        ("export.xls", "a\tb\n1\t2\n"),
        ("export.csv", '[{"a": "1", "b": "2"}]'),
        ("export.txt", '{"a": "1", "b": "2"}\n{"a": "3"}\n'),
        ("export", '{"products": [{"a": "1", "b": "2"}]}'),
        ("export.json", "<list><item><a>1</a><b>2</b></item></list>"),
    ],
)
def test_a_file_is_what_its_content_is(write, name, text):
    assert rows(write(name, text))[0][1] == {"a": "1", "b": "2"}


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_file_is_known_by_its_content(write, pack):
    assert rows(write("a.csv", pack(b"a,b\n1,2\n"))) == [(2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_compressed_files_are_decompressed(write, suffix, pack):
    assert rows(write("a.csv" + suffix, pack(b"a,b\n1,2\n"))) == [(2, {"a": "1", "b": "2"})]


def test_csv_keeps_texts_and_leaves_out_empty_cells(write):
    text = '\ufeffname,zip,note\r\nCrépin,0123,\r\n"two\nlines",,"say ""hi"""\r\n'
    assert rows(write("a.csv", text)) == [
        (2, {"name": "Crépin", "zip": "0123"}),
        (3, {"name": "two\nlines", "note": 'say "hi"'}),
    ]


def test_csv_with_unquoted_commas_is_put_together_again(write):
    text = "id,street,city\n1,Rue de l'Est, 5,Paris\n2,a,b,c\n"
    assert rows(write("a.csv", text)) == [
        (2, {"id": "1", "street": "Rue de l'Est, 5", "city": "Paris"}),
        (3, "Has 4 cells, but the header has 3."),
    ]


@pytest.mark.parametrize("row", ["A,Pot, 1,50", "A,Pot, 1.5,9", "A,Pot,x, 5", "A,Pot, $5,6"])
def test_cells_that_may_be_amounts_are_not_put_together(write, row):
    path = write("a.csv", f"sku,name,price\n{row}\n")
    assert rows(path) == [(2, "Has 4 cells, but the header has 3.")]


def test_stdin_is_read_like_a_file(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n'))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert rows("-", "jsonl") == [(1, {"a": 1})]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.json", b"[{]", "not json"),
        ("a.json", b"", "not json"),
        ("a.csv", b"a,b\n\0\1\2\3\4\5\0\0,1\n", "name its encoding"),
        ("a.csv", b'a,b\n"open,1\n', "not csv"),
        ("a.json.xz", b"not compressed", "decompressed"),
        ("a.json.gz", b"not compressed", "decompressed"),
        ("a.dat", b"x", "Say --format"),
        ("a", b"x", "Say --format"),
        ("a.csv", b"PK\x03\x04rest", "is a broken archive"),
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "is an old spreadsheet. Save it as XLSX or CSV"),
        ("a.xlsx", b"%PDF-1.7", "is a PDF"),
    ],
)
def test_the_reason_why_a_file_cannot_be_read_is_shown(write, name, content, error):
    with pytest.raises(StackError, match=error):
        rows(write(name, content))


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_a_damaged_compressed_file_is_refused_in_one_sentence(write, suffix, pack):
    content = pack(b"name,price\n" + b"".join(b"Tea %d,5\n" % n for n in range(5000)))
    for place in range(20, len(content) - 20, 97):
        damaged = content[:place] + b"\xff\xff\xff" + content[place + 3 :]
        with pytest.raises(StackError, match="cannot be decompressed: "):
            rows(write(f"a.csv.{suffix}", damaged))


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_a_file_that_is_huge_when_it_is_unpacked_is_refused(write, monkeypatch, suffix, pack):
    monkeypatch.setattr(copies, "MAX_BYTES", 2_000_000)
    monkeypatch.setattr(copies, "MAX_RATIO", 50)
    assert rows(write(f"a.csv.{suffix}", pack(b"name\n" + b"x" * 1_000_000)))
    large = random.Random(7).randbytes(1_250_000).hex().encode()
    assert rows(write(f"b.csv.{suffix}", pack(b"name\n" + large)))
    with pytest.raises(StackError, match=r"is larger than 2 MB when it is unpacked\. Unpack it"):
        rows(write(f"c.csv.{suffix}", pack(b"name\n" + b"x" * 3_000_000)))


def test_a_copy_has_the_limit_that_the_reader_says(write):
    text = "name\n" + f"{'Thé vert ' * 20}\n" * 6_000
    assert len(rows(write("a.csv", text), max_bytes=1_000_000)) == 6_000  # It needs no copy.
    packed = write("b.csv.gz", gzip.compress(text.encode()))
    with pytest.raises(StackError, match=r"b.csv.gz is larger than 1 MB when it is unpacked"):
        rows(packed, max_bytes=1_000_000)
    with pytest.raises(StackError, match=r"c.csv is larger than 1 MB in UTF-8\. Split it"):
        rows(write("c.csv", text.encode("utf-16")), max_bytes=1_000_000)
    assert len(rows(packed, max_bytes=2_000_000)) == 6_000


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StackError, match="No such file"):
        rows(tmp_path / "nope.json")


def test_a_large_array_is_read_row_by_row(write):
    path = write("a.json", json.dumps([{"a": "x" * 1000}] * 5000))
    with RowSource(str(path), None) as source:
        next(source.rows())
        assert source.position < source.size / 2


BLANKS = "\u00a0\u200b\u2060\ufeff \t"


def test_names_and_cells_are_trimmed_and_composed(write):
    text = f"{BLANKS}name{BLANKS},sku\n{BLANKS}Cafe\u0301{BLANKS},{BLANKS}'007{BLANKS}\n"
    assert rows(write("a.csv", text)) == [(2, {"name": "Café", "sku": "007"})]
    row = {f"{BLANKS}name": f"Cafe\u0301{BLANKS}", "tags": [f" a{BLANKS}"], "in": {"b ": " c"}}
    expected = {"name": "Café", "tags": ["a"], "in": {"b": "c"}}
    assert rows(write("a.json", json.dumps([row]))) == [(1, expected)]
    assert rows(write("a.jsonl", json.dumps(row))) == [(1, expected)]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'007", "007"),
        ("'=cmd()", "=cmd()"),
        ("'-5", "-5"),
        ("'s-Gravenhage", "'s-Gravenhage"),
        ("'68 Mustang", "'68 Mustang"),
        ("'2024-01-05", "2024-01-05"),
        ("'", ""),
    ],
)
def test_the_apostrophe_that_marks_a_text_is_dropped(write, cell, text):
    assert rows(write("a.csv", f"a,b\n{cell},x\n")) == [(2, {"a": text, "b": "x"})]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
def test_the_separator_is_detected(write, separator, ending):
    lines = ["sku,name,price", "1,Tea; green | loose,5", '2,"Cup, red",6', "3,Pot,7"]
    cells = [next(csv.reader([line])) for line in lines]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(cells)
    found = rows(write(f"a.{ending}", text.getvalue()))
    assert [row for _, row in found] == [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


@pytest.mark.parametrize(
    "text",
    [
        "name;price\nTasse;12,50\nKanne;3,00\n",
        "sep=;\nname;price\nTasse;12,50\nKanne;3,00\n",
        "name ; price\nTasse ; 12,50\nKanne ; 3,00\n",
        'name; "price"\nTasse; "12,50"\n"Kanne" ; 3,00\n',
        "name;price\nTasse;12,50;\nKanne;3,00;\n",
        "name;price;\nTasse;12,50;\n;;\n\nKanne;3,00;\n\n",
        "\n;;\nname;price\r\nTasse;12,50\r\nKanne;3,00\r\n",
        "name;price\rTasse;12,50\rKanne;3,00",
    ],
)
def test_files_of_spreadsheets_are_read(write, text):
    found = [row for _, row in rows(write("a.csv", text))]
    assert found == [{"name": "Tasse", "price": "12,50"}, {"name": "Kanne", "price": "3,00"}]


def test_rows_are_numbered_as_a_spreadsheet_does(write):
    text = 'name,note\nA,"two\nlines"\n\n,,\nB,x\n'
    assert [number for number, _ in rows(write("a.csv", text))] == [2, 5]


def test_a_separator_that_is_not_certain_is_asked_for(write):
    path = write("a.csv", "a,b;c\n1,5;x\n2,5;y\n")
    with pytest.raises(StackError, match=r"split at commas and semicolons. Say --separator"):
        rows(path)
    assert rows(path, separator=";")[0] == (2, {"a,b": "1,5", "c": "x"})
    assert rows(path, separator="comma")[0] == (2, {"a": "1", "b;c": "5;x"})


@pytest.mark.parametrize("separator", ["ab", '"', "x", ""])
def test_a_separator_that_is_none_is_refused(write, separator):
    with pytest.raises(StackError, match="write one character"):
        rows(write("a.csv", "a,b\n"), separator=separator or "\n")


def test_a_name_that_two_columns_have_is_refused(write):
    with pytest.raises(StackError, match=r"Columns 2 and 4 are both named 'price'. Rename"):
        rows(write("a.csv", "sku,price,x, price\n1,2,3,4\n"))


def test_more_columns_than_a_workbook_has_are_refused(write):
    """A row of many cells took a time that grew with the square of their number."""
    header = ",".join(f"c{number}" for number in range(20_000))
    with pytest.raises(StackError, match=r"20,000 columns, and at most 16,384 are read"):
        rows(write("a.csv", f"{header}\n1\n"))


def test_the_error_about_a_long_number_is_short(write):
    with pytest.raises(StackError, match="is not json") as caught:
        rows(write("a.json", '[{"sku": "a", "price": ' + "9" * 100_000 + "}]"))
    assert len(str(caught.value)) < 1000


def test_a_column_without_a_name_is_numbered(write):
    assert rows(write("a.csv", "a,,b\n1,2,3\n")) == [(2, {"a": "1", "column 2": "2", "b": "3"})]


def test_an_open_quote_is_found_among_padded_quotes_too(write):
    with pytest.raises(StackError, match="has no end"):
        rows(write("a.csv", 'a,b\n"x" , 1\n"open ,2\n3,4\n'))


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        ("name\nCrème brûlée\n", "cp1252", "Windows-1252"),
        ("name\nMen’s mug – “best”\n", "cp1252", "Windows-1252"),
        ("name\nŻółta łódź\nKsiążka dla dzieci\n", "cp1250", "Windows-1250"),
        ("имя\nКрасная чашка\nЧайник\n", "cp1251", "Windows-1251"),
        ("商品名\n赤いマグカップ\n", "cp932", "Shift JIS"),
        ("name\nCrème\n", "utf-16", "UTF-16"),
        ("name\nplain\n", "utf-16-le", "UTF-16"),
        ("name\nCrème\n", "utf-16-be", "UTF-16"),
        ("name\nCrème\n", "utf-32", "UTF-32"),
        ("name\nCrème 🍵\n", "utf-8-sig", "UTF-8"),
        ("name\nCrème 🍵\n", "utf-8", "UTF-8"),
    ],
)
def test_the_encoding_is_detected_and_told(write, text, encoding, label):
    name, *cells = text.split()[0], *text.strip().split("\n")[1:]
    path = write("a.csv", text.encode(encoding))
    with RowSource(str(path)) as source:
        assert source.label.startswith(label)
        assert [row for _, row in source.rows()] == [{name: cell} for cell in cells]


@pytest.mark.parametrize(
    ("text", "encoding", "readings"),
    [
        ("ad\nKırmızı çaydanlık\n", "cp1254", ("windows-1254 reads 'Kırmızı", "'Kýrmýzý")),
        ("név\nBőrönd\n", "cp1250", ("windows-1250 reads 'név Bőrönd'", "'név Bõrönd'")),
    ],
)
def test_a_doubtful_encoding_is_refused_with_its_readings(write, text, encoding, readings):
    path = write("a.csv", text.encode(encoding))
    with pytest.raises(StackError) as refused:
        rows(path)
    assert all(reading in str(refused.value) for reading in readings)
    assert rows(path, encoding=encoding)[0][1] in ({"ad": "Kırmızı çaydanlık"}, {"név": "Bőrönd"})


@pytest.mark.parametrize("encoding", ["nope", "hex", "rot13"])
def test_an_encoding_that_is_none_is_refused(write, encoding):
    with pytest.raises(StackError, match=f"--encoding {encoding}: not a text encoding"):
        rows(write("a.csv", "a\n1\n"), encoding=encoding)


def test_a_wrong_encoding_is_refused(write):
    with pytest.raises(StackError, match="Name the right one with --encoding"):
        rows(write("a.csv", "a\nCrème\n".encode("cp1252")), encoding="utf-8")


def test_characters_far_from_the_start_tell_the_encoding(write):
    text = "name,price\n" + f"{'plain ' * 50},1\n" * 10_000 + "Crème brûlée,2\n"
    with RowSource(str(write("a.csv", text.encode("cp1252")))) as source:
        last = deque(source.rows(), maxlen=1)[0]
    assert last == (10_002, {"name": "Crème brûlée", "price": "2"})


@pytest.mark.parametrize("content", ["A", "é" * 3, "名"])
def test_a_character_that_two_chunks_share_is_read(write, content, monkeypatch):
    monkeypatch.setattr(encodings, "CHUNK_BYTES", 4)
    text = f"name\nabc{content}\n{content}\n"
    assert rows(write("a.csv", text)) == [(2, {"name": f"abc{content}"}), (3, {"name": content})]


ROW = {"name": "A", "price": 5}


@pytest.mark.parametrize(
    "value",
    [
        ROW,
        [ROW],
        {"products": [ROW], "total": 1},
        {"@context": "x", "@graph": [ROW]},
        {"meta": {"page": 1}, "shop": [ROW]},
        {"things": [{"id": 1}], "items": [ROW]},
        {"title": "My feed", "items": [ROW]},
        {"name": "My shop", "products": [ROW]},
    ],
)
def test_json_of_many_forms_has_the_same_row(write, value):
    text = json.dumps(value, indent=1)
    for content in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        assert rows(write("a.json", content)) == [(1, ROW)]


@pytest.mark.parametrize(
    "value",
    [
        {"_links": {}, "_embedded": {"items": [ROW]}},
        {"data": {"products": {"edges": [{"node": ROW}], "totalCount": 1}}},
        {"data": {"products": {"items": [ROW], "totalItems": 1}}},
        {"object": "list", "data": [ROW], "has_more": False},
        {"limit": 20, "offset": 0, "count": 1, "total": 1, "results": [ROW]},
        {"count": 1, "page": 1, "products": [ROW]},
        {"code": "1", "product": ROW, "status": 1},
        {"hits": {"hits": [{"_id": "1", "_source": ROW}]}},
    ],
)
def test_answers_of_shops_have_the_same_row(write, value):
    for resource in ("products", ""):
        assert rows(write("a.json", json.dumps(value)), resource=resource) == [(1, ROW)]


def test_an_object_with_inner_lists_is_a_row(write):
    row = {"id": 1, "details": {"reviews": [{"stars": 5}]}}
    assert rows(write("a.json", json.dumps(row))) == [(1, row)]


def test_an_object_with_a_name_is_a_row_despite_its_lists(write):
    row = ROW | {"reviews": [{"stars": 5}], "items": [{"x": 1}]}
    assert rows(write("a.json", json.dumps(row))) == [(1, row)]


def test_an_object_with_several_lists_is_refused(write):
    with pytest.raises(StackError, match="has several lists: a, b"):
        rows(write("a.json", '{"a": [{"x": 1}], "b": [{"x": 1}]}'))


def test_json_lines_in_a_file_named_json_are_read(write):
    assert rows(write("a.json", '{"a": 1}\n{"a": 2}\n')) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize("text", ['[{"a": 1}]', '{"a": 1}\n', "a\n1\n"])
def test_the_format_of_stdin_is_seen_from_its_content(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ((_, row),) = rows("-")
    assert row in ({"a": 1}, {"a": "1"})


def test_a_file_may_be_read_several_times(write, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    for path in (write("a.csv.gz", gzip.compress(b"a,b\n1,2\n")), "-"):
        with RowSource(str(path), "csv") as source:
            assert list(source.rows()) == list(source.rows()) == [(2, {"a": "1", "b": "2"})]


def test_a_name_that_an_object_has_twice_is_refused(write):
    found = rows(write("a.json", '[{"a": 1, "b": {}, "a": 2}, {"b": {"c": 1, "c": 2}}, {"a": 1}]'))
    assert [row for _, row in found] == [
        "The key 'a' occurs twice in one object.",
        "The key 'c' occurs twice in one object.",
        {"a": 1},
    ]
    found = rows(write("a.jsonl", '{"a": 1}\n{"b": {"a": 1, "a": 2}}\n'))
    assert found == [(1, {"a": 1}), (2, "Not JSON: the key 'a' occurs twice in one object")]


def test_a_long_line_without_an_end_tells_the_encoding(write, monkeypatch):
    monkeypatch.setattr(encodings, "CHUNK_BYTES", 100)
    text = "name\n" + "plain " * 500 + "Crème brûlée " * 20
    assert rows(write("a.csv", text.encode("cp1252"))) == [(2, {"name": text[5:].strip()})]


BOTH = {"products": [{"name": "Mug"}], "categories": [{"name": "Cups"}]}


def test_the_list_of_what_is_imported_is_read(write):
    path = write("a.json", json.dumps(BOTH))
    assert rows(path, resource="categories") == [(1, {"name": "Cups"})]
    assert rows(path, resource="products") == [(1, {"name": "Mug"})]
    with pytest.raises(StackError, match="has several lists: products, categories"):
        rows(path)
    with pytest.raises(StackError, match="has products, categories, but no clients"):
        rows(path, resource="clients")


def test_a_product_with_its_own_lists_is_a_row(write):
    row = {"name": "Set", "sku": "S", "items": [{"sku": "A"}]}
    assert rows(write("a.json", json.dumps(row)), resource="products") == [(1, row)]


@pytest.mark.parametrize("repeats", [1, 2_000])
def test_a_broken_byte_in_utf8_is_named_with_its_line(write, repeats):
    content = f"name\nCafé\n{'Crème brûlée ' * 20}\n".encode() * repeats
    content += "Thé\n".encode("cp1252")
    with pytest.raises(StackError, match=rf"the byte 0xe9 in line {3 * repeats + 1}. Correct"):
        rows(write("a.csv", content))
    assert rows(write("a.csv", content), encoding="windows-1252")


def test_a_quote_after_a_comma_inside_of_quotes_is_a_text(write):
    text = 'name,note\nA,"said, ""hi"""\nB,"x"\n'
    assert rows(write("a.csv", text))[0] == (2, {"name": "A", "note": 'said, "hi"'})


@pytest.mark.parametrize(
    "text",
    [
        'name,note\nA,"said, ""hi"""\n"Tea,x\n"Cup",y\nB,z\n',
        'name, note\n"A" , "x"\n"Tea, x\n"Cup" , y\nB,z\n',
    ],
)
def test_a_lost_quote_never_joins_two_rows(write, text):
    with pytest.raises(StackError, match=r"is not csv: .* line [34]; a quote may be lost"):
        rows(write("a.csv", text))


NESTED = "[" * 900 + "]" * 900


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"\\ud800"', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ("1e999", "number is too large"),
        (NESTED, "nested too deep"),
    ],
)
def test_what_cannot_be_sent_fails_in_its_row(write, value, reason):
    (_, first), second = rows(write("a.jsonl", f'{{"sku": {value}}}\n{{"sku": "B"}}'))
    assert reason in first
    assert second == (2, {"sku": "B"})


def test_what_cannot_be_sent_fails_in_its_row_of_an_array_too(write):
    for value, reason in ((NESTED, "nested too deep"), ("1e999", "number is too large")):
        assert reason in rows(write("a.json", f'[{{"sku": {value}}}]'))[0][1]


@pytest.mark.parametrize(
    ("value", "half"),
    [
        ('"\\ud800"', "ud800"),
        ('"\\ud800\\ud800"', "ud800"),
        ('"\\udc00\\ud800"', "udc00"),
        ('"x\\\\\\uD83D"', "uD83D"),
        ('{"\\udfff": 1}', "udfff"),
    ],
)
def test_half_a_character_refuses_an_array(write, value, half):
    """The parser reads it as a question mark."""
    with pytest.raises(StackError, match=rf"half a character in line 2: \\{half}\. Correct"):
        rows(write("a.json", f'[{{"sku": "A"}},\n{{"sku": {value}}}]'))


def test_whole_characters_are_no_halves_wherever_a_chunk_ends(write, monkeypatch):
    text = '[{"sku": "\\ud83d\\ude00\\\\ud800 \\"\\\\"}]'
    expected = [(1, {"sku": '\U0001f600\\ud800 "\\'})]
    for size in range(1, 40):
        monkeypatch.setattr(json_rows, "_CHUNK", size)
        assert rows(write("a.json", text)) == expected


@pytest.mark.parametrize("text", ['"Unauthorized"', "null", "17", " true"])
def test_a_single_value_is_no_file_without_rows(write, text):
    with pytest.raises(StackError, match=r"a\.json has no rows: it is one value"):
        rows(write("a.json", text))


TITLES = ("Price list", '"Preisliste, Stand 1.1.;"', 'Our shop\n"Spring, all in EUR"', "\n\n")


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("blanks", ["", "\n", "{0}{0}\n"])
def test_a_header_below_a_title_is_found_as_in_a_sheet(write, title, sign, blanks):
    blank = blanks.format(sign)
    table = [["Title", "SKU", "Price"], ["Tea", "T-1", "5"], ["Cup", "C-1", "7.5"]]
    text = f"{title}\n{blank}" + "".join(sign.join(row) + "\n" for row in table)
    above = text.partition("Title")[0].count("\n")
    first, second = rows(write("a.csv", text))
    assert first == (above + 2, {"Title": "Tea", "SKU": "T-1", "Price": "5"})
    assert second[0] == above + 3


def test_a_title_with_a_cell_for_each_column_is_no_header_and_the_label_says_so(write):
    text = "Preisliste;;;\n;;;\nName;Preis;Bestand;Farbe\nTee;5;7;rot\n"
    path = write("a.csv", text)
    assert rows(path) == [(4, {"Name": "Tee", "Preis": "5", "Bestand": "7", "Farbe": "rot"})]
    with RowSource(str(path)) as source:
        assert source.label == "UTF-8, separated by semicolons, header in row 3"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("name\nTea, green\nTea, black\n", {"name": "Tea, green"}),
        ("thing\nTea, green\nTea, black\n", {"thing": "Tea, green"}),
        ("name;note\nTea;green,sweet\nCup;white,large\n", {"name": "Tea", "note": "green,sweet"}),
        ("name,2024,2025,2026\nA,x,y,z\n", {"name": "A", "2024": "x", "2025": "y", "2026": "z"}),
        ("a,,,\nx,y,z,5\n", {"a": "x", "column 2": "y", "column 3": "z", "column 4": "5"}),
        ("name,text\nTea,a\n", {"name": "Tea", "text": "a"}),
    ],
)
def test_a_row_of_data_is_no_header(write, text, first):
    assert rows(write("a.csv", text))[0] == (2, first)


def test_a_row_with_far_more_cells_than_the_header_is_refused_and_no_header(write):
    found = rows(write("a.csv", "name,text\nTea,a,b,c,d\nCup,a,b,c,d\n"))
    assert found == [(number, "Has 5 cells, but the header has 2.") for number in (2, 3)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[\n  {"a": 1},\n  {"a": 2,}\n]', "line 3, column 11"),
        ('[{"a": 1} {"a": 2}]', "line 1, column 11"),
        ('[{"a": 1},\n{"a": ', "line 2, column 7"),
        ('{"items": [{"a": tru}]}', "line 1, column 18"),
        ("[{]", "line 1, column 3"),
        ("", "it is empty"),
    ],
)
def test_a_fault_in_json_is_told_with_its_place(write, text, place):
    with pytest.raises(StackError, match=rf"a\.json is not json: .*{place}"):
        rows(write("a.json", text))


def test_a_fault_in_a_large_json_file_is_told_with_the_entry_before_it(write, monkeypatch):
    monkeypatch.setattr(json_rows, "MAX_PLACED", 10)
    text = "[" + '{"a": 1},' * 40_000 + '{"a": x}]'
    with pytest.raises(StackError, match=r"is not json: .*, after object 40,000\."):
        rows(write("a.json", text))
