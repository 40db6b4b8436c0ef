"""Files of WooCommerce: in other languages, of WordPress itself, and of its interface."""

import json

import pytest

GERMAN = """\
ID,Typ,Art.-Nr.,Name,Veröffentlicht,Regulärer Preis,Angebotspreis,Lager,Gewicht (kg),Kategorien,\
Übergeordnetes Produkt,Attribut 1 Name,Attribut 1 Wert(e),Attribut 1 Sichtbar
1,variable,,Tasse,1,,,,,Küche > Tassen,,Größe,"S, M",1
2,variation,T-S,Tasse - S,1,"12,00","9,50",4,"0,3",,id:1,Größe,S,
"""
DUTCH = """\
ID,SKU,Naam,Gepubliceerd,Reguliere prijs,Voorraad,Hoofd,Categorieën,Naam eigenschap 1,\
Waarde eigenschap 1
7,P-1,Pot,0,"15,00",3,,Keuken,Materiaal,Klei
"""


def test_columns_in_german(read):
    file = read(GERMAN)
    (cup,) = file.products
    assert file.kind == "woocommerce"
    assert (cup["price"], cup["compare_at_price"]) == ("9.50", "12.00")
    assert (cup["sku"], cup["stock"], cup["weight"]) == ("T-S", 4, "300")
    assert (cup["category"], cup["options"]) == ("Küche > Tassen", {"Größe": "S"})
    assert not cup.get("attributes")


def test_columns_in_dutch_and_without_a_type(read):
    file = read(DUTCH)
    (pot,) = file.products
    assert file.kind == "woocommerce"
    assert (pot["name"], pot["price"], pot["status"]) == ("Pot", "15.00", "draft")
    assert (pot["category"], pot["attributes"]) == ("Keuken", {"Materiaal": "Klei"})


def test_a_missing_column_is_named_with_its_first_spellings_alone(read):
    with pytest.raises(Exception, match="it lacks Regular price") as error:
        read("SKU,Name,Parent\nA,Tea,\n", "woocommerce")
    assert "Reguliere" not in str(error.value)


def test_a_parent_of_zero_is_none(read):
    head = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    file = read(head + "1,simple,A,Tea,5,0,,\n2,simple,B,Pot,6,0,,\n")
    assert [product["name"] for product in file.products] == ["Tea", "Pot"]
    assert not any(product.get("group") for product in file.products)


META = "<wp:postmeta><wp:meta_key>{}</wp:meta_key><wp:meta_value>{}</wp:meta_value></wp:postmeta>"
ITEM = """<item><title>{title}</title><content:encoded>{text}</content:encoded>
<wp:post_id>{id}</wp:post_id><wp:post_parent>{parent}</wp:post_parent>
<wp:status>publish</wp:status><wp:post_type>{type}</wp:post_type>{more}</item>"""
WORDPRESS = """<?xml version="1.0"?><rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"
xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Shop</title>{}</channel>
</rss>"""


def item(type, id, parent=0, more="", title="A title", text="", **meta):
    more += "".join(META.format(*one) for one in meta.items())
    return ITEM.format(type=type, id=id, parent=parent, more=more, title=title, text=text)


def test_the_export_of_wordpress(read, tmp_path):
    category = '<category domain="{}" nicename="x">{}</category>'
    terms = (("product_cat", "Kitchen"), ("product_tag", "gift"), ("pa_color", "Blue"))
    image = "<wp:attachment_url>https://shop.example/1.jpg</wp:attachment_url>"
    more = "".join(category.format(*term) for term in terms)
    items = [
        item("page", 1),
        item("product", 2, more=more, title="Mug", text="Warm"),
        item("product_variation", 3, 2, title="Mug S", _regular_price="12", attribute_size="S"),
        item("product_variation", 4, 2, _regular_price="14", _sale_price="9", attribute_size="M"),
        item("product", 5, title="Pot", _regular_price="20", _sku="POT", _stock="3"),
        item("attachment", 6, 2, image),
        item("shop_order", 7, _billing_email="mai@shop.example"),
    ]
    path = tmp_path / "shop.xml"
    path.write_text(WORDPRESS.format("".join(items)))
    file = read(path)
    small, medium, pot = file.products
    assert (file.kind, file.errors) == ("woocommerce-xml", [])
    assert (small["name"], small["description"]) == ("Mug S", "Warm")
    assert (small["price"], small["options"]) == ("12", {"size": "S"})
    assert (small["category"], small["tags"]) == ("Kitchen", ["gift"])
    assert small["attributes"] == {"color": "Blue"}
    assert (medium["price"], medium["compare_at_price"]) == ("9", "14")
    assert small["group"] == medium["group"]
    assert small["image_urls"] == ["https://shop.example/1.jpg"]
    assert (pot["sku"], pot["stock"], pot.get("group")) == ("POT", 3, None)
    assert "mai@shop.example" not in str(file.products)
    notes = file.prepared.source.notes
    assert notes["records are no products, such as pages and orders, and are left out"] == 2


def test_the_answer_of_the_interface(read, tmp_path):
    mug = {
        **{"id": 7, "name": "Mug", "permalink": "https://shop.example/mug", "status": "publish"},
        **{"catalog_visibility": "visible", "description": "<p>Warm</p>", "sku": "M"},
        **{"price": "9.5", "regular_price": "12", "sale_price": "9.5", "on_sale": True},
        **{"manage_stock": False, "stock_quantity": None, "stock_status": "outofstock"},
        **{"weight": "0.3", "dimensions": {"length": "", "width": "8", "height": ""}},
        **{"categories": [{"id": 1, "name": "Kitchen"}], "tags": [{"id": 2, "name": "gift"}]},
        "attributes": [{"id": 0, "name": "Color", "options": ["Blue", "Red"]}],
        "images": [{"id": 3, "src": "https://shop.example/1.jpg"}],
    }
    path = tmp_path / "products.json"
    path.write_text(json.dumps([mug]))
    file = read(path)
    (product,) = file.products
    assert file.kind == "woocommerce-json"
    assert (product["external_ref"], product["status"], product["stock"]) == ("7", "active", 0)
    assert (product["price"], product["compare_at_price"]) == ("9.5", "12")
    assert (product["weight"], product["category"]) == ("300", "Kitchen")
    assert product["attributes"] == {"width": "8", "Color": ["Blue", "Red"]}
