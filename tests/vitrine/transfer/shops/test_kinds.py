"""Each kind of file that is known, by a small file in the folder ``files``."""

import json
from pathlib import Path

import pytest

from vitrine.errors import StackError
from vitrine.transfer.shops.format_files import known_formats

FILES = Path(__file__).parent / "files"


def chosen(product, *names):
    return tuple(product.get(name) for name in names)


def test_magento(read):
    file = read(FILES / "magento.csv")
    small, medium, bag = file.products
    assert file.kind == "magento"
    assert chosen(small, "sku", "group", "options") == ("MH01-S", "mh01", {"size": "S"})
    assert chosen(medium, "price", "compare_at_price", "stock") == ("40", "52", 0)
    assert small["category"] == "Men\nMen > Hoodies"
    assert small["description"] == "<p>Warm</p>"
    assert small["attributes"]["climate"] == "Cold"
    assert small["attributes"]["photos"] == ["/m/h/s.jpg", "/m/h/p.jpg"]
    assert chosen(bag, "sku", "status", "category") == ("BAG", "draft", "Gear")
    assert "cost" not in str(file.products)


@pytest.mark.parametrize(
    ("managed", "by_settings", "stock"), [(1, 0, 7), (0, 1, 7), (1, 1, 7), (0, 0, None)]
)
def test_a_stock_of_magento_that_is_not_counted(read, managed, by_settings, stock):
    head = "sku,name,price,product_type,product_online,qty,manage_stock,use_config_manage_stock\n"
    (tea,) = read(head + f"T,Tea,5,simple,1,7,{managed},{by_settings}\n").products
    assert tea.get("stock") == stock


def test_squarespace(read):
    file = read(FILES / "squarespace.csv")
    red, blue, pot = file.products
    assert file.kind == "squarespace"
    assert chosen(red, "external_ref", "price", "compare_at_price") == ("v1", "12.00", None)
    assert chosen(blue, "name", "price", "compare_at_price") == ("Mug", "9.00", "12.00")
    assert chosen(blue, "group", "options", "stock") == ("p1", {"Color": "Blue"}, 4)
    assert "stock" not in red, "it is unlimited"
    assert chosen(red, "category", "tags", "weight") == (
        "kitchen > mugs",
        ["tea", "gift"],
        "453.5924",
    )
    assert len(red["image_urls"]) == 2
    assert chosen(pot, "status", "options") == ("draft", None)


def test_wix(read):
    file = read(FILES / "wix.csv")
    small, large, pot = file.products
    assert file.kind == "wix"
    assert chosen(small, "name", "price", "options") == ("Mug", "12", {"Size": "S"})
    assert chosen(large, "price", "stock", "sku") == ("14.5", 0, "MUG-L")
    assert small["image_urls"][0] == "https://static.wixstatic.com/media/abc~mv2.jpg"
    assert small["category"] == "Kitchen\nGifts"
    assert chosen(pot, "status", "stock", "group") == ("draft", 7, None)
    assert "cost" not in str(file.products)


def test_square(read):
    file = read(FILES / "square.csv")
    small, large, cup = file.products
    assert file.kind == "square"
    assert chosen(small, "group", "options", "stock") == ("tea", {"Variation": "Small"}, 7)
    assert chosen(large, "external_ref", "stock", "status") == ("T2", 1, "active")
    assert chosen(cup, "price", "status", "options") == (None, "archived", None)
    assert "Default Unit Cost" not in str(file.products)


def test_etsy(read):
    file = read(FILES / "etsy.csv")
    ring, bowl = file.products
    assert file.kind == "etsy"
    assert chosen(ring, "external_ref", "currency", "stock") == ("Ring", "EUR", 3)
    assert ring["attributes"] == {"MATERIALS": "Silver", "Size": "S,M"}
    assert len(ring["image_urls"]) == 2
    assert bowl["external_ref"] == "BOWL"


def test_ebay(read):
    file = read(FILES / "ebay.csv")
    red, blue, hat = file.products
    assert file.kind == "ebay"
    assert chosen(red, "name", "price", "options") == (
        "Shirt",
        "19.99",
        {"Color": "Red", "Size": "L"},
    )
    assert chosen(blue, "group", "sku", "brand") == ("shirt", "SHIRT-B", "Acme")
    assert red["image_urls"] == ["https://x.example/s.jpg"]
    assert red["attributes"] == {"Material": "Cotton"}
    assert chosen(hat, "price", "stock", "options") == ("9.99", 4, None)


