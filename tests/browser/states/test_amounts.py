"""Modules of the console by themselves, in a browser: numbers, prices, the words of refusals."""

import ast
import re

import pytest

from tests.browser.conftest import LOAD
from tests.browser.stub.server import Stub
from tests.support.services import ROOT

PLANNED = """async ([item, change]) => {
  const {planned} = await load("bulk/plan.js");
  const {after, why} = planned(item, change);
  return after ? after.price : why; }"""
READ_BACK = """async (values) => {
  const {isSigned, numberOf, typed, typedPrice} = await load("amounts.js");
  const exact = (value) => ["EUR", "JPY", null].every(
    (currency) => numberOf(typedPrice(value, currency)) === value);
  return values.map((value) => [numberOf(typed(value)), isSigned(typed(value)), exact(value)]); }"""
PRICES = """async (prices) => {
  const {typedPrice} = await load("amounts.js");
  return prices.map(([value, currency]) => typedPrice(value, currency)); }"""
IN_PAGE_WORDS = """async (sentences) => {
  const {inPageWords} = await load("page_words.js");
  return sentences.map(inPageWords); }"""
# Advice that only callers of the API can follow.
FOR_CALLERS = re.compile(
    r"\b(GET|POST|PUT|PATCH|DELETE) [/{]|If-Match|Idempotency-Key|\?\w+=|the parameter "
)
# Such advice in sentences that no request of a page meets, by how they begin.
NOT_IN_PAGES = (
    "A batch does not accept If-Match",
    "Idempotency-Key is not valid",  # Pages make their keys.
    "If-Match has",  # Pages send what they were sent.
    "If-Match is missing",
    "Is a query parameter",  # Pages put these into the URL.
    "Is for lists only",
    "There is no _ _, and the server assigns ids",  # by PUT
)
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
        context.add_init_script(LOAD)
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


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_in_a_field_can_be_read_back(browser, stub, locale):
    context = browser.new_context(locale=locale)
    try:
        context.add_init_script(LOAD)
        page = context.new_page()
        page.goto(stub.url)
        assert page.evaluate(READ_BACK, VALUES) == [[value, value < 0, True] for value in VALUES]
    finally:
        context.close()


def test_a_price_has_the_decimals_that_are_usual(page):
    prices = [[29.9, "EUR"], [30, "EUR"], [29.999, "EUR"], [2990, "JPY"], [29.9, None], [30, None]]
    shown = page.evaluate(PRICES, prices)
    assert shown == ["29.90", "30.00", "29.999", "2990", "29.90", "30"]


def advice():
    """Yield the sentences of the services that advise callers of their API, with _ for values."""
    for folder in ("shared/http", "shared/resource", "shared/storage", "api_*"):
        for path in ROOT.glob(f"{folder}/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                values = [part.value if isinstance(part, ast.Constant) else "_" for part in parts]
                text = "".join(map(str, values))
                is_docstring = "``" in text or "\n" in text
                if text.endswith(".") and not is_docstring and FOR_CALLERS.search(text):
                    yield text


def test_a_refusal_advises_readers_of_a_page_what_a_page_can_do(page):
    """Callers by curl get the words of the API, from the same services."""
    sentences = sorted({text for text in advice() if not text.startswith(NOT_IN_PAGES)})
    assert len(sentences) > 8
    told = page.evaluate(IN_PAGE_WORDS, sentences)
    assert [text for text in told if FOR_CALLERS.search(text)] == []
    said = page.evaluate(IN_PAGE_WORDS, ["No client 7. Create it first with POST /clients."])
    assert said == ["No client 7. Create it first on the page Clients."]
