"""Files of shops without pages of their own, by small samples in the form of each."""

import json

import pytest

from vitrine.errors import StackError

MEDUSA = """\
Product Id;Product Handle;Product Title;Product Status;Product Category 1;Product Type;\
Product Thumbnail;Variant SKU;Variant Price EUR;Variant Price USD;Variant Inventory Quantity;\
Variant Manage Inventory;Variant Option 1 Name;Variant Option 1 Value;Product Image 1 Url
p1;mug;Mug;published;pcat_01;Cups;https://shop.example/1.jpg;M-S;10;12;4;true;Size;S;\
https://shop.example/2.jpg
p1;mug;Mug;published;pcat_01;Cups;https://shop.example/1.jpg;M-L;;14;5;false;Size;L;
"""


def test_medusa(read):
    file = read(MEDUSA)
    small, large = file.products
    assert file.kind == "medusa-csv"
    assert (small["price"], small["currency"]) == ("10", "EUR")
    assert (large["price"], large["currency"]) == ("14", "USD")
    assert (small["category"], small["options"]) == ("Cups", {"Size": "S"})
    assert (small["stock"], large.get("stock")) == (4, None)
    assert len(small["image_urls"]) == 2
    assert small["attributes"] == {"Price USD": 12}


def test_one_of_several_currencies_is_chosen(read):
    small, large = read(MEDUSA, currency="USD").products
    assert [(one["price"], one["currency"]) for one in (small, large)] == [
        *(("12", "USD"), ("14", "USD"))
    ]
    assert small["attributes"] == {"Price EUR": 10}


def test_a_currency_that_no_price_has_is_refused_with_those_there_are(read):
    with pytest.raises(StackError, match="The prices are in EUR, USD, and none is in GBP"):
        read(MEDUSA, currency="GBP")


def test_akeneo(read):
    head = "sku;categories;enabled;family;groups;name-de_DE;name-en_US;price-EUR;weight;"
    head += "weight-unit;UPSELL-products;color\n"
    file = read(head + "M;kitchen,cups;0;mugs;;Becher;Mug;9.50;2;KILOGRAM;A,B;blue\n")
    (mug,) = file.products
    assert file.kind == "akeneo-csv"
    assert (mug["name"], mug["price"], mug["currency"]) == ("Mug", "9.50", "EUR")
    assert (mug["category"], mug["status"], mug["weight"]) == ("kitchen\ncups", "draft", "2000")
    assert mug["attributes"]["color"] == "blue"
    assert "UPSELL-products" not in mug["attributes"]


@pytest.mark.parametrize(
    ("prices", "price", "currency"),
    [
        ("EUR 3000;EUR 1900 b2b", "30.00", "EUR"),
        ("EUR 1900 b2b;DE-EUR 2400;EUR 3000", "30.00", "EUR"),
        ("EUR 2000#store;DE-EUR 2400;US-USD 2600", "24.00", "EUR"),
        ("JPY 500", "500", "JPY"),
        ("EUR 1900 b2b", None, None),
    ],
)
def test_the_prices_of_commercetools(read, prices, price, currency):
    head = "productType,variantId,sku,prices,name.de,name.en,slug.en,categories,color\n"
    rows = f"main,1,A,{prices},Becher,Mug,mug,Cups>Big;Gifts,blue\n,2,B,EUR 900,,,,,red\n"
    file = read(head + rows)
    first, second = file.products
    assert file.kind == "commercetools-csv"
    assert (first.get("price"), first.get("currency")) == (price, currency)
    assert (first["name"], first["category"]) == ("Mug", "Cups > Big\nGifts")
    assert (second["name"], second["options"]) == ("Mug", {"color": "red"})
    assert second["price"] == "9.00"


