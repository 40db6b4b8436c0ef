"""Words of six languages: one declaration, read as fields, as private, or asked about."""

import tomllib
from pathlib import Path

import pytest

from vitrine.transfer.columns import header_words, words
from vitrine.transfer.columns.field_names import FIELD_NAMES, key_of
from vitrine.transfer.columns.private_names import is_private
from vitrine.transfer.mapping import RowMapping

DECLARED = tomllib.loads(Path(header_words.__file__).with_suffix(".toml").read_text())
LANGUAGES = DECLARED["languages"]


def test_a_word_of_products_names_one_field_only():
    fields = {}
    for field, names in FIELD_NAMES["products"].items():
        for name in names:
            assert fields.setdefault(key_of(name), field) == field, name


def test_an_ambiguous_word_names_no_field():
    known = {key_of(name) for names in FIELD_NAMES["products"].values() for name in names}
    ambiguous = {key_of(word) for entry in DECLARED["ambiguous"] for word in entry["words"]}
    assert not known & ambiguous


def test_no_word_of_a_field_is_private():
    for field, names in FIELD_NAMES["products"].items():
        assert not [name for name in names if is_private(name)], field
    words = [word for entry in DECLARED["ambiguous"] for word in entry["words"]]
    assert not [word for word in words if is_private(word)]


@pytest.mark.parametrize("field", [name for name in FIELD_NAMES["products"] if name != "group"])
def test_each_field_has_words_in_each_language(field):
    assert set(DECLARED["products"][field]) == set(LANGUAGES)


def test_a_text_in_cells_has_one_meaning_in_each_kind_of_column():
    pairs = [("available", "unavailable"), ("active", "draft"), ("active", "archived")]
    for one, other in [*pairs, ("draft", "archived"), ("yes", "no")]:
        assert not header_words.cell_texts(one) & header_words.cell_texts(other)


PRIVATE = (
    *("Einkaufspreis", "EK", "EK-Preis", "Preis EK", "Lieferant", "Lieferanten-Artikelnummer"),
    *("Marge", "Marge in %", "Großhandelspreis", "Händlerpreis", "interne Notiz", "Kosten"),
    *("prix d'achat", "Prix d’achat HT", "Prix de revient", "Fournisseur", "Coût", "marge (%)"),
    *("Precio de compra", "Coste", "Proveedor", "Margen", "Precio mayorista", "nota interna"),
    *("Prezzo d'acquisto", "Prezzo di acquisto", "Costo", "Fornitore", "Margine", "Ricarico"),
    *("Inkoopprijs", "Kostprijs", "Leverancier", "Leverancierscode", "winstmarge", "Marge"),
    *("Cost per item", "costPrice", "Supplier", "Purchase price", "Wholesale price"),
    *("costprice", "unitcost", "purchaseprice", "buyprice", "wholesaleprice", "dealerprice"),
    *("avgcost", "supplierid", "purchase prices", "purchase_prices_net", "purchasepricenet"),
    *("supply price", "reseller price", "supplyprice", "costperitem", "landedcosts", "net_cost"),
    *("Dealer prices", "profitmargin", "grossprofit", "internalnotes", "ekpreis", "Notes internes"),
    *("Email", "E-Mail-Adresse", "Customer Email", "Phone Number", "date of birth", "Geburtsdatum"),
    *("Correo electrónico", "Numéro de téléphone", "Data di nascita", "Telefoonnummer"),
    *("Purchase Rate", "Purchase Description", "Opening Stock Value", "minimum_price"),
    *("minimum_seller_allowed_price", "Verrechnungspreis", "Gleitender Durchschnittspreis"),
    *("Preço de custo", "Fornecedor", "Cena zakupu", "Cena zakupu netto", "Marża (%)"),
    *("Inköpspris", "Leverantör", "Kostpris", "Indkøbspris", "Leverandør"),
    *("prixdachat", "preciodecompra", "suppliers_code", "wholesalers", "productcost"),
)
PUBLIC = (
    *("Versandkosten", "Lieferzeit", "Lieferumfang", "Preis", "Kostenloser Versand"),
    *("Frais de port", "Coût de livraison", "Prix", "Prix de vente", "Portée"),
    *("Gastos de envío", "Coste de envío", "Precio", "Precio de venta", "Costura"),
    *("Costo di spedizione", "Prezzo", "Verzendkosten", "Prijs", "Levertijd", "Shipping cost"),
    *("Preço", "Cena brutto", "Pris", "Lagersaldo", "Minimum age", "purchase limit", "stock"),
    *("costume", "Costumes", "costume size", "Costa Rica", "coaster", "shippingcost", "Price"),
    *("shipping_costs", "deliverycost", "tradename", "Trade mark", "Internal storage", "buyer"),
    *("Network", "Grossary", "Net weight", "Purchase note", "Factory", "supply voltage"),
    *("Phone model", "iPhone", "Mobile", "Birthday card", "Mail order", "Enamel", "Serial number"),
    *("Dealer", "Reseller", "Vendor", "profile", "marginal", "nonprofit", "marker", "Preis"),
)


@pytest.mark.parametrize("column", PRIVATE)
def test_a_private_column_is_found(column):
    assert is_private(column)
    assert is_private(column.lower())


@pytest.mark.parametrize("column", PUBLIC)
def test_a_public_column_is_not_private(column):
    assert not is_private(column)


