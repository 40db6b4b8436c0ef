"""XML: feeds, exports, namespaces, encodings; hostile and broken files."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.sources import ReadOptions, RowSource


@pytest.fixture
def rows(tmp_path):
    """Return the rows of a text in a file."""

    def read(text, name="feed.xml", resource="products", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with RowSource(str(path), ReadOptions(resource=resource, **options)) as source:
            found = list(source.rows())
            assert list(source.rows()) == found
            return found

    return read


GOOGLE = 'xmlns:g="http://base.google.com/ns/1.0"'
RSS = f"""<?xml version="1.0"?>
<rss {GOOGLE} version="2.0"><channel><title>Shop</title><link>https://shop.example</link>
<item><title>A page</title><g:title>Tea &amp; cups</g:title><g:id> T-1 </g:id>
  <g:price>5.00 EUR</g:price><g:additional_image_link>https://shop.example/1.jpg</g:additional_image_link>
  <g:additional_image_link>https://shop.example/2.jpg</g:additional_image_link>
  <g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping><g:brand/></item>
</channel></rss>"""


def test_a_feed_of_google_merchant(rows):
    assert rows(RSS) == [
        (
            1,
            {
                "feed_title": "A page",
                "title": "Tea & cups",
                "id": "T-1",
                "price": "5.00 EUR",
                "additional_image_link": [
                    "https://shop.example/1.jpg",
                    "https://shop.example/2.jpg",
                ],
                "shipping": {"country": "DE", "price": "4 EUR"},
            },
        )
    ]


def test_a_feed_of_atom(rows):
    text = f"""<feed xmlns="http://www.w3.org/2005/Atom" {GOOGLE}><title>Shop</title>
    <entry><g:id>1</g:id><title>Tea</title><link href="https://shop.example/tea"/></entry>
    <entry><g:id>2</g:id><title>Cup</title></entry></feed>"""
    assert [row for _, row in rows(text)] == [
        {"id": "1", "title": "Tea", "link": {"href": "https://shop.example/tea"}},
        {"id": "2", "title": "Cup"},
    ]


def test_repeated_elements_with_attributes(rows):
    text = """<shop><things><thing id="1" sku="T"><price currency="EUR">5</price>
    <size unit="cm">3</size><size unit="in">1</size></thing>
    <thing id="2"><id>own</id><text>Fine <b>black</b> tea</text></thing></things></shop>"""
    assert [row for _, row in rows(text)] == [
        {
            **{"id": "1", "sku": "T", "price": "5", "price_currency": "EUR"},
            "size": [{"unit": "cm", "text": "3"}, {"unit": "in", "text": "1"}],
        },
        {"id_attribute": "2", "id": "own", "text": "Fine black tea"},
    ]


def test_products_win_over_other_lists(rows):
    text = """<shop><categories><category id="1" p="">Tea</category>
    <category id="2" p="">Cups</category></categories>
    <offers><offer id="9"><name>Tea</name></offer></offers></shop>"""
    assert rows(text) == [(1, {"id": "9", "name": "Tea"})]
    assert len(rows(text, resource="categories")) == 2


def test_an_item_within_a_product_is_a_part_of_it(rows):
    text = """<catalog><product sku="T"><name>Tea</name>
    <images><item url="https://shop.example/1.jpg" alt="Tea"/></images>
    <links><entry rel="a" href="b"/></links></product></catalog>"""
    ((number, row),) = rows(text)
    assert (number, row["sku"], row["name"]) == (1, "T", "Tea")
    assert row["images"] == {"item": {"url": "https://shop.example/1.jpg", "alt": "Tea"}}


def test_of_lists_in_one_depth_the_order_of_names_decides(rows):
    text = "<shop><product><n>a</n></product><item><n>b</n></item></shop>"
    assert rows(text) == [(1, {"n": "b"})]


def test_one_product_alone(rows):
    assert rows("<product><name>Tea</name></product>") == [(1, {"name": "Tea"})]
    assert rows('<list><product sku="T" name="Tea"/></list>') == [(1, {"sku": "T", "name": "Tea"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_declared_encoding_counts(rows, encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?><a><item><n>Crème</n></item></a>"
    assert rows(text.encode(encoding)) == [(1, {"n": "Crème"})]


def test_xml_is_known_by_its_content(rows):
    assert rows("\ufeff\n<a><item><n>x</n></item></a>", "feed.txt") == [(1, {"n": "x"})]
    assert rows("<a><item><n>x</n></item></a>", "feed") == [(1, {"n": "x"})]


BOMB = """<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<a><item><n>&c;</n></item></a>"""
FILE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a><item><n>&b;</n></item></a>'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (BOMB, "declares entities, which are not read"),
        (FILE, "declares entities, which are not read"),
        ('<!DOCTYPE a [<!ENTITY % p SYSTEM "http://x.example/">%p;]><a/>', "declares entities"),
        ("<a><item><n>x</n></item>", r"is not XML: .*Export it again"),
        ("<a><item><n>x</item></a>", r"is not XML: .*mismatched tag"),
        ("<a>" * 60 + "</a>" * 60, "nested too deep"),
        ("<a><b>x</b></a>", "no element such as item or product"),
        (
            "<a><x><p>1</p></x><x><p>1</p></x><y><p>1</p></y><y><p>1</p></y></a>",
            "several lists: a/x, a/y",
        ),
        ("<a>\0</a>", "not XML|encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(rows, text, error):
    with pytest.raises(StackError, match=error) as refused:
        rows(text)
    assert "\n" not in str(refused.value)


def test_a_feed_is_read_with_little_memory(rows, tmp_path):
    item = "<item><n>" + "x" * 1000 + "</n></item>"
    path = tmp_path / "large.xml"
    path.write_text("<a>" + item * 3000 + "</a>")
    with RowSource(str(path)) as source:
        next(source.rows())
        assert source.position < source.size / 2