def test_the_prices_of_stripe(read):
    head = "Price ID,Product ID,Product Name,Created (UTC),Amount,Currency,Interval,"
    head += "Interval Count,plan (metadata)\n"
    rows = "a,p,Box,2026,9.00,eur,month,1,basic\nb,p,Box,2026,90.00,eur,year,1,basic\n"
    file = read(head + rows + "c,q,Mug,2026,12.00,usd,,,\n")
    month, year, mug = file.products
    assert file.kind == "stripe-csv"
    assert (month["price"], month["currency"].upper(), month["group"]) == ("9.00", "EUR", "p")
    assert (month["options"]["Interval"], year["options"]["Interval"]) == ("month", "year")
    assert month["attributes"] == {"plan": "basic"}
    assert (mug["external_ref"], mug["group"]) == ("c", "q")


def test_languages_of_vendure(read):
    head = "name:de,name:en,slug:en,description:en,sku,price,stockOnHand,optionGroups:en,"
    head += "optionValues:en,facets:en\n"
    file = read(head + "Becher,Mug,mug,Warm,A,10,3,size,S,color:blue\n,,,,B,11,4,,L,\n")
    small, large = file.products
    assert file.kind == "vendure"
    assert (small["name"], small["description"]) == ("Mug", "Warm")
    assert (large["options"], large["group"]) == ({"size": "L"}, "mug")
    assert small["attributes"]["color"] == "blue"


def test_the_answer_of_squarespace(read, tmp_path):
    def variant(id, size, is_on_sale):
        return {
            **{"id": id, "sku": id, "attributes": {"Size": size}},
            "pricing": {
                "basePrice": {"currency": "USD", "value": "12.00"},
                "salePrice": {"currency": "USD", "value": "9.00"},
                "onSale": is_on_sale,
            },
            "stock": {"quantity": 4, "unlimited": not is_on_sale},
        }

    mug = {
        **{"id": "p", "name": "Mug", "storePageId": "s", "urlSlug": "mug", "isVisible": True},
        "images": [{"id": "i", "url": "https://shop.example/1.jpg"}],
        "variants": [variant("a", "S", True), variant("b", "L", False)],
    }
    path = tmp_path / "products.json"
    path.write_text(json.dumps({"products": [mug]}))
    file = read(path)
    small, large = file.products
    assert file.kind == "squarespace-json"
    assert (small["price"], small["compare_at_price"], small["stock"]) == ("9.00", "12.00", 4)
    assert (large["price"], large.get("compare_at_price")) == ("12.00", None)
    assert large.get("stock") is None
    assert (small["currency"], small["options"], small["group"]) == ("USD", {"Size": "S"}, "p")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("Handle,Title,Option1 Name,Option1 Value,SKU,Location,Available", "Products > Export"),
        ("code;family_variant;categories;name-en_US", "the file of the products instead"),
        ("Product ID;Attribute (Name:Type:Position);Quantity", "needs Name and Price"),
    ],
)
def test_a_file_without_products_is_refused_with_the_one_to_bring(read, columns, reason):
    sign = ";" if ";" in columns else ","
    with pytest.raises(StackError, match=reason):
        read(f"{columns}\n{sign.join('x' for _ in columns.split(sign))}\n")


def test_the_channels_and_warehouses_of_saleor(read):
    head = "id,name,variant sku,variant weight,clay (product attribute),size (variant attribute),"
    head += "n (warehouse quantity),s (warehouse quantity),web (channel published),"
    head += "web (channel price amount),web (channel variant currency code),"
    head += "web (channel variant cost price),pos (channel price amount),"
    head += "pos (channel variant currency code)\n"
    rows = "P,Mug,M-S,300.0 g,yes,S,3,4,True,9.50,EUR,4.10,,\n"
    file = read(head + rows + "P,Mug,M-L,,yes,L,3,,False,,,,12.00,USD\n")
    small, large = file.products
    assert file.kind == "saleor-csv"
    assert (small["price"], small["currency"], small["stock"]) == ("9.50", "EUR", 7)
    assert (large["price"], large["currency"], large["status"]) == ("12.00", "USD", "draft")
    assert (small["options"], small["weight"]) == ({"size": "S"}, "300.0")
    assert small["attributes"] == {"clay": "yes"}
    assert "4.10" not in str(file.products)
