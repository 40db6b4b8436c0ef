"""Files of shops: what each has, and that an import reads the same again."""

import csv
import io
import json
from contextlib import ExitStack
from decimal import Decimal

import pytest

from api_products.resource import products as resource
from tests.vitrine.transfer.exports.shop import (
    CAP,
    CATEGORIES,
    DRAFT,
    LARGE,
    MEDIUM,
    POT,
    PRODUCTS,
)
from vitrine.errors import StackError
from vitrine.transfer.exports.item_store import ItemStore
from vitrine.transfer.exports.products import shop_formats
from vitrine.transfer.exports.references import CategoryPaths, PhotoAddresses
from vitrine.transfer.exports.shop_rows import WrittenRows
from vitrine.transfer.shops.preparation import ShopOptions, prepare
from vitrine.transfer.sources import RowSource

FIELDS = {
    "image_urls": {"type": "Photos", "required": False, "read_only": False, "aliases": ()}
} | resource.describe()
HIDDEN = "are hidden variants, but the shop shows them with the others of their product"


@pytest.fixture
def written(tmp_path):
    """Write products in a format; return the path, the rows and the notes."""

    def write(name, *items, base_url=""):
        path = tmp_path / f"{name}.csv"
        format = shop_formats()[name]
        with ItemStore(items) as store, path.open("w", newline="") as file:
            photos, categories = PhotoAddresses(base_url), CategoryPaths(CATEGORIES)
            address = f"{base_url}/products/{{slug}}" if base_url else ""
            rows = WrittenRows(format, store, categories, photos, address)
            sign = format.export.separator
            writer = csv.DictWriter(file, rows.columns(), delimiter=sign, restval="")
            writer.writeheader()
            writer.writerows(rows.rows())
        text = path.read_text()
        read = [
            {column: cell for column, cell in row.items() if cell}
            for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=sign)
        ]
        return path, read, rows.notes

    return write


def imported(path):
    """Return the products that an import makes of a file, by slug."""
    with ExitStack() as opened:
        source = opened.enter_context(RowSource(str(path), None))
        prepared = prepare(opened, source, FIELDS, ShopOptions())
        assert prepared.fit is not None
        items = [prepared.mapping.item(row, are_texts=True) for _, row in prepared.source.rows()]
    return {item["slug"]: {k: v for k, v in item.items() if v is not None} for item in items}


def expected(item, format):
    """Return a product as an import sends it."""
    left_out = {"id", "images"} | ({"status"} if format == "google" else set())
    sent = {name: value for name, value in item.items() if name not in left_out}
    for name in {"price", "compare_at_price", "weight"} & sent.keys():
        sent[name] = Decimal(str(sent[name]))
    names = CategoryPaths(CATEGORIES).names(item["category"]) if "category" in item else []
    sent |= {"category": " > ".join(names)} if names else {}
    sent["image_urls"] = [photo["url"] for photo in item.get("image_urls", ())]
    return {name: value for name, value in sent.items() if value not in ([], {})}


def test_formats_that_are_written_are_named_by_their_shop():
    assert set(shop_formats()) == {"shopify", "woocommerce", "google"}


@pytest.mark.parametrize("format", ["shopify", "woocommerce", "google"])
def test_an_import_reads_the_same_again(written, format):
    path, _, notes = written(format, *PRODUCTS)
    sold = [item for item in PRODUCTS if format != "google" or item["status"] == "active"]
    read = imported(path)
    assert read.keys() == {item["slug"] for item in sold}
    for item in sold:
        own = read[item["slug"]]
        for name in {"price", "compare_at_price", "weight"} & own.keys():
            own[name] = Decimal(str(own[name]))
        assert own == expected(item, format), item["slug"]
    counted = {"google": {"are not active and left out"}, "shopify": {HIDDEN}}
    assert set(notes) == counted.get(format, set())


def test_the_texts_of_photos_are_in_the_file_of_shopify(written):
    photos = [{"url": "https://old.example/pot.jpg", "alt": "A red pot"}]
    path, (row,), _ = written("shopify", POT | {"image_urls": photos})
    assert row["Image Alt Text"] == "A red pot"
    assert imported(path)[POT["slug"]]["image_urls"] == photos