TYPES = {
    **dict.fromkeys(("name", "sku", "category", "brand", "tax_class", "description"), "Text"),
    **{"status": "Plain", "price": "Money", "compare_at_price": "Money", "currency": "Currency"},
    **{"stock": "Whole", "weight": "Grams", "gtin": "Gtin", "tags": "Tags"},
    "attributes": "Attributes",
}
FIELDS = {name: {"type": type, "read_only": False, "aliases": []} for name, type in TYPES.items()}
HEADERS = {
    "de": "Bezeichnung;Artikel-Nr.;Preis;UVP;Lagerbestand;Warengruppe;Beschreibung;EAN;"
    "Gewicht (kg);Schlagwörter;Hersteller;Steuersatz;aktiv;Einkaufspreis;Lieferant;Farbe",
    "fr": "Désignation;Référence;Prix de vente;Prix barré;Quantité en stock;Catégorie;Description;"
    "Code-barres;Poids (kg);Étiquettes;Marque;Taux de TVA;Actif;Prix d'achat;Fournisseur;Couleur",
    "es": "Nombre;Referencia;Precio;Precio anterior;Existencias;Categoría;Descripción;Código de "
    "barras;Peso (kg);Etiquetas;Marca;Tipo de IVA;Activo;Precio de compra;Proveedor;Color",
    "it": "Nome;Codice articolo;Prezzo;Prezzo barrato;Giacenza;Categoria;Descrizione;Codice a "
    "barre;Peso (kg);Etichette;Produttore;Aliquota IVA;Attivo;Prezzo d'acquisto;Fornitore;Colore",
    "nl": "Naam;Artikelnummer;Prijs;Adviesprijs;Voorraad;Productcategorie;Omschrijving;"
    "Streepjescode;Gewicht (kg);Trefwoorden;Merk;Btw-tarief;Actief;Inkoopprijs;Leverancier;Kleur",
    "en": "Product name;SKU;Price;Compare at price;Stock;Category;Description;Barcode;"
    "Weight (kg);Tags;Brand;Tax rate;Active;Purchase price;Supplier;Colour",
}
CELLS = "Tee;T-1;4,50 €;5,00 €;7;Tee;Fein;4006381333931;0,5;neu, grün;Leaf;7 %;{no};2,00 €;Wu;rot"
NO = {"de": "nein", "fr": "non", "es": "no", "it": "no", "nl": "nee", "en": "no"}


def mapped(columns, cells):
    row = dict(zip(columns, cells, strict=True))
    mapping = RowMapping(FIELDS, (), (), (), None, FIELD_NAMES["products"])
    mapping.survey(row)
    mapping.decide()
    return mapping.item(row, are_texts=True), mapping.plan


@pytest.mark.parametrize("language", HEADERS)
@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.replace(" ", "_")])
def test_a_table_in_each_language_gives_the_same_product(language, change):
    columns = change(HEADERS[language]).split(";")
    columns[8] = HEADERS[language].split(";")[8]  # The unit of the weight.
    item, plan = mapped(columns, CELLS.format(no=NO[language]).split(";"))
    attributes = item.pop("attributes")
    assert item == {
        **{"name": "Tee", "sku": "T-1", "price": "4.50", "compare_at_price": "5.00"},
        **{"currency": "EUR", "stock": 7, "category": "Tee", "description": "Fein"},
        **{"gtin": "4006381333931", "weight": "500", "tags": ["neu", "grün"], "brand": "Leaf"},
        **{"tax_class": "7 %", "status": "draft"},
    }
    assert list(attributes.values()) == ["rot"]
    assert "Wu" not in str(attributes)
    assert not plan.notes


@pytest.mark.parametrize(
    ("column", "question"),
    [
        ("Nettopreis", "Nettopreis may be the price (with or without tax?)"),
        ("Prix HT", "Prix HT may be the price (with or without tax?)"),
        ("Listenpreis", "Listenpreis may be the price (the price, or a higher one beside it?)"),
        ("MwSt.", "MwSt. may be the tax_class (a rate, or an amount?)"),
        ("Menge", "Menge may be the stock (pieces in stock, or the content of a pack?)"),
    ],
)
def test_an_ambiguous_word_is_asked_about(column, question):
    item, plan = mapped(["Name", column], ["Tee", "5"])
    assert item == {"name": "Tee", "attributes": {plan.roles[column].target: 5}}
    note = plan.notes[-1]
    assert note.startswith(question)
    assert "import products with --map" in note


def test_an_ambiguous_word_beside_a_sure_one_is_not_asked_about():
    item, plan = mapped(["Name", "Preis", "Nettopreis"], ["Tee", "5", "4"])
    assert item["price"] == "5"
    assert not plan.notes


def test_a_weight_without_a_unit_is_said():
    _, plan = mapped(["Name", "Gewicht"], ["Tee", "500"])
    assert plan.notes == [
        "Gewicht names no unit: numbers without one are read as grams; if they are not, write the "
        "unit in the header, such as 'Gewicht (kg)'"
    ]


@pytest.mark.parametrize(
    ("text", "available"),
    [
        *(("auf Lager", True), ("nicht lieferbar", False), ("Rupture de stock", False)),
        *(("disponible", True), ("Agotado", False), ("esaurito", False), ("Op voorraad", True)),
        *(("sí", True), ("OUI", True), ("nee", False), ("https://schema.org/PreOrder", True)),
        ("vielleicht", None),
    ],
)
def test_texts_about_availability(text, available):
    assert words.availability(text) is available


@pytest.mark.parametrize(
    ("text", "status"),
    [
        *(("Entwurf", "draft"), ("aktiv", "active"), ("brouillon", "draft"), ("Publié", "active")),
        *(("bozza", "draft"), ("gearchiveerd", "archived"), ("no publicado", "draft")),
        ("neu", None),
    ],
)
def test_texts_about_publication(text, status):
    assert words.status(text) == status