def test_amazon(read):
    file = read(FILES / "amazon.txt")
    red, blue = file.products
    assert file.kind == "amazon"
    assert chosen(red, "group", "options", "weight") == (
        "p1",
        {"Color": "Red", "Size": "L"},
        "1000",
    )
    assert blue["weight"] == "226.7962"


AMAZON = """\
contribution_sku#1.value\tproduct_type#1.value\tparent[IT]\titem_name[IT][it]#1.value\t\
color[IT][it]#1.value\tapparel_size[IT]#1.size\tfulfillment_availability#1.quantity\t\
purchasable_offer[IT][audience=ALL]#1.our_price#1.schedule#1.value_with_tax\t\
purchasable_offer[IT][audience=B2B]#1.our_price#1.schedule#1.value_with_tax\t\
list_price[IT]#1.value_with_tax\tbullet_point[IT][it]#1.value\tbullet_point[IT][it]#2.value\t\
main_product_image_locator[IT]#1.media_location
ABC123\tCOAT
P\tCOAT\t\tJacket
A\tCOAT\tP\tJacket\tRed\tS\t4\t50\t41\t60\tWarm\tDry\thttps://x.example/1.jpg
""".replace("parent[IT]", "child_parent_sku_relationship[IT]#1.parent_sku")


def test_a_newer_template_of_amazon(read):
    market, language = "[marketplace_id=APJ6JRA9NG5V4]", "[language_tag=it_IT]"
    settings = "settings=x\n\nIdentity\nSKU\tType\n"
    file = read(settings + AMAZON.replace("[IT]", market).replace("[it]", language))
    (jacket,) = file.products
    assert (file.kind, file.errors) == ("amazon", [])
    assert chosen(jacket, "sku", "group", "stock") == ("A", "p", 4)
    assert chosen(jacket, "price", "compare_at_price") == ("50", "60")
    assert jacket["options"] == {"Color": "Red", "Size": "S"}
    assert jacket["attributes"] == {"bullet_point": "Warm", "bullet_point 2": "Dry"}
    assert "41" not in str(jacket)


def test_the_report_of_listings_of_amazon(read):
    head = "item-name\tseller-sku\tprice\tquantity\tproduct-id-type\tproduct-id\tasin1\t"
    rows = "Mug\tM\t9.50\t4\t4\t4006381333931\tB01\t7\tActive\n"
    rows += "Cup\tC\t5\t1\t1\tB02\tB02\t4\tInactive\n"
    mug, cup = read(head + "Business Price\tstatus\n" + rows).products
    assert chosen(mug, "gtin", "status", "attributes") == (
        *("4006381333931", "active", {"ASIN": "B01"}),
    )
    assert chosen(cup, "gtin", "status") == (None, "draft")


def test_a_template_of_a_meta_catalog_begins_with_instructions(read):
    head = "id,title,availability,price,link,product_tags[0],product_tags[1],style[0]\n"
    file = read("# Required,# Required,,,,,,\n" + head + "1,Mug,in stock,5 EUR,x,tea,gift,Plain\n")
    (mug,) = file.products
    assert file.kind == "google-merchant"
    assert chosen(mug, "tags", "attributes") == (["tea", "gift"], {"style": "Plain"})


def test_odoo(read):
    file = read(FILES / "odoo.csv")
    steel, wood, lamp = file.products
    assert file.kind == "odoo"
    assert chosen(steel, "group", "options") == ("desk", {"Legs": "Steel", "Color": "White"})
    assert chosen(wood, "price", "stock", "category") == ("300.0", 2, "Saleable > Office")
    assert chosen(lamp, "group", "category", "sku") == (None, None, "LAMP")
    assert "120" not in str(file.products)


def test_opencart(read):
    file = read(FILES / "opencart.csv")
    monitor, licence = file.products
    assert file.kind == "opencart"
    assert chosen(monitor, "sku", "stock", "weight") == ("MON-1", 990, "12500")
    assert chosen(monitor, "status", "tags", "brand") == ("active", ["screen"], "Apple")
    assert chosen(licence, "sku", "status") == ("LIC", "draft")
    assert "stock" not in licence, "it is not counted"


def test_shopware(read):
    file = read(FILES / "shopware.csv")
    small, large, hat = file.products
    assert file.kind == "shopware"
    assert chosen(small, "name", "price", "status") == ("Shirt", "10.00", "active")
    assert chosen(large, "price", "status", "stock") == ("11.00", "draft", 6)
    assert small["group"] == large["group"] == "sw1"
    assert small["options"] != large["options"]
    assert small["image_urls"] == ["https://x.example/s.jpg"]
    assert chosen(hat, "group", "price") == (None, "5.00")
    assert "4.00" not in str(file.products)


