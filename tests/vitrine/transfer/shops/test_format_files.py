"""The TOML files of formats: what is read, what is refused, and which format a file fits."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.shops.format_files import format_named, known_formats, read_format
from vitrine.transfer.shops.recognition import recognise

WHOLE = """
title = "A"
[recognise]
all = ["Ref", ["Price", "Cost"]]
[fields]
name = "Ref"
price = { columns = "Price" }
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="own"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return write_file


def test_a_format_in_a_file_of_ones_own(write):
    own = format_named(str(write(WHOLE)))
    assert (own.name, own.title) == ("own", "A")
    assert own.recognise.all == (("Ref",), ("Price", "Cost"))
    assert own.fields["price"].columns == ("Price",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title = ", "is not valid TOML"),
        ('title = "A"', "lacks recognise, fields"),
        (WHOLE + "prise = 1", "fields has no prise; it may have"),
        (WHOLE + 'stock = { columns = "A", unti = "g" }', "fields.stock has no unti"),
        (WHOLE + "stock = 3", "fields.stock.columns must be a text, or a list of texts"),
        (WHOLE + '[fold]\nkey = "A"\ngroup = "B"', r"\[fold\] has key and group"),
        (WHOLE + '[options]\npairs = ["A"]', "options.pairs must be a list of pairs"),
        (WHOLE + '[options.text]\npairs = ";"', "options.text must be a table with column"),
        (WHOLE + "[columns]\nprivate = 1", "columns.private must be a text"),
        (WHOLE.replace('["Ref", ["Price", "Cost"]]', "[]"), "recognise.all must be a list"),
        (WHOLE + "[photos]\ncolumns = 5", "photos.columns must be a text"),
        (WHOLE + 'sku = { columns = "A", find = { A = "a.*" } }', r"find must be .*\(\?P<value>"),
        (WHOLE + 'currency = { columns = "A", in_header = "(" }', "is not a regular expression"),
        (WHOLE + "[columns.aliases]\nPrice = 5", "columns.aliases"),
    ],
)
def test_a_format_with_a_fault_is_refused_by_its_key(write, text, reason):
    with pytest.raises(StackError, match=reason):
        read_format(write(text))


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(StackError, match=r"--format shopfy: write one of .*shopify"):
        format_named("shopfy")
    with pytest.raises(StackError, match=r"^((?!akeneo-models).)*$"):
        format_named("shopfy")
    with pytest.raises(StackError, match="cannot be read"):
        format_named("missing.toml")


def test_every_known_format_is_valid_and_says_where_its_files_come_from():
    for known in known_formats():
        assert known.title
        assert known.origin or known.refusal, known.name
        assert known.refusal or "name" in known.fields, known.name


def test_the_format_that_knows_more_columns_is_chosen(write):
    formats = [read_format(write(WHOLE)), read_format(write(WHOLE + 'sku = "Code"', "more"))]
    assert recognise(["Ref", "Price", "Code"], formats, "a.csv").format.name == "more"
    assert recognise(["Ref"], formats, "a.csv") is None


def test_a_file_that_fits_two_formats_equally_well_is_refused(write):
    formats = [read_format(write(WHOLE)), read_format(write(WHOLE, "other"))]
    with pytest.raises(StackError, match="Say --format own or --format other"):
        recognise(["Ref", "Price"], formats, "a.csv")
