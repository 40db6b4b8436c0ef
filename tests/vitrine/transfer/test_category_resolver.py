"""Categories of products: found by slug, id, name or path, and the types their rules ask for."""

import pytest

from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.categories import CategoryResolver, PathRules, category_text
from vitrine.transfer.columns.facts import fit_types


class Categories:
    """A categories service in memory, of slugs with their names and parents."""

    def __init__(self):
        self.stored = [
            {"id": 1, "slug": "men", "name": "Men", "parent": None},
            {"id": 2, "slug": "tops", "name": "Tops", "parent": "men"},
            {"id": 3, "slug": "women", "name": "Women", "parent": None},
            {"id": 4, "slug": "tops-2", "name": "Tops", "parent": "women"},
            {"id": 5, "slug": "ac-dc", "name": "AC/DC", "parent": None},
            {"id": 6, "slug": "food", "name": "Food, Drinks & more", "parent": None},
            {"id": 7, "slug": "c", "name": "C++", "parent": None},
            {"id": 8, "slug": "cafe", "name": "Cafe\u0301", "parent": None},
        ]
        self.created = []
        self.batches = []

    def items(self, path, **query):
        return iter(self.stored)

    def get(self, path, **query):
        if path == "/categories/old-men":
            return {"slug": "men"}
        if path == "/categories/tops":
            return {"all_attributes": {"ean": {"type": "string"}}}
        raise RequestRefused("There is no such category.")

    def post(self, path, body):
        self.created.append((body["parent"], body["name"]))
        slug = body["name"].lower()
        rules = {"inherited": {"type": "boolean"}}
        return {"slug": slug, "id": 100 + len(self.created), "all_attributes": rules}

    def batch(self, bodies):
        self.batches.append(len(bodies))
        made = [self.post("/categories", body) for body in bodies]
        return {"results": [{"result": "created", **each} for each in made]}


class Refusing(Categories):
    def batch(self, bodies):
        raise RequestRefused("Too many requests.")


def resolve(*texts, column="category", separator=None, create=False, dry_run=False):
    """Return the items of texts, and the categories that were created."""
    client = Categories()
    rules = PathRules.of(column, [text for text in texts if isinstance(text, str)], separator)
    resolver = CategoryResolver(client, create, dry_run, rules)
    items = [{"category": text} for text in texts]
    for item in items:
        resolver.resolve(item)
    return items, client.created


def slug(text, **options):
    (item,), _ = resolve(text, **options)
    return item["category"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tops-2", "tops-2"),
        ("4", "tops-2"),
        ("men", "men"),
        ("WOMEN", "women"),
        ("Caf\u00e9", "cafe"),
        ("C++", "c"),
        ("AC/DC", "ac-dc"),
        ("Food, Drinks & more", "food"),
        ("Men/Tops", "tops"),
        ("Men > Tops", "tops"),
        ("women>tops", "tops-2"),
        ("old-men", "men"),
        ("Women/Tops\nMen", "tops-2"),
        ("Men/Tops,Women/Tops", "tops-2"),
        ("Men > Tops, Women > Tops", "tops-2"),
        (["Men", "C++"], "c"),
    ],
)
def test_a_category_that_exists_is_found(text, found):
    assert slug(text) == found
    assert slug(text, create=True) == found


def test_a_name_that_several_categories_have_is_refused_with_their_slugs():
    with pytest.raises(StackError, match="Several categories are named 'Tops': tops, tops-2"):
        slug("Tops")


def test_a_name_among_paths_is_that_of_a_root_if_several_categories_have_it():
    class Shop(Categories):
        def __init__(self):
            super().__init__()
            self.stored.append({"id": 9, "slug": "men-2", "name": "Men", "parent": "women"})

    for rules in (PathRules(">"), PathRules.of("category", ["Men", "Women > Men"], None)):
        item = {"category": "Men"}
        CategoryResolver(Shop(), False, False, rules).resolve(item)
        assert item["category"] == "men"
    names = PathRules.of("category", ["Men", "Women"], None)
    with pytest.raises(StackError, match="Several categories are named 'Men': men, men-2"):
        CategoryResolver(Shop(), False, False, names).resolve({"category": "Men"})


@pytest.mark.parametrize("text", ["C#", "C!", "Menn"])
def test_a_name_that_is_unknown_is_left_to_the_service(text):
    assert slug(text) == text


def test_a_path_that_does_not_exist_is_refused():
    with pytest.raises(StackError, match="There is no category 'Men/Shoes'; create it, or add"):
        slug("Men/Shoes")