@pytest.mark.parametrize("name", ["bigcommerce-bulk.csv", "bigcommerce.csv"])
def test_bigcommerce(read, name):
    file = read(FILES / name)
    red, blue, hat = file.products
    assert file.kind == name.removesuffix(".csv")
    assert chosen(red, "name", "price", "sku", "stock") == ("Shirt", "20", "SHIRT-R", 4)
    assert red["options"]["Color"] == "Red"
    assert blue["group"] == "77"
    assert chosen(hat, "sku", "status", "options") == ("HAT", "draft", None)
    assert "'9'" not in str(file.products)


def test_the_newer_columns_of_shopify(read):
    small, medium = read(FILES / "shopify-new.csv").products
    assert chosen(small, "compare_at_price", "stock", "weight") == (None, 3, "200")
    assert chosen(medium, "name", "compare_at_price", "options") == ("Shirt", "25", {"Size": "M"})
    assert len(small["image_urls"]) == 2


def test_a_stock_of_zero_that_shopify_does_not_count_is_not_counted(read):
    file = read(
        "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Tracker,"
        "Variant Inventory Qty\n"
        "tea,Tea,Size,S,3,shopify,0\ntea,,,M,4,,0\ntea,,,L,5,,7\n"
    )
    assert [product.get("stock") for product in file.products] == [0, None, 7]
    counted = {"stocks are 0 without Variant Inventory Tracker, and are not counted": 1}
    assert file.prepared.source.notes == counted


def test_rows_with_the_key_of_another_row_are_counted_and_the_first_is_named(read):
    file = read(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
        "tea,Tea,Size,S,T,3\ntea,,,M,T,4\ntea,,,L,T,5\ntea,,,s,U,5\n"
    )
    assert file.prepared.source.notes == {
        "rows have the SKU of another row, first T; it is kept as the attribute sku": 2,
        "rows have the options of another row of their product, first tea/s; they are no "
        "variants": 1,
    }


def test_a_photo_of_shopify_keeps_its_text(read):
    file = read(
        "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Image Alt Text\n"
        f"tea,Tea,Size,S,3,https://x.example/1.jpg,A red tin\ntea,,,M,4,https://x.example/2.jpg,\n"
        f"tea,,,,,https://x.example/3.jpg,{'x' * 512}\n"
    )
    for product in file.products:
        first, second, third = product["image_urls"]
        assert first == {"url": "https://x.example/1.jpg", "alt": "A red tin"}
        assert second == "https://x.example/2.jpg"
        assert len(third["alt"]) == 500, "as long as the service accepts"


def test_a_unit_of_the_command_line_is_for_columns_that_name_none(read):
    file = read(
        "Handle,Title,Vendor,Variant Price,Variant Grams\ntea,Tea,Acme,3,200\n", weight_unit="kg"
    )
    assert file.products[0]["weight"] == "200"


def test_every_kind_is_recognised_by_its_own_columns():
    names = {known.name for known in known_formats()}
    assert {"shopify", "woocommerce", "prestashop", "magento", "bigcommerce"} <= names
    assert {"squarespace", "wix", "square", "etsy", "ebay", "amazon", "odoo"} <= names
    assert {"opencart", "shopware", "vendure", "google-merchant"} <= names


def test_rows_of_one_product_that_stand_apart_are_refused(read):
    file = read("Handle,Title,Option1 Value,Variant Price\na,A,,1\nb,B,,2\na,,M,3\n")
    assert len(file.products) == 2
    assert file.errors == [
        "Has the Handle 'a' of row 2, but does not stand below it; sort the rows by it."
    ]


def test_two_variants_with_the_same_options_both_come_in(read):
    text = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant SKU\n"
    file = read(text + "a,A,Size,M,1,X\na,,,M,2,X\n")
    first, second = file.products
    assert chosen(first, "group", "sku") == ("a", "X")
    assert chosen(second, "group", "external_ref") == (None, "a/M:2")
    assert second["attributes"] == {"Size": "M", "sku": "X"}
    assert len(file.prepared.source.notes) == 2


