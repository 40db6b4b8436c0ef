"""Files of shops that are seldom met: read right, or refused with a sentence that helps."""

import json

import pytest

from vitrine.errors import StackError
from vitrine.transfer.shops.plan_text import product_lines


@pytest.mark.parametrize(
    ("head", "row", "pair"),
    [
        ("name,sku,price,Option 1 Name,Option 1 Value", "Mug,M-S,5,Size,S", "Option 1 Name"),
        ("nombre;precio;Nombre de opción 1;Valor de opción 1", "Taza;5;Talla;S", "Nombre de"),
        ("Artikelname;VK;Variationsname 1;Variationswert 1", "Tasse;5;Größe;S", "Variationsname"),
        ("nom;prix;variante_nom;variante_valeur", "Tasse;5;Taille;S", "variante_nom"),
    ],
)
def test_a_plain_table_with_options_of_variants_is_refused(read, head, row, pair):
    with pytest.raises(StackError, match=rf"{pair}.* tell of variants.* --format"):
        read(f"{head}\n{row}\n")


@pytest.mark.parametrize(
    ("column", "cells", "statuses"),
    [
        ("hide", ("0", "1"), ["active", "draft"]),
        ("HideProduct", ("N", "Y"), ["active", "draft"]),
        ("Hidden", ("hidden", "no"), ["draft", "active"]),
        ("For sale", ("Y", "N"), ["active", "draft"]),
        ("productVisibility", ("visible", "hidden"), ["active", "draft"]),
    ],
)
def test_what_is_hidden_is_a_draft(read, column, cells, statuses):
    rows = "".join(f"P{cell},5,{cell}\n" for cell in cells)
    products = read(f"name,price,{column}\n{rows}").products
    assert [product["status"] for product in products] == statuses


def test_columns_of_options_without_a_cell_do_not_matter(read):
    (mug,) = read("name,sku,price,Option Name,Option Value\nMug,M,5,,\n").products
    assert mug["price"] == "5"


@pytest.mark.parametrize(
    "head", ["Nome;Referência;Preço;Estoque", "name;sku;Tarif;Preis netto", "title;sku;rate;stock"]
)
def test_a_plain_table_without_a_price_is_refused(read, head):
    with pytest.raises(StackError, match=r"none of them is the price\..* --map price=COLUMN"):
        read(f"{head}\nCopo;C-1;5,90;4\n")


@pytest.mark.parametrize(
    "text", ["name,sku,stock\nMug,M,5\n", "name,colour,finish\nMug,red,matt\n"]
)
def test_a_plain_table_without_other_amounts_needs_no_price(read, text):
    (mug,) = read(text).products
    assert "price" not in mug


@pytest.mark.parametrize("named", ["HS Code,COO,Berlin", "Location,Bin name,On hand (current)"])
def test_an_inventory_of_shopify_is_refused(read, named):
    with pytest.raises(StackError, match=r"Import the file of Products > Export instead"):
        read(f"Handle,Title,Option1 Name,Option1 Value,SKU,{named}\nmug,Mug,Size,S,M-S,x,y,4\n")


def test_the_weight_of_shopify_with_its_unit(read):
    head = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Weight Unit,"
    (mug,) = read(head + "Variant Weight,Category,Type\nm,Mug,,,5,kg,0.25,A > B,C\n").products
    assert (mug["weight"], mug["category"]) == ("250", "A > B")
    (mug,) = read(head + "Variant Grams\nm,Mug,,,5,kg,250\n").products
    assert mug["weight"] == "250", "the unit is that in which the shop shows it"


def test_a_new_line_of_woocommerce(read):
    head = "ID,SKU,Name,Regular price,Parent,Description\n"
    (mug,) = read(head + "1,M,Mug,5,,<p>Blue</p>\\n<p>Round</p>\n").products
    assert mug["description"] == "<p>Blue</p>\n<p>Round</p>"


def test_variants_of_woocommerce_without_options_are_counted(read):
    head = "ID,SKU,Name,Regular price,Parent,Attribut 1 navn,Attribut 1 vaerdi\n"
    file = read(head + "1,M,Mug,,,Size,S\n2,M-S,Mug S,5,M,Size,S\n3,M-L,Mug L,6,id:1,Size,L\n")
    assert [product.get("group") for product in file.products] == [None, None]
    (note,) = [text for text in file.prepared.source.notes if "no options" in text]
    assert file.prepared.source.notes[note] == 2
    assert "first of M" in note


