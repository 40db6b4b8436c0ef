"""Formats of JSON and XML: small made-up samples in the form of each shop's interface."""

import json
from contextlib import ExitStack

import pytest

from vitrine.transfer.shops.format_files import known_formats
from vitrine.transfer.shops.preparation import ShopOptions, prepare
from vitrine.transfer.sources import ReadOptions, RowSource

TYPES = {
    **{"id": "Id", "slug": "Slug", "sku": "Key", "external_ref": "Key", "gtin": "Gtin"},
    **{"name": "Text", "description": "Plain", "price": "Money", "compare_at_price": "Money"},
    **{"currency": "Currency", "tax_class": "Text", "stock": "Whole", "weight": "Grams"},
    **{"category": "Text", "brand": "Text", "tags": "Tags", "group": "Key", "status": "Plain"},
    **{"options": "Options", "attributes": "Attributes", "image_urls": "PhotoUrls"},
}
FIELDS = {
    name: {"type": type, "read_only": name == "id", "aliases": []} for name, type in TYPES.items()
}


@pytest.fixture
def bring(tmp_path):
    """Return the name of the format that a file has, and its products."""

    def read(content, name="shop.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        with RowSource(str(path), ReadOptions(resource="products")) as source:
            return imported(source)

    return read


def imported(source):
    with ExitStack() as opened:
        prepared = prepare(opened, source, FIELDS, ShopOptions())
        products = []
        for _, row in prepared.source.rows():
            assert isinstance(row, dict), row
            item = prepared.mapping.item(row, prepared.source.has_texts)
            products.append({key: value for key, value in item.items() if value is not None})
    return prepared.fit.format.name if prepared.fit else None, products


def numbers(products, name):
    return [float(product[name]) for product in products]


def test_products_json_of_shopify(bring):
    shirt = {
        "id": 10,
        "title": "Shirt",
        "handle": "shirt",
        "body_html": "<p>Soft</p>",
        "published_at": "2026-01-01T00:00:00Z",
        "vendor": "Loom",
        "product_type": "Tops",
        "tags": ["cotton", "new"],
        "variants": [
            {
                **{"id": 11, "title": "M / Red", "option1": "M", "option2": "Red", "option3": None},
                **{"sku": "S-1", "available": True, "price": "20.00", "grams": 200},
                **{"compare_at_price": "25.00", "featured_image": None, "product_id": 10},
            },
            {
                **{"id": 12, "title": "L / Red", "option1": "L", "option2": "Red", "option3": None},
                **{"sku": "S-2", "available": False, "price": "20.00", "grams": 220},
                **{"compare_at_price": None, "product_id": 10},
                "featured_image": {"id": 2, "src": "https://shop.example/2.jpg"},
            },
        ],
        "images": [
            {"id": 1, "src": "https://shop.example/1.jpg"},
            {"id": 2, "src": "https://shop.example/2.jpg"},
        ],
        "options": [{"name": "Size", "position": 1}, {"name": "Color", "position": 2}],
    }
    card = {
        **{"id": 20, "title": "Card", "handle": "card", "body_html": "", "vendor": "Loom"},
        **{"product_type": "", "tags": [], "images": []},
        "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
        "variants": [
            {"id": 21, "option1": "Default Title", "sku": "", "available": True, "price": "5.00"}
        ],
    }
    name, (first, second, third) = bring({"products": [shirt, card]})
    assert name == "shopify-json"
    assert first == {
        **{"external_ref": "11", "name": "Shirt", "description": "<p>Soft</p>", "sku": "S-1"},
        **{"price": "20.00", "compare_at_price": "25.00", "weight": "200", "brand": "Loom"},
        **{"category": "Tops", "tags": ["cotton", "new"], "group": "shirt"},
        "options": {"Size": "M", "Color": "Red"},
        "image_urls": ["https://shop.example/1.jpg", "https://shop.example/2.jpg"],
    }
    assert (second["stock"], second["options"]) == (0, {"Size": "L", "Color": "Red"})
    assert second["image_urls"] == ["https://shop.example/2.jpg"]
    assert third == {"external_ref": "21", "name": "Card", "price": "5.00", "brand": "Loom"}


def _connection(*objects, more=False):
    """A list as GraphQL pages it."""
    edges = [{"node": each, "cursor": "c"} for each in objects]
    return {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": "c"}}


def _graphql_products(more=False):
    """Two products as the two interfaces of Shopify have them."""
    item = {"tracked": True, "measurement": {"weight": {"value": 0.2, "unit": "KILOGRAMS"}}}
    shirt = {
        **{"id": "gid://shopify/Product/10", "title": "Shirt", "handle": "shirt"},
        **{"descriptionHtml": "<p>Soft</p>", "vendor": "Loom", "productType": "Tops"},
        **{"status": "DRAFT", "tags": ["new"], "options": [{"name": "Size", "values": ["M", "L"]}]},
        "variants": _connection(
            {
                **{"id": "gid://shopify/ProductVariant/11", "sku": "S-1", "price": "20.00"},
                **{"compareAtPrice": "25.00", "inventoryQuantity": 3, "inventoryItem": item},
                **{"barcode": "4006381333931", "selectedOptions": [{"name": "Size", "value": "M"}]},
            },
            {
                **{"id": "gid://shopify/ProductVariant/12", "sku": "S-2", "price": "21.00"},
                **{"inventoryQuantity": 7, "inventoryItem": {"tracked": False}},
                **{"selectedOptions": [{"name": "Size", "value": "L"}]},
                "image": {"url": "https://shop.example/2.jpg"},
            },
            more=more,
        ),
        "images": _connection({"url": "https://shop.example/1.jpg"}),
        "collections": _connection({"title": "Summer"}),
    }
    card = {
        **{"id": "gid://shopify/Product/20", "title": "Card", "handle": "card"},
        "variants": {
            "nodes": [
                {
                    "id": "gid://shopify/ProductVariant/21",
                    "price": {"amount": "5.0", "currencyCode": "EUR"},
                    "selectedOptions": [{"name": "Title", "value": "Default Title"}],
                }
            ]
        },
    }
    return shirt, card


@pytest.mark.parametrize("place", ["products", "shop"])
def test_graphql_of_shopify(bring, place):
    products = _connection(*_graphql_products())
    data = {"products": products} if place == "products" else {"shop": {"goods": products}}
    cost = {"cost": {"requestedQueryCost": 3}}
    name, (first, second, third) = bring({"data": data, "extensions": cost})
    assert name == "shopify-graphql"
    assert first == {
        **{"external_ref": "gid://shopify/ProductVariant/11", "name": "Shirt", "sku": "S-1"},
        **{"description": "<p>Soft</p>", "gtin": "4006381333931", "price": "20.00", "stock": 3},
        **{"compare_at_price": "25.00", "weight": "200", "category": "Tops", "brand": "Loom"},
        **{"tags": ["new"], "status": "draft", "group": "shirt", "options": {"Size": "M"}},
        "image_urls": ["https://shop.example/1.jpg"],
        "attributes": {"collections": ["Summer"]},
    }
    assert "stock" not in second, "it is not counted"
    assert (second["options"], second["image_urls"]) == (
        {"Size": "L"},
        ["https://shop.example/2.jpg"],
    )
    assert third == {
        **{"external_ref": "gid://shopify/ProductVariant/21", "name": "Card"},
        **{"price": "5.0", "currency": "EUR"},
    }


def test_a_list_of_graphql_that_goes_on_fails_its_product(tmp_path):
    path = tmp_path / "x.json"
    products = _connection(*_graphql_products(more=True))
    path.write_text(json.dumps({"data": {"products": products}}))
    with RowSource(str(path), ReadOptions(resource="products")) as source:
        (_, refused), (_, card) = source.rows()
    assert refused.startswith("variants: has only the first 2, because hasNextPage is true")
    assert card["handle"] == "card"


MEDUSA = {
    **{"id": "prod_1", "title": "Shirt", "handle": "shirt", "description": "Soft"},
    **{"status": "proposed", "material": "cotton", "metadata": {"care": "30", "cost": 4}},
    "collection": {"title": "Summer"},
    "categories": [{"name": "Tops"}],
    "tags": [{"value": "new"}],
    "options": [{"title": "Size", "values": [{"value": "M"}]}],
    "images": [{"url": "https://shop.example/1.jpg"}],
    "thumbnail": "https://shop.example/1.jpg",
}


def test_medusa(bring):
    variant = {
        **{"id": "variant_1", "title": "M", "sku": "S-1", "ean": "4006381333931", "weight": 200},
        **{"manage_inventory": True, "inventory_quantity": 0},
        "options": [{"value": "M", "option": {"title": "Size"}}],
        "prices": [
            {"currency_code": "eur", "amount": 19.5},
            {"currency_code": "usd", "amount": 21},
        ],
    }
    other = variant | {
        **{"id": "variant_2", "sku": "S-2", "manage_inventory": False, "prices": []},
        "options": [{"value": "L", "option": {"title": "Size"}}],
        "calculated_price": {
            **{"calculated_amount": 15, "original_amount": 19.5, "currency_code": "eur"}
        },
    }
    answer = {"products": [{**MEDUSA, "variants": [variant, other]}], "count": 1, "offset": 0}
    name, (first, second) = bring(answer)
    assert name == "medusa"
    assert first == {
        **{"external_ref": "variant_1", "name": "Shirt", "description": "Soft", "sku": "S-1"},
        **{"gtin": "4006381333931", "price": 19.5, "currency": "EUR", "stock": 0},
        **{"weight": "200", "category": "Tops", "tags": ["new"], "status": "draft"},
        **{"group": "shirt", "options": {"Size": "M"}},
        "attributes": {
            **{"material": "cotton", "collection": "Summer", "care": "30"},
            "other prices": ["21 usd"],
        },
        "image_urls": ["https://shop.example/1.jpg"],
    }
    assert (second["price"], second["compare_at_price"]) == (15, 19.5)
    assert "stock" not in second


def test_medusa_1_has_cents(bring):
    variant = {
        **{"id": "variant_1", "title": "M", "sku": "S-1", "inventory_quantity": 3},
        **{"calculated_price": None, "original_price": None},
        "options": [{"value": "M", "option": {"title": "Size"}}],
        "prices": [{"currency_code": "eur", "amount": 1950, "region_id": None}],
    }
    answer = {"products": [{**MEDUSA, "profile_id": "sp_1", "variants": [variant]}]}
    name, (product,) = bring(answer)
    assert (name, product["price"], product["currency"]) == ("medusa-1", "19.50", "EUR")


EUR, USD = (
    {"currency_code": code, "amount": amount} for code, amount in (("eur", 1950), ("usd", 2100))
)


@pytest.mark.parametrize(
    ("prices", "calculated", "price"),
    [
        ([EUR, USD], 2100, ("21.00", "USD", "25.00")),
        ([EUR, USD], 1800, ("19.50", "EUR", None)),
        ([EUR | {"price_list_id": "b2b"}, USD], 1950, ("21.00", "USD", None)),
        ([EUR | {"min_quantity": 10, "amount": 5}, EUR], None, ("19.50", "EUR", None)),
        ([EUR | {"price_list_id": "b2b"}], 1950, (None, None, None)),
    ],
)
def test_amount_and_currency_of_medusa_1_are_of_one_price(bring, prices, calculated, price):
    variant = {
        **{"id": "variant_1", "title": "M", "sku": "S-1", "prices": prices},
        **{"calculated_price": calculated, "original_price": 2500},
        "options": [{"value": "M", "option": {"title": "Size"}}],
    }
    _, (product,) = bring({"products": [{**MEDUSA, "profile_id": "sp_1", "variants": [variant]}]})
    names = ("price", "currency", "compare_at_price")
    assert tuple(product.get(name) for name in names) == price
    assert "b2b" not in str(product)


def test_prices_of_medusa_for_some_clients_are_left_out(bring):
    of_clients = (
        {"price_list_id": "plist_1"},
        {"rules": {"customer.groups.id": "g"}},
        {"price_rules": [{"attribute": "customer.groups.id"}]},
        {"min_quantity": 10},
    )
    calculated = {
        **{"calculated_amount": 7, "original_amount": 7, "currency_code": "eur"},
        "calculated_price": {"price_list_type": "override"},
    }
    variant = {
        **{"id": "variant_1", "title": "M", "sku": "S-1", "calculated_price": calculated},
        "options": [{"value": "M", "option": {"title": "Size"}}],
        "prices": [
            *({"currency_code": "eur", "amount": 7, **limit} for limit in of_clients),
            {"currency_code": "eur", "amount": 20, "rules": {}, "min_quantity": None},
            {"currency_code": "usd", "amount": 22, "rules": {"region_id": "us"}},
        ],
    }
    _, (product,) = bring({"products": [{**MEDUSA, "variants": [variant]}]})
    assert (product["price"], product["currency"]) == (20, "EUR")
    assert product["attributes"]["other prices"] == ["22 usd"]


def test_vendure(bring):
    product = {
        **{"id": "1", "name": "Shirt", "slug": "shirt", "description": "Soft", "enabled": True},
        "featuredAsset": {"preview": "https://shop.example/1.jpg"},
        "collections": [{"name": "Tops"}],
        "facetValues": [{"name": "cotton", "facet": {"name": "material"}}],
        "variants": [
            {
                **{"id": "1", "sku": "S-1", "price": 1000, "priceWithTax": 1200},
                **{"currencyCode": "EUR", "stockLevel": "IN_STOCK"},
                "options": [{"name": "M", "code": "m", "group": {"name": "Size"}}],
            },
            {
                **{"id": "2", "sku": "S-2", "price": 1000, "priceWithTax": 1250},
                **{"currencyCode": "JPY", "stockLevel": "OUT_OF_STOCK"},
                "options": [{"name": "L", "code": "l", "group": {"name": "Size"}}],
            },
        ],
    }
    name, (first, second) = bring({"data": {"products": {"items": [product], "totalItems": 1}}})
    assert name == "vendure-json"
    assert first == {
        **{"external_ref": "shirt/M", "name": "Shirt", "description": "Soft", "sku": "S-1"},
        **{"price": "12.00", "currency": "EUR", "category": "Tops", "group": "shirt"},
        **{"options": {"Size": "M"}, "attributes": {"material": "cotton"}},
        "image_urls": ["https://shop.example/1.jpg"],
    }
    assert (second["price"], second["currency"], second["stock"]) == ("1250", "JPY", 0)


def test_saleor(bring):
    money = {"gross": {"amount": 12.5, "currency": "EUR"}}
    node = {
        **{"id": "UHJvZHVjdDox", "name": "Shirt", "slug": "shirt"},
        "description": json.dumps(
            {"blocks": [{"data": {"text": text}} for text in ("Soft", "Warm")]}
        ),
        **{"category": {"name": "Tops"}, "productType": {"name": "Apparel"}},
        "media": [{"url": "https://shop.example/1.jpg"}],
        "attributes": [{"attribute": {"name": "Material"}, "values": [{"name": "cotton"}]}],
        "variants": [
            {
                **{"id": "UHJvZHVjdFZhcmlhbnQ6MQ==", "sku": "S-1", "quantityAvailable": 5},
                **{"weight": {"unit": "KG", "value": 0.2}, "pricing": {"price": money}},
                "attributes": [{"attribute": {"name": "Size"}, "values": [{"name": "M"}]}],
            }
        ],
    }
    name, (product,) = bring({"data": {"products": {"edges": [{"node": node}]}}})
    assert name == "saleor"
    assert product == {
        **{"external_ref": "UHJvZHVjdFZhcmlhbnQ6MQ==", "name": "Shirt", "sku": "S-1"},
        **{"description": "Soft\n\nWarm", "price": 12.5, "currency": "EUR", "stock": 5},
        **{"weight": "200", "category": "Tops", "group": "shirt", "options": {"Size": "M"}},
        "attributes": {"product type": "Apparel", "Material": ["cotton"]},
        "image_urls": ["https://shop.example/1.jpg"],
    }


def test_commercetools(bring):
    def variant(number, size):
        money = {"type": "centPrecision", "currencyCode": "EUR", "centAmount": 1950}
        return {
            **{"id": number, "sku": f"S-{number}"},
            "prices": [{"id": "p", "value": money}, {"id": "q", "value": money, "country": "AT"}],
            "images": [{"url": f"https://shop.example/{number}.jpg"}],
            "attributes": [
                {"name": "size", "value": {"key": size.lower(), "label": size}},
                {"name": "material", "value": {"en": "cotton", "de": "Baumwolle"}},
            ],
            "availability": {"isOnStock": True, "availableQuantity": 4},
        }

    product = {
        **{"id": "a1", "version": 3, "productType": {"typeId": "product-type", "id": "t"}},
        **{"name": {"de": "Hemd", "en": "Shirt"}, "slug": {"en": "shirt"}, "published": True},
        "categories": [{"typeId": "category", "id": "c", "obj": {"name": {"en": "Tops"}}}],
        **{"masterVariant": variant(1, "M"), "variants": [variant(2, "L")]},
    }
    answer = {"limit": 20, "offset": 0, "count": 1, "total": 1, "results": [product]}
    name, (first, second) = bring(answer)
    assert name == "commercetools"
    assert first == {
        **{"external_ref": "S-1", "name": "Shirt", "sku": "S-1", "price": "19.50"},
        **{"currency": "EUR", "stock": 4, "category": "Tops", "group": "shirt"},
        **{"options": {"size": "M"}, "image_urls": ["https://shop.example/1.jpg"]},
        "attributes": {"material": "cotton", "other prices": ["1950 cents EUR AT"]},
    }
    assert (second["options"], second["sku"]) == ({"size": "L"}, "S-2")


def test_prices_of_commercetools_for_some_clients_are_left_out(bring):
    def price(amount, **limits):
        return {"value": {"currencyCode": "EUR", "centAmount": amount}, **limits}

    group = {"customerGroup": {"typeId": "customer-group", "id": "g"}}
    dated = {"validUntil": "2020-01-01T00:00:00Z"}

    def product(key, *prices):
        variant = {"id": 1, "sku": key, "prices": prices, "attributes": []}
        return {
            **{"id": key, "productType": {"id": "t"}, "name": {"en": key}, "slug": {"en": key}},
            **{"masterVariant": variant, "variants": [], "categories": []},
        }

    usual = product("usual", price(700, **group), price(800, **dated), price(1950), price(1900))
    _, products = bring(
        {
            "results": [
                usual,
                product("b2b", price(700, **group)),
                product("sale", price(800, **dated)),
            ]
        }
    )
    assert [one.get("price") for one in products] == ["19.50", None, "8.00"]
    assert products[0]["attributes"]["other prices"] == ["1900 cents EUR "]
    assert "700" not in str(products)


def test_akeneo(bring):
    def value(data):
        return [{"locale": None, "scope": None, "data": data}]

    product = {
        **{"uuid": "u-1", "identifier": "S-1", "enabled": False, "family": "tops"},
        **{"categories": ["summer"], "parent": None, "groups": []},
        "values": {
            **{"name": value("Shirt"), "ean": value("4006381333931"), "color": value("red")},
            "price": value([{"amount": "12.50", "currency": "EUR"}]),
            "cost_price": value([{"amount": "4.00", "currency": "EUR"}]),
            "supplier": value("Wu"),
            "weight": value({"amount": "0.2", "unit": "KILOGRAM"}),
            "length": value({"amount": "70", "unit": "CENTIMETER"}),
        },
    }
    name, (found,) = bring({"_links": {}, "_embedded": {"items": [product]}})
    assert name == "akeneo"
    assert found == {
        **{"external_ref": "S-1", "sku": "S-1", "name": "Shirt", "gtin": "4006381333931"},
        **{"price": "12.50", "currency": "EUR", "weight": "200", "category": "summer"},
        **{"status": "draft"},
        "attributes": {"family": "tops", "color": "red", "length": "70 CENTIMETER"},
    }


def test_stripe(bring):
    price = {"id": "price_1", "object": "price", "unit_amount": 1950, "currency": "eur"}
    product = {
        **{"id": "prod_1", "object": "product", "active": True, "name": "Shirt"},
        **{"default_price": price, "description": None, "livemode": False, "tax_code": "txcd_1"},
        **{"images": ["https://shop.example/1.jpg"], "metadata": {"size": "M"}},
    }
    name, (found,) = bring({"object": "list", "data": [product], "has_more": False})
    assert name == "stripe"
    assert found == {
        **{"external_ref": "prod_1", "name": "Shirt", "price": "19.50", "currency": "EUR"},
        **{"status": "active", "tax_class": "txcd_1", "attributes": {"size": "M"}},
        "image_urls": ["https://shop.example/1.jpg"],
    }


def stripe(**price):
    return {
        **{"id": "prod_1", "object": "product", "active": True, "name": "Shirt"},
        **{"default_price": {"id": "price_1", **price}, "livemode": False},
    }


@pytest.mark.parametrize(
    ("code", "amount", "price"),
    [
        *(("isk", 500, "5.00"), ("ugx", 150000, "1500.00"), ("mga", 500, "500")),
        *(("jpy", 500, "500"), ("kwd", 1250, "1.2500"), ("eur", 1950, "19.50")),
    ],
)
def test_stripe_has_decimals_of_its_own_for_some_currencies(bring, code, amount, price):
    _, (found,) = bring({"data": [stripe(unit_amount=amount, currency=code)]})
    assert (found["price"], found["currency"]) == (price, code.upper())


def test_cents_without_a_currency_are_not_read_as_whole_units(tmp_path, read):
    path = tmp_path / "shop.json"
    path.write_text(json.dumps({"data": [stripe(unit_amount=1950)]}))
    file = read(path)
    assert not file.products
    assert file.errors == [
        "price 1950 is in cents or the like, and has no currency; "
        "name it with --currency, such as --currency EUR."
    ]
    (product,) = read(path, currency="EUR").products
    assert (product["price"], product["currency"]) == ("19.50", "EUR")


def test_odoo(bring):
    product = {
        **{"id": 7, "name": "Desk", "default_code": "D-1", "barcode": False, "list_price": 750.0},
        **{"standard_price": 290.0, "categ_id": [5, "All / Saleable / Office"], "active": True},
        **{"qty_available": 4.0, "weight": 12.5, "description_sale": False},
    }
    name, (found,) = bring({"jsonrpc": "2.0", "id": None, "result": [product]})
    assert name == "odoo-json"
    assert found == {
        **{"name": "Desk", "sku": "D-1", "price": 750.0, "stock": 4},
        **{"weight": "12500", "status": "active", "category": found["category"]},
    }
    assert "Office" in found["category"]
    assert "290" not in str(found)


@pytest.mark.parametrize("form", ["search", "product"])
def test_open_food_facts(bring, form):
    product = {
        **{"code": "4006381333931", "product_name": "Cocoa spread", "brands": "Leaf"},
        **{"categories": "Spreads, Sweet spreads", "quantity": "400 g", "labels": "Organic, Vegan"},
        **{"nutriscore_grade": "e", "nutriments": {"fat_100g": 30.9, "energy-kcal_100g": 539}},
        **{"image_url": "https://food.example/1.jpg", "ecoscore_data": {"grade": "d"}},
    }
    search = {"count": 1, "page": 1, "page_size": 24, "products": [product]}
    single = {"code": "4006381333931", "product": product, "status": 1}
    name, (found,) = bring(search if form == "search" else single)
    assert name == "open-food-facts"
    assert found["gtin"] == found["external_ref"] == "4006381333931"
    assert (found["name"], found["brand"], found["tags"]) == (
        "Cocoa spread",
        "Leaf",
        ["Organic", "Vegan"],
    )
    assert found["attributes"] == {
        **{"content": "400 g", "nutriscore": "e", "fat per 100 g": 30.9},
        "energy kcal per 100 g": 539,
    }
    assert found["image_urls"] == ["https://food.example/1.jpg"]


def test_schema_org_in_a_page(bring):
    def variant(sku, size):
        offer = {"@type": "Offer", "price": 20, "priceCurrency": "EUR", "availability": "InStock"}
        return {"@type": "Product", "sku": sku, "size": size, "offers": offer}

    group = {
        **{"@context": "https://schema.org", "@type": "ProductGroup", "name": "Shirt"},
        **{"productGroupID": "shirt", "variesBy": ["https://schema.org/size"]},
        **{"brand": {"@type": "Brand", "name": "Loom"}, "image": "https://shop.example/1.jpg"},
        "additionalProperty": [{"@type": "PropertyValue", "name": "Care", "value": "30"}],
        "hasVariant": [variant("S-1", "M"), variant("S-2", "L")],
    }
    page = f'<html><script type="application/ld+json">{json.dumps(group)}</script></html>'
    for content, file in ((page, "shirt.html"), (group, "shirt.json")):
        name, (first, second) = bring(content, file)
        assert name == "schema-org"
        assert first == {
            **{"name": "Shirt", "sku": "S-1", "price": 20, "currency": "EUR", "brand": "Loom"},
            **{"group": "shirt", "options": {"size": "M"}, "attributes": {"Care": "30"}},
            "image_urls": ["https://shop.example/1.jpg"],
        }
        assert second["options"] == {"size": "L"}


def test_dummyjson_whole(bring):
    product = {
        **{"id": 1, "title": "Mascara", "description": "Long", "category": "beauty", "price": 9.99},
        **{"discountPercentage": 7.17, "rating": 4.9, "stock": 5, "tags": ["beauty"]},
        **{"brand": "Essence", "sku": "RCH45Q1A", "weight": 2, "availabilityStatus": "Low Stock"},
        "dimensions": {"width": 23.17, "height": 14.43, "depth": 28.01},
        "reviews": [{"rating": 2, "comment": "Poor", "reviewerEmail": "a@example.org"}],
        "meta": {"createdAt": "2026-01-01", "barcode": "4006381333931"},
        "images": ["https://shop.example/1.jpg"],
        "thumbnail": "https://shop.example/t.jpg",
    }
    name, (found,) = bring({"products": [product], "total": 1, "skip": 0, "limit": 30})
    assert name == "dummyjson"
    assert (found["sku"], found["gtin"], found["stock"]) == ("RCH45Q1A", "4006381333931", 5)
    assert found["attributes"]["width"] == 23.17
    assert "Poor" not in str(found)
    assert found["image_urls"] == ["https://shop.example/1.jpg", "https://shop.example/t.jpg"]


def test_members_of_objects_are_counted_as_filled(tmp_path):
    products = [
        {
            **{"title": name, "price": 5, "discountPercentage": 1},
            **{"availabilityStatus": "Low", "dimensions": {"width": 2}, "meta": {"barcode": ""}},
        }
        for name in ("Tea", "Cup")
    ]
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(products))
    with ExitStack() as opened, RowSource(str(path)) as source:
        rows = prepare(opened, source, FIELDS, ShopOptions()).source
        list(rows.rows())
        assert (rows.filled["dimensions.width"], rows.filled["meta.barcode"]) == (2, 0)


def test_an_object_of_graphql_may_be_alone_in_a_node(bring):
    _, products = bring([{"cursor": "x", "node": {"name": "Tea", "price": 5}}])
    assert products == [{"name": "Tea", "price": 5}]


def test_the_files_of_shops(data_folder):
    with RowSource(str(data_folder / "shops" / "google-merchant.xml"), "xml") as source:
        name, products = imported(source)
    assert name == "google-merchant"
    assert numbers(products, "price") == [47, 47]
    assert {product["currency"] for product in products} == {"BGN"}
    assert all(len(product["image_urls"]) == 1 for product in products)
    with RowSource(str(data_folder / "shops" / "dummyjson.json")) as source:
        _, products = imported(source)
    assert len(products) == 194
    assert all(product["tags"] for product in products)


OF_RECORDS = [format for format in known_formats() if format.records]


@pytest.mark.parametrize("format", OF_RECORDS, ids=lambda format: format.name)
def test_the_expressions_of_a_format_name_its_own_columns(format):
    records = format.records
    columns = {*records.columns, *records.members}
    read = {column for rule in format.fields.values() for column in rule.columns}
    assert read <= columns
    assert {*records.parsed, *records.minor, *records.minor.values()} <= columns


@pytest.mark.parametrize(
    ("column", "texts", "photos"),
    [
        ("Bild-URL", ("https://shop.example/1.jpg", "https://shop.example/2.jpg"), 2),
        ("image", ("tea.jpg", "https://shop.example/2.jpg"), 0),
    ],
)
def test_photos_of_a_plain_table_are_those_with_urls(bring, column, texts, photos):
    name, products = bring(f"name;price;{column}\nTea;5;{texts[0]}\nCup;6;{texts[1]}\n", "shop.csv")
    assert name is None
    assert sum("image_urls" in product for product in products) == photos
    assert sum(column in product.get("attributes", {}) for product in products) == 2 - photos


def test_values_of_other_types_are_no_reason_to_stop(bring):
    product = {
        **{"title": "Tea", "price": 5, "discountPercentage": 1, "availabilityStatus": 7},
        **{"images": 5, "tags": {"a": [None]}, "thumbnail": False, "stock": []},
    }
    _, (found,) = bring({"products": [product]})
    assert (found["name"], found["price"]) == ("Tea", 5)