def test_names_of_any_script_and_commas_in_categories(read):
    text = (
        "ID,Type,SKU,Name,Regular price,Parent,Categories\n"
        '1,simple,茶-1,抹茶,5,,"食品 > お茶, ギフト"\n2,simple,ق-2,قهوة,6,,"Tea\\, herbs"\n'
    )
    tea, coffee = read(text).products
    assert chosen(tea, "name", "sku", "category") == ("抹茶", "茶-1", "食品 > お茶\nギフト")
    assert chosen(coffee, "name", "category") == ("قهوة", "Tea, herbs")


def test_a_photo_of_a_variant_and_those_of_its_product(read):
    text = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Variant Image\n"
    rows = "a,A,Size,S,1,http://x/1.jpg,\na,,,M,1,,http://x/m.jpg\na,,,,,http://x/2.jpg,\n"
    small, medium = read(text + rows).products
    assert small["image_urls"] == ["http://x/1.jpg", "http://x/2.jpg"]
    assert medium["image_urls"] == ["http://x/m.jpg"]


@pytest.mark.parametrize(
    ("head", "rows", "kind"),
    [
        ("Name,SKU,Current Stock,Type,Price,Sale Price\n", "A,A{0},2,x,12.50,{1}\n", "bigcommerce"),
        ("sku,name,url_key,product_type,price,special_price\n", "A{0},A,,x,12.50,{1}\n", "magento"),
    ],
)
def test_a_zero_as_the_price_of_a_sale_is_none(read, head, rows, kind):
    zeros = ("0.00", "0", '"0,00"', "$0.00")
    file = read(head + "".join(rows.format(*row) for row in enumerate((*zeros, "9.00"))))
    assert file.kind == kind
    assert [product["price"] for product in file.products] == ["12.50"] * 4 + ["9.00"]
    assert file.products[4]["compare_at_price"] == "12.50"
    (note,) = (text for text in file.prepared.source.notes if "0 is not a price" in text)
    assert file.prepared.source.notes[note] == 4


def test_a_price_of_zero_without_another_stays(read):
    (product,) = read(MAGENTO + "A,x,A,0.00,a,\n").products
    assert product["price"] == "0.00"


MAGENTO = "sku,attribute_set_code,name,price,url_key,configurable_variations\n"


def test_variants_of_magento_without_a_row_are_named(read):
    text = MAGENTO + 'P,Top,Hoodie,40,h,"sku=S,size=S|sku=M,size=M"\nS,Top,Hoodie S,52,s,\n'
    file = read(text)
    assert [chosen(product, "sku", "group") for product in file.products] == [("S", "p")]
    assert file.errors == ["Names the variant M, which has no row; export all products at once."]


def test_a_product_of_magento_none_of_whose_variants_has_a_row_comes_in(read):
    file = read(MAGENTO + 'P,Top,Hoodie,40,h,"sku=S,size=S|sku=M,size=M"\nB,Top,Bag,5,b,\n')
    assert {product["name"]: product["price"] for product in file.products} == {
        "Hoodie": "40",
        "Bag": "5",
    }
    assert len(file.errors) == 2
    assert file.prepared.source.products == 2


def test_a_variant_of_two_products_is_that_of_the_first(read):
    text = MAGENTO + 'P,Top,Hoodie,40,h,"sku=S,size=S"\nQ,Top,Coat,60,c,"sku=S,size=S"\n'
    file = read(text + "S,Top,Hoodie S,52,s,\n")
    assert [product["sku"] for product in file.products] == ["S", "Q"]
    assert file.errors == ["Names the variant S, which P names too; leave one out."]


def test_rows_that_name_themselves_or_variants_as_products_are_sold(read):
    head = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    rows = (
        "1,variation,A,Tea,5,A,Size,S\n2,variable,B,Cup,,,Size,S\n3,variation,C,Cup S,6,B,Size,S\n"
    )
    file = read(head + rows + "4,variation,D,Cup SX,7,C,Size,SX\n")
    assert [product["sku"] for product in file.products] == ["A", "C", "D"]


def test_a_product_of_several_rows_without_a_price_comes_in(read):
    text = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src\n"
    rows = "a,A,,,,http://x/1.jpg\na,,,,,http://x/2.jpg\nb,B,,,5,\n"
    first, second = read(text + rows).products
    assert chosen(first, "name", "price") == ("A", None)
    assert first["image_urls"] == ["http://x/1.jpg", "http://x/2.jpg"]
    assert chosen(second, "name", "price") == ("B", "5")