def test_attributes_of_magento_with_commas_and_quotes(read):
    head = "sku,name,price,product_type,product_online,additional_attributes\n"
    cell = 'use=tea, cake,care="warm, dry=no",width=5"",color="dark ""blue"""'
    (mug,) = read(head + 'M,Mug,5,simple,1,"' + cell.replace('"', '""') + '"\n').products
    assert mug["attributes"] == {
        **{"use": "tea, cake", "care": "warm, dry=no", "width": '5""', "color": 'dark "blue"'}
    }


BIGCOMMERCE = "Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Categories,"
BIGCOMMERCE += "Custom Fields\n"


def test_stocks_and_categories_of_bigcommerce(read):
    rows = "Product,1,Mug,physical,M,,none,0,5,23;24,Glaze=Matt;Origin=Delft\n"
    rows += "Product,2,Pot,physical,P,,product,3,9,Tea;Sale 24,\n"
    mug, pot = read(BIGCOMMERCE + rows).products
    assert (mug.get("stock"), mug.get("category")) == (None, None), "ids say nothing"
    assert mug["attributes"] == {"Glaze": "Matt", "Origin": "Delft"}
    assert (pot["stock"], pot["category"]) == (3, "Tea\nSale 24")


def test_a_product_whose_price_a_rule_of_bigcommerce_changes_is_refused(read):
    head = "Item Type,Product ID,Product Name,Product Code/SKU,Price,Current Stock Level\n"
    rows = "Product,1,Mug,M,10,0\n  SKU,5,[S]Size=S,M-S,,4\n  Rule,9,,M-S,[ADD]2.50,\n"
    file = read(head + rows + "Product,2,Pot,P,9,1\n  SKU,6,[S]Size=L,P-L,,1\n  Rule,8,,P-L,,\n")
    assert [product["sku"] for product in file.products] == ["P-L"]
    assert len(file.errors) == 3
    assert file.errors[0].startswith("Row 4 changes a price, but has no options")


def test_variants_of_pinterest(read):
    head = "id,title,price,availability,link,item_group_id,variant_names,variant_values\n"
    rows = 'a,Mug,5 EUR,in stock,l,M,"Size,Color","S,Red"\nb,Mug,5 EUR,out of stock,l,M,Size,L\n'
    small, large = read(head + rows).products
    assert (small["group"], small["options"]) == ("m", {"Size": "S", "Color": "Red"})
    assert (large["options"], large["stock"]) == ({"Size": "L"}, 0)


def test_lightspeed_x(read):
    file = read(
        "id,handle,sku,name,variant_option_one_name,variant_option_one_value,supply_price,"
        "retail_price,active,track_inventory,inventory_Shop,inventory_Store,supplier_name,"
        "product_category\n"
        "1,mug,10,Mug,Size,S,2,5.5,1,1,3.00000,2,Potter,Tea / Cups\n"
        "2,mug,11,Mug,Size,L,2,6.5,1,1,0,0,Potter,Tea / Cups\n"
        "3,fee,12,Repair,,,0,40,0,0,0,0,,\n"
    )
    small, large, fee = file.products
    assert (file.kind, small["group"]) == ("lightspeed-x", "mug")
    assert (small["stock"], large["stock"], fee.get("stock")) == (5, 0, None)
    assert (small["category"], fee["status"]) == ("Tea > Cups", "draft")
    assert "Potter" not in str(file.products)


def test_the_plan_shows_a_product_with_members_that_are_no_texts(read, tmp_path):
    path = tmp_path / "cart.json"
    option, category = {"name": "S", "price": 5.0}, {"name": "Cups"}
    product = {"name": "Mug", "price": 5.0, "options": [option], "categories": [category]}
    path.write_text(json.dumps([product]))
    ((item, photos),) = read(path).prepared.first
    assert "Mug · 5.0" in next(iter(product_lines(item, photos)))
    assert len(list(product_lines(item, photos))) == 2
