"""Tables that are imported as something else than they are."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.columns.kinds_of_tables import check_kind

TABLES = {
    "products": (
        "name,sku,price,stock",
        "Title,Price,Order,Supplier email",
        "Bezeichnung;Bestellnummer;Preis;Bestand",
        "id,external_ref,name,slug,price,currency,stock,category,tags",
        "name,order,color",
    ),
    "orders": (
        "Order number,Customer,Email,Product,Qty,Price",
        "order_id,shipping_city,sku,quantity,unit price",
        "Auftragsnummer;Kunde;Artikel;Menge;Preis;Anzahl",
        "Numéro de commande;Ville de livraison;Article;Quantité;Prix;Qty",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Email",
        "external_ref,placed_at,client_id,client,order,items",
    ),
    "clients": (
        "name,email,phone,city",
        "external_ref,name,email,birthday,addresses",
        "First name,Last name,Email,Total orders",
        "order,name,email",
    ),
    "categories": ("name,parent,position", "Category,Description,Sort order", "path,count,stock"),
}


def columns(text):
    return text.replace(";", ",").split(",")


@pytest.mark.parametrize(
    ("resource", "header"), [(name, header) for name, each in TABLES.items() for header in each]
)
def test_a_table_is_imported_as_what_it_is(resource, header):
    check_kind(resource, columns(header), "a.csv")
    check_kind("games", columns(header), "a.csv")


@pytest.mark.parametrize(
    ("resource", "other", "number"),
    [
        *(("products", "orders", number) for number in range(5)),
        *(("products", "clients", number) for number in range(3)),
        *(("categories", "products", number) for number in range(4)),
        *(("categories", "orders", number) for number in range(5)),
        *(("categories", "clients", number) for number in range(3)),
        *(("clients", "products", number) for number in range(4)),
        *(("clients", "orders", number) for number in range(5)),
        *(("orders", "products", number) for number in (0, 2, 3)),
        *(("orders", "clients", number) for number in range(3)),
    ],
)
def test_a_table_of_another_resource_is_refused_with_the_command(resource, other, number):
    with pytest.raises(StackError) as refused:
        check_kind(resource, columns(TABLES[other][number]), "a.csv")
    assert str(refused.value).startswith("a.csv has ")
    assert f"`vitrine import {other} FILE`" in str(refused.value)


def test_the_columns_that_tell_it_are_named():
    with pytest.raises(StackError, match=r"^a\.csv has Order number and Customer, as tables of"):
        check_kind("products", columns("Order number,Customer,Name,City"), "a.csv")