def test_a_list_of_variants_without_an_object_leaves_the_product(read, tmp_path):
    kind = tmp_path / "own.toml"
    kind.write_text(
        'title = "Own"\n[recognise]\nall = ["name", "handle"]\n'
        '[fold]\nkey = "handle"\neach = "variants"\n'
        '[fields]\nname = "name"\nprice = ["variants.price", "price"]\n'
    )
    shop = tmp_path / "shop.json"
    shop.write_text(
        '[{"name": "A", "handle": "a", "price": 3, "variants": ["S", null]},'
        ' {"name": "B", "handle": "b", "variants": [{"price": 4}]}]'
    )
    products = read(shop, format=str(kind)).products
    assert [chosen(product, "name", "price") for product in products] == [("A", 3), ("B", 4)]


def test_a_plain_table_comes_in_by_the_names_of_its_columns(read):
    (product,) = read("Title,SKU,Price,Color\nMug,M-1,4,red\n", currency="EUR").products
    assert chosen(product, "name", "price", "currency") == ("Mug", "4", "EUR")
    assert product["attributes"] == {"Color": "red"}


def test_an_unknown_file_is_refused_with_what_it_lacks(read):
    with pytest.raises(StackError, match="none of them is the name") as error:
        read("Handle,Option1 Name,Variant Price\na,b,1\n")
    assert "For Shopify, it lacks Title." in str(error.value)
    with pytest.raises(StackError, match=r"^((?! it lacks ).)*$"):
        read("SKU,Color\na,b\n")


def test_a_table_with_a_header_alone_is_refused(read):
    with pytest.raises(StackError, match="has no rows"):
        read("nome,codice,colore\n")


def test_a_named_kind_that_does_not_fit_is_refused(read):
    with pytest.raises(StackError, match="is not of Wix: it lacks handleId"):
        read("Title,SKU\nMug,M-1\n", format="wix")


def test_prices_with_too_many_decimals_are_rounded_and_counted(read):
    head = "product_number,name,price_net,tax_rate,manufacturer_name\n"
    file = read(head + "A,Hat,8.403361,19,Acme\nB,Cap,8.4000,19,Acme\n", currency="EUR")
    assert [product["price"] for product in file.products] == ["8.40", "8.4000"]
    assert sum(file.prepared.mapping.notes.values()) == 1


@pytest.mark.parametrize(
    ("currency", "price", "kept"),
    [
        ("EUR", "8.403361", "8.40"),
        ("EUR", "8.4000", "8.4000"),
        ("KWD", "1.255", "1.255"),
        ("KWD", "1.25549", "1.255"),
        ("CLF", "1.2555", "1.2555"),
        ("JPY", "19.5", "19.5"),  # which the service refuses
        ("JPY", "1200.00", "1200.00"),
        ("EUR", "9" * 40 + ".125", "9" * 40 + ".125"),
    ],
)
def test_prices_are_rounded_to_the_decimals_of_their_currency(read, currency, price, kept):
    head = "product_number,name,price_net,tax_rate,currency\n"
    file = read(head + f"A,Hat,{price},19,{currency}\n", decimal=".")
    assert chosen(file.products[0], "price", "currency") == (kept, currency)


def test_a_price_to_compare_with_that_is_not_above_is_left_out(read):
    head = "Handle,Title,Option1 Value,Variant Price,Variant Compare At Price\n"
    first, second = read(head + "a,A,,5,5.00\nb,B,,5,6\n").products
    assert (first["compare_at_price"], second["compare_at_price"]) == (None, "6")


def test_names_of_named_attributes_may_be_private(read):
    head = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    (product,) = read(head + "1,simple,A,Hat,5,,Supplier,Hidden Ltd\n").products
    assert "Hidden" not in str(product)


def test_a_parent_of_woocommerce_may_be_named_with_a_blank_or_be_missing(read):
    head = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    rows = '42,variable,,Tee,,,Size,"S, M"\n43,variation,A,Tee S,5,id: 42,Size,S\n'
    lonely = "9,variation,B,Lonely,6,id:999,Size,M\n"
    small, other = read(head + rows + lonely).products
    assert chosen(small, "group", "options", "price") == ("id-42", {"Size": "S"}, "5")
    assert chosen(other, "name", "options", "price") == ("Lonely", {"Size": "M"}, "6")


def test_ids_in_categories_of_square_and_colors_of_wix_are_not_shown(read):
    square = "Token,Item Name,Variation Name,Price,Categories\n"
    (book,) = read(square + "T,Book,Regular,3,Books (T2B3ROTJ3HFGVBO22QLOOJDE)\n").products
    assert book["category"] == "Books"
    wix = "handleId,fieldType,name,price,productOptionName1,productOptionDescription1\n"
    file = read(wix + "h,Product,Mug,3,Color,#000:Black;#fff:White\nh,Variant,,,,#000:Black\n")
    assert file.products[0]["options"] == {"Color": "Black"}