@pytest.mark.parametrize(
    ("texts", "options", "created"),
    [
        (["Home > Cups"], {}, [(None, "Home"), ("home", "Cups")]),
        (["Men/Shoes"], {"separator": "/"}, [("men", "Shoes")]),
        (["Men/Shoes", "Men/Hats"], {}, [("men", "Shoes"), ("men", "Hats")]),
        (["Home", "Home/Cups"], {}, [(None, "Home"), ("home", "Cups")]),
        (["Home > Tea/Coffee"], {}, [(None, "Home"), ("home", "Tea/Coffee")]),
        (["Tea/Coffee"], {"separator": "none"}, [(None, "Tea/Coffee")]),
        (["A|B"], {"separator": "|"}, [(None, "A"), ("a", "B")]),
        (["Bed, Bath & Beyond"], {}, [(None, "Bed, Bath & Beyond")]),
        (["C"], {}, [(None, "C")]),
        (["Pets, Birds > Food"], {}, [(None, "Pets, Birds"), ("pets, birds", "Food")]),
        (["Home, iPods"], {"column": "Categories (x,y)"}, [(None, "iPods")]),
    ],
)
def test_categories_that_are_missing_are_created(texts, options, created):
    assert resolve(*texts, create=True, **options)[1] == created
    assert resolve(*texts, create=True, dry_run=True, **options)[1] == []


def test_a_slash_that_may_be_part_of_a_name_is_asked_for():
    with pytest.raises(StackError, match=r"FILE --path-separator /` for a path, or .* none for a"):
        slug("Tea/Coffee", create=True)


def test_several_categories_of_a_cell_stay_as_an_attribute():
    (item,), _ = resolve("Home, iPods", column="Categories", create=True)
    assert item == {"category": "ipods", "attributes": {"categories": ["Home", "iPods"]}}


def test_the_rules_of_a_category_decide_the_types_of_attributes():
    resolver = CategoryResolver(Categories(), create=False, dry_run=False)
    assert resolver.rules({"category": "tops"}) == {"ean": {"type": "string"}}
    assert resolver.rules({"category": "men"}) == resolver.rules({}) == {}


def test_the_rules_of_many_categories_are_read_by_one_walk():
    client = Categories()
    for category in client.stored:
        category["all_attributes"] = {"ean": {"type": "string"}}
    client.get = lambda *args, **query: pytest.fail("A category is read by itself.")
    resolver = CategoryResolver(client, create=True, dry_run=False)
    items = [{"category": text} for text in ("Men", "Women", "Men > New")]
    for item in items:
        resolver.resolve(item)
    rules = list(map(resolver.rules, items))
    assert rules == [{"ean": {"type": "string"}}] * 2 + [{"inherited": {"type": "boolean"}}]


def test_the_categories_of_many_rows_are_created_a_level_at_a_time():
    texts = [
        "Men > Hats",
        "Men > Hats > Felt",
        "Women > Hats",
        "Games",
        "hats",
        "Men",
        "Tops",
        "x/y",
    ]
    client = Categories()
    resolver = CategoryResolver(client, create=True, dry_run=False, paths=PathRules(">"))
    items = [{"category": text} for text in texts]
    resolver.create_missing(items)
    assert client.created == [
        *((None, "Games"), (None, "x/y")),
        *(("men", "Hats"), ("women", "Hats"), ("hats", "Felt")),
    ]
    assert client.batches == [2, 2, 1]
    resolver.create_missing(items)
    for item in items[:6]:
        resolver.resolve(item)
    assert len(client.created) == 5
    slugs = [item["category"] for item in items[:6]]
    assert slugs == ["hats", "felt", "hats", "games", "hats", "men"]


def test_a_dry_run_and_a_refusal_create_no_level():
    for client in (Categories(), Refusing()):
        resolver = CategoryResolver(client, create=True, dry_run=type(client) is Categories)
        resolver.create_missing([{"category": "New > Newer"}])
        assert client.created == []


@pytest.mark.parametrize(
    ("value", "type", "text", "fitted"),
    [
        (5901234123457, "string", "5901234123457", "5901234123457"),
        (True, "string", "TRUE", "TRUE"),
        (2.5, "string", None, "2.5"),
        ("1.10", "number", "1.10", 1.1),
        ("007", "integer", "007", 7),
        ("x", "integer", "x", "x"),
        ("True", "boolean", "True", True),
        (5.0, "integer", None, 5),
        ([1, 2], "string", None, ["1", "2"]),
        ("007", None, "007", "007"),
    ],
)
def test_an_attribute_gets_the_type_of_its_rule(value, type, text, fitted):
    item = {"attributes": {"a": value, "other": 1}}
    fit_types(item, {"a": {"type": type}, "b": {"type": "string"}}, {"a": text} if text else {})
    assert item == {"attributes": {"a": fitted, "other": 1}}


@pytest.mark.parametrize(
    ("text", "path"),
    [("Tops", "Tops"), ("Men / Tops/", "Men/Tops"), ("New,Men/Tops", "Men/Tops"), ("/", "")],
)
def test_a_category_is_named_by_its_deepest_path(text, path):
    resolver = CategoryResolver(Categories(), create=True, dry_run=True)
    assert resolver.path(text) == path


def test_the_path_of_a_missing_category_follows_the_rules_of_the_file():
    rules = PathRules.of("category", ["Tea/Coffee"], "none")
    resolver = CategoryResolver(Categories(), create=True, dry_run=True, paths=rules)
    assert resolver.path("Tea/Coffee") == "Tea/Coffee"
    assert resolver.path("Food > Tea") == "Food > Tea"


@pytest.mark.parametrize(
    ("value", "text"), [(["Men", "Tops"], "Men\nTops"), ("Men", "Men"), ([1], ""), (" ", "")]
)
def test_a_list_names_several_categories(value, text):
    assert category_text({"category": value}) == text
