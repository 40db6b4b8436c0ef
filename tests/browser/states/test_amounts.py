"""Numbers and prices as the modules of the console reckon and read them, in a browser."""

import pytest

from tests.browser.stub.server import Stub

PLANNED = """async ([item, change]) => {
  const {planned} = await import("/static/js/bulk/plan.js");
  const {after, why} = planned(item, change);
  return after ? after.price : why; }"""
READ_BACK = """async (values) => {
  const {isSigned, numberOf, typed} = await import("/static/js/amounts.js");
  return values.map((value) => [numberOf(typed(value)), isSigned(typed(value))]); }"""
LOCALES = (
    "en-GB", "de-DE", "de-CH", "fr-FR", "fr-CH", "es-ES", "pt-BR", "pl-PL", "sv-SE", "nb-NO",
    "fi-FI", "lt-LT", "sl-SI", "ru-RU", "tr-TR", "he-IL", "ar-EG", "fa-IR", "ur-PK", "hi-IN",
    "mr-IN", "bn-BD", "th-TH", "ja-JP", "zh-CN",
)  # fmt: skip
VALUES = [0, 1.5, -18.5, -3, 0.125, 1234.5, 1234567, -0.01, 1e-7]


@pytest.fixture(scope="module")
def page(browser):
    """A page that any script of the console can be loaded into."""
    with Stub() as stub:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(stub.url)
        yield page
        context.close()


@pytest.mark.parametrize(
    ("price", "how", "value", "ending", "expected"),
    [
        (0.9, "percent", 10, 0.99, 0.99),  # 0.9 * 1.1 - 0.99 is 1.1e-16.
        (1.005, "amount", 0, None, 1.01),
        (12.5, "percent", 10, 0.95, 13.95),
        (0.2, "percent", -50, 0.99, 0.99),
        (1e-7, "percent", 10, None, 0),
        (1e21, "amount", 0, None, 1e21),
        (1e308, "percent", 1e308, None, "Its price would be too large."),
        (0.9, "amount", -1, None, "Its price would be below zero."),
        (None, "amount", 1, None, "It has no price."),
        (None, "set", None, None, None),
    ],
)
def test_a_price_of_many_is_a_number_or_refused(page, price, how, value, ending, expected):
    item = {"slug": "cup", "price": price, "currency": "EUR"}
    change = {"field": "price", "how": how, "value": value, "ending": ending}
    assert page.evaluate(PLANNED, [item, change]) == expected


@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_in_a_field_can_be_read_back(browser, stub, locale):
    context = browser.new_context(locale=locale)
    try:
        page = context.new_page()
        page.goto(stub.url)
        assert page.evaluate(READ_BACK, VALUES) == [[value, value < 0] for value in VALUES]
    finally:
        context.close()