def test_squarespace_without_ids(read):
    head = "Title,SKU,Option Name 1,Option Value 1,Price,Product Type [Non Editable],Product URL\n"
    _, blue, pot = read(head + "Mug,A,Color,Red,1,P,m\n,B,,Blue,2,,\nPot,C,,,3,P,p\n").products
    assert chosen(blue, "name", "group", "options") == ("Mug", "mug", {"Color": "Blue"})
    assert pot["name"] == "Pot"


@pytest.mark.parametrize("on_sale", ["No", "Yes", ""])
def test_squarespace_without_a_column_of_sale_prices(read, on_sale):
    head = "Title,SKU,Price,On Sale,Stock,Product Type [Non Editable],Product URL\n"
    (mug,) = read(head + f"Mug,A,12.00,{on_sale},3,P,m\n").products
    assert chosen(mug, "price", "compare_at_price", "stock") == ("12.00", None, 3)


def test_active_listings_of_ebay(read):
    head = "Item number,Title,Custom label (SKU),Available quantity,Start price,Currency,"
    rows = "123,Hat,H-1,4,9.99,GBP,,\n"
    (hat,) = read(head + "Relationship,Relationship details\n" + rows).products
    assert chosen(hat, "sku", "stock", "price", "currency") == ("H-1", 4, "9.99", "GBP")


def test_variations_of_an_active_listing_of_ebay_are_sold_and_the_listing_is_not(read):
    head = "Item number,Title,Variation details,Custom label (SKU),Available quantity,Current price"
    rows = [
        "1,Tee,Color=Red;Blue|Size=L,,7,9.99",
        "1,Tee,Color=Red|Size=L,T-R,4,9.99",
        "1,Tee,Color=Blue;Size=L,T-B,3,8.99",
        "2,Lamp,,LAMP,1,25.00",
    ]
    file = read("\n".join((f"{head},Currency,Watchers", *(f"{row},USD,3" for row in rows))))
    red, blue, lamp = file.products
    assert file.kind == "ebay-listings"
    assert chosen(red, "sku", "stock", "group") == ("T-R", 4, "1")
    assert chosen(blue, "options", "price") == ({"Color": "Blue", "Size": "L"}, "8.99")
    assert chosen(lamp, "sku", "stock", "options") == ("LAMP", 1, None)
    assert "Watchers" not in str(file.products)


def test_keys_that_are_too_long_or_alike_are_made_to_fit(read):
    head = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant SKU\n"
    long, other = "h" * 150, "H!" + "h" * 149
    rows = f"{long},A,Size,{'s' * 120},1,{'k' * 70}\n{other},B,Size,M,2,B\n"
    first, second = read(head + rows).products
    assert first["group"] != second["group"]
    assert max(len(first["group"]), len(second["group"])) <= 100
    assert len(first["options"]["Size"]) == 100
    assert (first.get("sku"), first["attributes"]["sku"]) == (None, "k" * 70)


def test_groups_with_one_slug_stay_apart(read):
    head = "id,title,price,availability,link,item_group_id,color\n"
    rows = [f"{name},{name},1 EUR,in stock,x,{name},red\n" for name in ("Tee!", "Tee?", "👕")]
    first, second, third = read(head + "".join(rows)).products
    assert first["group"] == "tee"
    assert len({first["group"], second["group"], third["group"]}) == 3


def test_a_plain_table_with_decimal_commas_is_read(read):
    file = read("title;price\nTea;5,00\nCup;6,50\nPot;7,50\n")
    assert file.kind == ""
    assert [chosen(product, "name", "price") for product in file.products] == [
        *(("Tea", "5.00"), ("Cup", "6.50"), ("Pot", "7.50"))
    ]


def test_an_amount_of_many_digits_stays_for_the_service_to_name(read):
    digits = "1" * 30
    head = "Handle,Title,Option1 Value,Variant Price,Variant Inventory Qty,Variant Weight Unit,"
    head += "Variant Grams,Variant Compare At Price\n"
    (product,) = read(head + f"a,A,,{digits},{digits},kg,{digits},{digits}\n").products
    names = ("price", "stock", "weight", "compare_at_price")
    assert chosen(product, *names) == (digits,) * 4


