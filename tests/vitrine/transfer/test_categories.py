"""Files of categories: the levels of the tree, from paths and from parents."""

import pytest

from vitrine.transfer.categories import CategoryNode, import_tree, tree_levels
from vitrine.transfer.importer import ImportReport, ItemImporter, WriteMode


def tree(items):
    return [
        [(node.item.get("name"), node.parent, node.row) for node in level]
        for level in tree_levels(enumerate(items, 1))
    ]


def test_children_before_parents_and_parents_from_paths_only():
    def path(*ids):
        return [{"id": each, "name": each.upper()} for each in ids]

    items = [
        {"external_ref": "c", "name": "C", "path": path("a", "b", "c")},
        {"external_ref": "a", "name": "A", "path": path("a")},
        {"external_ref": "d", "name": None, "path": path("a", "d")},
    ]
    assert tree(items) == [
        [("A", None, 2)],
        [("B", "a", 0), (None, "a", 3)],
        [("C", "b", 1)],
    ]


def test_paths_of_names_with_and_without_the_category_itself():
    items = [
        {"name": "Tops", "path": "Men"},
        {"name": "Men"},
        {"name": "Tees", "path": "Men/Tops/Tees"},
    ]
    names = [[(name, row) for name, _, row in level] for level in tree(items)]
    assert names == [[("Men", 2)], [("Tops", 1)], [("Tees", 3)]]


def test_parents_by_slug_as_an_export_has_them():
    items = [
        {"slug": "b", "name": "B", "parent": "a"},
        {"slug": "a", "name": "A"},
        {"slug": "c", "name": "C", "parent": "elsewhere"},
    ]
    assert [sorted(name for name, _, _ in level) for level in tree(items)] == [["A", "C"], ["B"]]


def test_a_cycle_in_a_file_ends_and_drops_nothing():
    items = [{"slug": "a", "name": "A", "parent": "b"}, {"slug": "b", "name": "B", "parent": "a"}]
    assert sorted(name for level in tree(items) for name, _, _ in level) == ["A", "B"]


def test_slugs_found_at_one_level_are_the_parents_of_the_next():
    sent = []

    def send(level):
        sent.extend((node.item["name"], node.item.get("parent")) for node in level)
        return {node.ref: f"slug-{node.item['name']}" for node in level}

    import_tree(enumerate([{"name": "a/b", "path": "Men"}, {"name": "Men"}], 1), send)
    assert sent == [("Men", None), ("a/b", "slug-Men")]


def test_a_parent_is_a_name_in_any_case_or_the_slug_that_a_name_gets():
    items = [
        {"name": "Books", "parent": "C#"},
        {"name": "C++"},
        {"name": "C#"},
        {"name": "Tools", "parent": "c++"},
        {"name": "Guides", "parent": "c"},
        {"name": "Other", "parent": "C!"},
    ]
    levels = list(tree_levels(enumerate(items, 2)))
    parents = {node.item["name"]: node.parent for level in levels for node in level}
    assert parents["Books"] == "c#"
    assert parents["Tools"] == parents["Guides"] == "c++"
    assert parents["Other"] == "C!"  # The service refuses it.


def sent_tree(items, failing=()):
    """Import some items, of which those with some names fail; return the nodes by name."""
    nodes = {}

    def send(level):
        nodes.update((node.item["name"], node) for node in level)
        good = (node for node in level if not node.fault and node.item["name"] not in failing)
        return {node.ref: f"slug-{node.item['name']}" for node in good}

    import_tree(enumerate(items, 2), send)
    return nodes


def test_the_children_of_a_category_that_failed_fail_too():
    items = [
        {"external_ref": "7", "name": "Men"},
        {"external_ref": "8", "name": "Tops", "parent": "7"},
        {"external_ref": "9", "name": "Tees", "parent": "8"},
        {"external_ref": "10", "name": "Home"},
    ]
    nodes = sent_tree(items, failing=("Men",))
    faulty = {name for name, node in nodes.items() if "parent has failed" in node.fault}
    assert faulty == {"Tops", "Tees"}


def test_a_parent_name_of_two_rows_is_refused_with_the_rows():
    items = [
        {"slug": "men-accessories", "name": "Accessories"},
        {"slug": "women-accessories", "name": "accessories"},
        {"name": "Belts", "parent": "Accessories"},
        {"name": "Hats", "parent": "women-accessories"},
    ]
    nodes = sent_tree(items)
    assert nodes["Belts"].fault.startswith("Several rows are named 'Accessories': 2, 3. Write")
    assert nodes["Hats"].item["parent"] == "slug-accessories"
    assert not nodes["Hats"].fault


@pytest.mark.parametrize("place", [{"path": 5}, {"parent": ["x"]}, {"path": {"a": 1}}])
def test_a_place_of_another_type_is_a_fault_of_its_row(place):
    nodes = sent_tree([{"name": "A", **place}])
    assert "not a text" in nodes["A"].fault or "neither" in nodes["A"].fault


@pytest.mark.parametrize(
    ("parent", "slug"), [("elsewhere", "elsewhere"), ("7", "of-seven"), ("8", None), ("new", "new")]
)
def test_a_parent_outside_of_the_file_is_found_by_slug_or_reference(parent, slug):
    class Categories:
        service = "categories"

        def get(self, path, **query):
            found = {"elsewhere": "elsewhere"}.get(query.get("slug"))
            found = found or {"7": "of-seven"}.get(query.get("external_ref"))
            return {"items": [{"slug": found}] if found else []}

    node = CategoryNode({"name": "A", "parent": parent}, 2, parent=parent, has_outer_parent=True)
    mode = WriteMode(dry_run=False, merges_attributes=False)
    report = ImportReport()
    importer = ItemImporter(Categories(), None, None, None, mode, report)
    importer._find_outer_parent(node)
    assert (None if node.fault else node.item["parent"]) == slug