def test_shopify_has_the_variants_of_a_product_below_each_other(written):
    _, rows, _ = written("shopify", *PRODUCTS)
    assert [row["Handle"] for row in rows] == ["red-pot", *["shirt"] * 3, "shirt--alone"]
    pot, medium, large, draft, cap = rows
    assert (
        pot
        | {
            "Title": "=Red pot",
            "Body (HTML)": POT["description"],
            "Vendor": "Acme",
            "Product Category": "Kitchen > Pots \\> Pans, Lids",
            "Tags": "gift, red\\, round",
            "Published": "TRUE",
            "Option1 Name": "Title",
            "Option1 Value": "Default Title",
            "Variant SKU": "007",
            "Variant Grams": "850",
            "Variant Inventory Tracker": "shopify",
            "Variant Inventory Qty": "0",
            "Variant Price": "12.50",
            "Variant Compare At Price": "15.00",
            "Variant Barcode": "4006381333931",
            "Image Src": "https://old.example/pot.jpg",
            "Status": "active",
            "Currency": "EUR",
        }
        == pot
    )
    assert (medium["Option1 Name"], medium["Option1 Value"]) == ("Size", "M")
    assert (medium["Option2 Name"], medium["Option2 Value"]) == ("Fit", "Slim")
    assert medium["Image Src"] == "https://old.example/1.jpg"
    assert "Variant Image" not in medium
    assert "Title" not in large
    assert large["Body (HTML)"] == "Cotton, large"
    assert large["Variant Image"] == "https://old.example/large.jpg"
    assert large["Variant Price"] == "22.10"
    assert (draft["Status"], draft["External ref"]) == ("draft", "old/1")
    assert (cap["Status"], cap["Title"]) == ("archived", "Cap")
    assert "Variant Inventory Tracker" not in draft


def test_woocommerce_has_a_row_for_a_product_with_variants(written):
    _, rows, _ = written("woocommerce", *PRODUCTS)
    assert [row["Type"] for row in rows] == ["simple", "variable", *["variation"] * 3, "simple"]
    pot, shirt, medium, *_, cap = rows
    assert (pot["Sale price"], pot["Regular price"]) == ("12.50", "15.00")
    assert (pot["In stock?"], pot["Stock"], pot["Weight (kg)"]) == ("0", "0", "0.85")
    assert pot["Categories"] == "Kitchen > Pots \\> Pans\\, Lids"
    assert (shirt["SKU"], shirt["ID"], shirt["Name"]) == ("shirt", "1", "Shirt")
    assert shirt["Attribute 1 value(s)"] == "M, L, S"
    assert shirt["Images"] == "https://old.example/1.jpg, https://old.example/2.jpg"
    assert (medium["Parent"], medium["Attribute 1 value(s)"]) == ("id:1", "M")
    assert (medium["Regular price"], medium["Published"]) == ("20.00", "1")
    assert "Images" not in medium
    assert "Name" not in medium
    assert (cap["Published"], cap["Status"]) == ("0", "archived")


def test_google_has_a_whole_row_for_each_variant(written):
    _, rows, _ = written("google", *PRODUCTS, base_url="https://shop.example")
    assert [row["id"] for row in rows] == ["red-pot", "shirt-m", "shirt-l"]
    pot, medium, _ = rows
    assert (pot["price"], pot["sale_price"]) == ("15.00 EUR", "12.50 EUR")
    assert pot["availability"] == "out_of_stock"
    assert (pot["product_weight"], pot["gtin"]) == ("850 g", "4006381333931")
    assert pot["link"] == "https://shop.example/products/red-pot"
    assert pot["image_link"] == "https://old.example/pot.jpg"
    assert pot["additional_image_link"] == "https://shop.example/media/ab/large.jpeg"
    assert (medium["item_group_id"], medium["Size"], medium["option Fit"]) == ("shirt", "M", "Slim")
    assert medium["availability"] == "in_stock"


