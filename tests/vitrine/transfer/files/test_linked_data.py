"""JSON-LD of schema.org in pages and in JSON files."""

import json

import pytest

from vitrine.errors import StackError
from vitrine.transfer.sources import RowSource

CONTEXT = "https://schema.org/"
TEA = {
    "@context": CONTEXT,
    "@type": "Product",
    "name": "Tea",
    "sku": "T-1",
    "brand": {"@type": "Brand", "name": "Leaf"},
    "image": [
        "https://shop.example/1.jpg",
        {"@type": "ImageObject", "url": "https://shop.example/2.jpg"},
    ],
    "weight": {"@type": "QuantitativeValue", "value": 0.25, "unitCode": "KGM"},
    "additionalProperty": [{"@type": "PropertyValue", "name": "Origin", "value": "Assam"}],
    "offers": {
        "@type": "Offer",
        "price": "5.00",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
        "priceSpecification": {"priceType": "https://schema.org/ListPrice", "price": 6},
    },
    "review": [{"@type": "Review", "reviewBody": "Good", "author": {"name": "A"}}],
}
ROW = {
    **{
        "name": "Tea",
        "sku": "T-1",
        "brand": "Leaf",
        "weight": "250",
        "attributes": {"Origin": "Assam"},
    },
    "image": ["https://shop.example/1.jpg", "https://shop.example/2.jpg"],
    **{"price": "5.00", "priceCurrency": "EUR", "availability": "InStock", "compare_at_price": 6},
}