def test_a_number_that_is_no_usual_json_fails_in_its_row(read, tmp_path):
    path = tmp_path / "products.json"
    offer = {"@type": "Offer", "price": 5, "priceCurrency": "EUR"}
    products = [{"@type": "Product", "name": name, "offers": offer} for name in ("a", "b")]
    products[0]["size"] = 10**30
    path.write_text(json.dumps({"@context": "https://schema.org", "@graph": products}))
    file = read(path)
    assert [product["name"] for product in file.products] == ["b"]
    assert "Cannot be sent as JSON" in file.errors[0]


@pytest.mark.parametrize(
    ("sku", "external_ref", "own"),
    [("R-1", "R-1", "R-1"), ("", "Ring", None), ("A,B", "Ring", None)],
)
def test_a_listing_of_etsy_in_italian(read, sku, external_ref, own):
    head = "TITOLO,DESCRIZIONE,PREZZO,CURRENCY_CODE,QUANTITÀ,TAG,IMMAGINE1,SKU\n"
    file = read(head + f'Ring,Warm,9.50,EUR,3,"gold_ring,gift",https://x.example/1.jpg,"{sku}"\n')
    (ring,) = file.products
    assert file.kind == "etsy"
    assert chosen(ring, "external_ref", "sku", "price") == (external_ref, own, "9.50")
    assert ring["tags"] == ["gold ring", "gift"]


@pytest.mark.parametrize(
    ("mode", "off", "price", "before"),
    [
        ("PERCENT", "25", "15.00", "20.00"),
        ("AMOUNT", "2.5", "17.50", "20.00"),
        ("PERCENT", "0", "20.00", None),
        ("", "", "20.00", None),
    ],
)
def test_a_discount_of_wix(read, mode, off, price, before):
    head = "handleId,fieldType,name,price,discountMode,discountValue,surcharge\n"
    (mug,) = read(head + f"h,Product,Mug,20.00,{mode},{off},\n").products
    assert chosen(mug, "price", "compare_at_price") == (price, before)


def test_a_price_and_a_discount_that_are_no_numbers_are_named(read):
    head = "handleId,fieldType,name,price,discountMode,discountValue\n"
    file = read(head + "h,Product,Mug,20,AMOUNT,some\n")
    assert "discountValue 'some' are not both plain numbers" in file.errors[0]


def test_names_of_fields_of_odoo(read):
    head = "id,name,list_price,standard_price,sale_ok,cost_method,seller_ids/name,route_ids\n"
    file = read(head + "t1,Lamp,40,11.5,True,fifo,Hidden Ltd,Buy\n,,,,,,Other Ltd,Make\n")
    (lamp,) = file.products
    assert chosen(lamp, "external_ref", "name", "price") == ("t1", "Lamp", "40")
    assert not any(text in str(lamp) for text in ("11.5", "fifo", "Hidden", "Buy"))
    assert (file.kind, file.errors) == ("odoo", [])


def test_a_currency_in_a_header_of_square_is_that_of_a_dollar_sign(read):
    head = "Item Name,Variation Name,Item ID,Variation ID,Price (CAD)\n"
    file = read(head + "Tea,Small,i,v1,$3.50\nTea,Large,i,v2,$5.00\n")
    small, large = file.products
    assert chosen(small, "external_ref", "price", "currency") == ("v1", "3.50", "CAD")
    assert chosen(large, "group", "options") == ("i", {"Variation": "Large"})


def test_a_currency_in_a_header_of_ebay(read):
    head = "#INFO,Version=1\n*Action(SiteID=UK|Currency=GBP|Version=1),Title,Price,Quantity\n"
    file = read(head + "Draft,Hat,9.99,4\n", "ebay")
    (hat,) = file.products
    assert chosen(hat, "price", "currency", "stock") == ("9.99", "GBP", 4)


def test_tags_of_prestashop_have_one_of_two_signs(read):
    head = "Product ID;Active (0/1);Name;Categories (x,y,z...);Price tax excluded;Tags (x,y,z...)\n"
    file = read(head + '1;1;Tea;Home,Tea;5;"green;hot"\n2;1;Pot;Home;9;"clay,big"\n')
    assert [product["tags"] for product in file.products] == [["green", "hot"], ["clay", "big"]]