@pytest.mark.parametrize("format", ["shopify", "woocommerce", "google"])
@pytest.mark.parametrize(
    "text",
    [
        "a, b",
        "a > b",
        "tab\there",
        "two\nlines",
        'a "quote"',
        "日本 ☕",
        "=1+1",
        "'7",
        "007",
        "1,5",
        "x;y",
    ],
)
def test_any_text_comes_back(written, format, text):
    items = [
        POT | {"tags": [text.replace("\t", " ").replace("\n", " ")], "description": text},
        MEDIUM | {"attributes": {"note": text}},
        LARGE
        | {"attributes": {"only": [text]}}
        | {"options": {"Size": text.replace("\t", " ").replace("\n", " "), "Fit": "Wide"}},
    ]
    path, _, _ = written(format, *items)
    read = imported(path)
    for item in items:
        wanted = expected(item, format)
        for name in ("tags", "description", "attributes", "options", "group"):
            assert read[item["slug"]].get(name) == wanted.get(name), name


def test_values_that_the_rows_of_a_shop_cannot_hold_are_counted(written):
    bare = {
        "id": 9,
        "slug": "bare",
        "group": "shirt",
        "options": {"Size": "XL"},
        "status": "active",
    }
    bare |= {"name": "Shirt", "price": 20}
    lonely = CAP | {"slug": "lonely", "group": "lonely"}
    _, _, notes = written("shopify", MEDIUM, bare, lonely)
    assert notes["have a group without options, and are written as products of their own"] == 1
    assert notes["have no photos, where an import reads those of the product"] == 1
    assert notes["have no Body (HTML), where an import reads that of the product"] == 1


def test_a_product_that_costs_nothing_instead_of_something_is_counted(written):
    free = POT | {"price": 0}
    for format in ("google", "woocommerce"):
        _, _, notes = written(format, free)
        assert notes["cost nothing, where an import reads the price to compare with"] == 1
    _, _, notes = written("shopify", free)
    assert not notes


def test_a_field_that_a_program_asks_for_is_counted_where_it_is_missing(written):
    bare = {name: value for name, value in POT.items() if name not in ("price", "description")}
    bare |= {"compare_at_price": None}
    counted = {"google": ["description", "price"], "shopify": ["price"], "woocommerce": []}
    for format, names in counted.items():
        _, _, notes = written(format, bare)
        title = shop_formats()[format].title
        assert dict(notes) == {f"have no {name}, which {title} asks for": 1 for name in names}


def test_a_hidden_variant_of_a_product_that_is_shown_stays_hidden_or_is_counted(written):
    _, rows, notes = written("woocommerce", DRAFT, MEDIUM)
    published = {row["Slug"]: row["Published"] for row in rows if "Slug" in row}
    assert published == {"shirt-m": "1", "shirt-s": "0"}
    _, rows, _ = written("woocommerce", DRAFT)
    assert [row["Published"] for row in rows] == ["-1", "-1"]
    _, _, notes = written("shopify", DRAFT, MEDIUM)
    assert notes == {HIDDEN: 1}


def test_the_header_of_shopify_has_each_column_in_one_spelling(written):
    path, _, _ = written("shopify", POT, MEDIUM)
    header = path.read_text().splitlines()[0].split(",")
    assert "Image Src" in header
    assert "Variant Image" in header
    assert not [name for name in header if name.endswith("image URL")]


def test_uploaded_photos_without_an_address_are_counted():
    photos = PhotoAddresses("")
    assert photos.of(POT) == ["https://old.example/pot.jpg"]
    assert photos.without == 1


def test_a_draft_does_not_make_its_variants_drafts(written):
    path, _, _ = written("shopify", DRAFT, MEDIUM)
    read = imported(path)
    assert {slug: item["status"] for slug, item in read.items()} == {
        "shirt-s": "draft",
        "shirt-m": "active",
    }
    assert json.dumps(read)


@pytest.mark.parametrize("value", [{"price": "cheap"}, {"status": "gone"}, {"options": ["S"]}])
def test_a_value_of_a_hand_edit_is_named(written, value):
    with pytest.raises(StackError, match="A value of shirt-m cannot be exported"):
        written("shopify", MEDIUM | value)
