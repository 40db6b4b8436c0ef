"""Files of categories: the levels of the tree, from paths and from parents."""

from vitrine.transfer.categories import import_tree, tree_levels


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