@pytest.fixture
def rows(tmp_path):
    def read(content, name="page.html"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        with RowSource(str(path)) as source:
            return [row for _, row in source.rows()]

    return read


def page(*values):
    scripts = "".join(
        f'<script type="application/ld+json">\n{json.dumps(value)}\n</script>' for value in values
    )
    return f"<!DOCTYPE html><html><head><script>var a = '<b>';</script>{scripts}</head></html>"


def test_a_product_in_a_page(rows):
    assert rows(page({"@context": CONTEXT, "@type": "Organization", "name": "Shop"}, TEA)) == [ROW]


@pytest.mark.parametrize(
    "value",
    [
        TEA,
        [TEA],
        {"@context": CONTEXT, "@graph": [{"@type": "WebSite", "name": "Shop"}, TEA]},
        {"@context": CONTEXT, "@type": "WebPage", "mainEntity": TEA},
        {
            "@context": CONTEXT,
            "@type": "ItemList",
            "itemListElement": [{"@type": "ListItem", "position": 1, "item": TEA}],
        },
        {**TEA, "@type": ["Product", "http://schema.org/Car"]},
        {**TEA, "offers": [TEA["offers"]]},
        {"@context": CONTEXT, "@graph": [TEA, TEA]},
    ],
)
def test_products_of_many_forms(rows, value):
    assert rows(value, "data.json") == [ROW]
    assert rows(page(value)) == [ROW]


GROUP = {
    "@context": CONTEXT,
    "@type": "ProductGroup",
    "name": "Shirt",
    "productGroupID": "S",
    "brand": {"@type": "Brand", "name": "Loom"},
    "variesBy": ["https://schema.org/size", "https://schema.org/color"],
    "hasVariant": [
        {
            "@type": "Product",
            "sku": "S-1",
            "size": "M",
            "color": "Red",
            "name": "Shirt M red",
            "offers": {"@type": "Offer", "price": 20, "priceCurrency": "EUR"},
        },
        {
            "@type": "Product",
            "sku": "S-2",
            "size": "L",
            "color": "Red",
            "offers": {"@type": "Offer", "price": 22, "priceCurrency": "EUR"},
        },
    ],
}


def test_variants_of_a_group(rows):
    shared = {"name": "Shirt", "brand": "Loom", "priceCurrency": "EUR", "item_group_id": "S"}
    expected = [
        shared | {"sku": "S-1", "options": {"size": "M", "color": "Red"}, "price": 20},
        shared | {"sku": "S-2", "options": {"size": "L", "color": "Red"}, "price": 22},
    ]
    assert rows(GROUP, "data.json") == expected
    variants = [{"@id": f"#{each['sku']}", **each} for each in GROUP["hasVariant"]]
    group = {**GROUP, "hasVariant": [{"@id": each["@id"]} for each in variants]}
    assert rows({"@context": CONTEXT, "@graph": [group, *variants]}, "data.json") == expected


def test_offers_with_skus_are_variants(rows):
    offers = [{"@type": "Offer", "sku": sku, "price": 5, "name": sku} for sku in ("A", "B")]
    found = rows({**TEA, "offers": {"@type": "AggregateOffer", "lowPrice": 5, "offers": offers}})
    assert [(row["sku"], row["item_group_id"], row["options"]["Variant"]) for row in found] == [
        ("A", "Tea", "A"),
        ("B", "Tea", "B"),
    ]


def test_several_prices_are_refused(rows):
    aggregate = {"@type": "AggregateOffer", "lowPrice": 5, "highPrice": 9, "priceCurrency": "EUR"}
    (row,) = rows({**TEA, "offers": aggregate}, "data.json")
    assert row.startswith("'Tea' has several prices without a SKU of their own: 5, 9.")
    (row,) = rows({**TEA, "offers": {**aggregate, "highPrice": 5}}, "data.json")
    assert row["price"] == 5


def test_a_broken_script_is_named_with_its_line(rows):
    text = page(TEA).replace(
        "<head>", '<head>\n<script type="application/ld+json">{"a": }</script>'
    )
    first, second = rows(text)
    assert first.startswith("The JSON-LD in line 2 is not JSON:")
    assert second == ROW


@pytest.mark.parametrize(
    "text", ["<html><body>Log in</body></html>", page({"@context": CONTEXT, "@type": "Store"})]
)
def test_a_page_without_products_is_refused(rows, text):
    with pytest.raises(StackError, match=r"has no product of schema.org in JSON-LD. Export"):
        rows(text)


def test_hostile_depth_is_refused(rows):
    deep = '{"@context":"https://schema.org","a":' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(StackError, match=r"is not JSON|has no product"):
        rows(deep, "data.json")


@pytest.mark.parametrize(
    ("before", "after"),
    [("<!--", "-->"), ("//<![CDATA[", "//]]>"), ("/*<![CDATA[*/", "/*]]>*/")],
)
def test_a_script_that_is_hidden_from_old_browsers(rows, before, after):
    script = f"{before}\n{json.dumps(TEA)}\n{after}"
    assert rows(f'<html><script type="application/ld+json">{script}</script></html>') == [ROW]


def test_the_encoding_that_a_page_declares_counts(tmp_path):
    path = tmp_path / "page.html"
    text = page({**TEA, "name": "Crème"}).replace("<head>", '<head><meta charset="windows-1252">')
    path.write_bytes(text.replace("\\u00e8", "è").encode("cp1252"))
    with RowSource(str(path)) as source:
        assert next(source.rows())[1]["name"] == "Crème"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "NaN is not a number"),
        ("1e999", "a number is too large"),
        ('"\\ud800"', "is half a character"),
    ],
)
@pytest.mark.parametrize("name", ["page.html", "shop.json"])
def test_a_value_that_cannot_be_sent_fails_in_its_row(rows, name, value, reason):
    first, second = (
        '{"@type": "Product", "name": "Tea", "color": ',
        '{"@type": "Product", "name": "Cup"}',
    )
    text = f'{{"@context": "https://schema.org", "@graph": [{first}{value}}}, {second}]}}'
    if name == "page.html":
        text = f'<html><script type="application/ld+json">{text}</script>'
    found = rows(text, name)
    assert reason in found[0]
    assert found[1:] == [{"name": "Cup"}]


def test_a_product_that_is_nested_too_deep_is_an_error(rows):
    color = "[1," * 600 + "1" + "]" * 600
    text = f'{{"@context": "https://schema.org", "@type": "Product", "color": {color}}}'
    assert rows(text, "shop.json") == ["Is nested too deep."]