@pytest.mark.parametrize(
    "head",
    [
        "Identificador de URL;Nombre;Nombre de propiedad 1;Valor de propiedad 1;Precio;"
        "Precio promocional;Stock;Mostrar en tienda;Costo\n",
        "Identificador URL;Nome;Nome da variação 1;Valor da variação 1;Preço;Preço promocional;"
        "Estoque;Exibir na loja;Custo\n",
    ],
)
def test_tiendanube_in_spanish_and_portuguese(read, head):
    file = read(head + "mug;Mug;Color;Red;1,200.00;900.00;2;SI;333\nmug;;;Blue;1,300.00;;;;\n")
    red, blue = file.products
    assert file.kind == "tiendanube"
    assert chosen(red, "price", "compare_at_price", "stock") == ("900.00", "1200.00", 2)
    assert chosen(blue, "price", "name", "stock") == ("1300.00", "Mug", None)
    assert chosen(blue, "group", "options") == ("mug", {"Color": "Blue"})
    assert "333" not in str(file.products)


def test_opencart_in_other_languages(read):
    head = "product_id\tname(de-de)\tname(ru-ru)\tquantity\tmodel\timage_name\tprice\tstatus\n"
    (tea,) = read(head + "28\tTee\tChai\t9\tT\ttea.jpg\t4.50\ttrue\n").products
    assert chosen(tea, "name", "sku", "price") == ("Tee", "T", "4.50")
    assert tea["attributes"]["name(ru-ru)"] == "Chai"


def test_the_quantity_of_open_food_facts_is_no_stock(read):
    head = "code\turl\tcreator\tproduct_name\tquantity\tbrands\tcategories\tlabels\tcountries_en\t"
    rows = "4006381333931\tx\tsome\tCocoa\t400 g\tAcme\tSpreads,Sweet\tOrganic\tFrance\t30.9\n"
    file = read(head + "fat_100g\n" + rows)
    (cocoa,) = file.products
    assert file.kind == "open-food-facts-csv"
    assert chosen(cocoa, "gtin", "brand", "stock") == ("4006381333931", "Acme", None)
    assert cocoa["attributes"] == {
        **{"content": "400 g", "countries_en": "France", "fat per 100 g": 30.9},
    }


def test_a_row_without_a_handle_and_with_a_title_of_its_own_is_refused(read):
    head = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    file = read(
        head + "a,Shirt,Size,S,A-S,5,\n,,,M,A-M,6,\n,,,,,,https://x.example/a.jpg\n"
        ",Mug,,,M-1,7,\n,,,L,M-L,7,\nb,Pot,,,P,8,\n,pot,,XL,P-X,9,\n,,,,P-2,9,\n"
    )
    assert [product["sku"] for product in file.products] == ["A-S", "A-M", "P", "P-X"]
    assert file.errors == ["Has no Handle, which names its product."] * 3


def test_a_row_without_an_id_or_options_does_not_continue_the_row_above(read):
    head = "Title,SKU,Option Name 1,Option Value 1,Price,Product Type [Non Editable],Product URL\n"
    file = read(head + "Mug,A,Color,Red,1,P,m\n,B,,Blue,2,,\n,C,,,3,,\n")
    assert [product["sku"] for product in file.products] == ["A", "B"]
    assert len(file.errors) == 1
    assert "which names its product" in file.errors[0]


def test_rows_below_one_that_cannot_be_read_do_not_continue_the_product_above_it(read):
    head = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    file = read(
        head + "a,Shirt,Size,S,A-S,5\nb,Mug,Color,Red,B-R,5,6,7\n,,,Blue,B-B,5\na,,,M,A-M,5\n"
    )
    assert [product["sku"] for product in file.products] == ["A-S", "A-M"]
    assert file.errors == [
        "Has 8 cells, but the header has 6.",
        "Continues row 3, which cannot be read; correct that one.",
    ]


def test_a_row_of_totals_is_no_product(read):
    file = read(
        "Product Name,Product Code/SKU,Price,Inventory Level,Category,Product ID,Item Type\n"
        "Hat,H-1,5,3,Hats,1,Product\nTotal,,5,3,,,\n"
    )
    assert [product["name"] for product in file.products] == ["Hat"]
    assert file.errors == [
        "Is a row of totals: 'Total' is its only text beside numbers. Remove the row; if it is "
        "none, write its SKU or another key."
    ]


def test_a_barcode_that_a_spreadsheet_has_shortened_is_refused(read):
    head = "Handle,Title,Option1 Value,Variant Price,Variant Barcode\n"
    file = read(head + "a,A,,5,4.00638E+12\n")
    assert file.products == []
    assert file.errors[0].startswith("Variant Barcode: '4.00638E+12' is a number that a spreadsh")
