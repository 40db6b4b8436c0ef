"""Items on disk, in the order of a file."""

from vitrine.transfer.exports.item_store import ItemStore


def test_variants_of_one_thing_come_together_where_the_first_stands():
    items = [{"id": 1, "group": "b"}, {"id": 2}, {"id": 3, "group": "a"}, {"id": 4, "group": "b"}]
    with ItemStore(items) as store:
        families = [[item["id"] for item in family] for family in store.families()]
        assert families == [[1, 4], [2], [3]]
        assert list(store.items()) == items
        assert store.count == 4
        assert store.has_group("a")
        assert not store.has_group("c")


def test_it_knows_all_names_before_the_first_row():
    items = [{"attributes": {"b": 1, "a": 1}}, {"attributes": {"c": 1}, "tags": ["x", "y"]}, {}]
    with ItemStore(items) as store:
        assert list(store.names["attributes"]) == ["b", "a", "c"]
        assert store.longest == {"attributes": 2, "tags": 2}


def test_items_are_read_one_after_the_other():
    """An export of a million products must not wait for a list of them."""
    alive = []

    class Watched(dict):
        def __init__(self, number):
            super().__init__(id=number)
            alive.append(number)

        def __del__(self):
            alive.remove(self["id"])

    def items():
        for number in range(1000):
            yield Watched(number)
            assert len(alive) <= 2

    with ItemStore(items()) as store:
        families = store.families()
        assert next(families) == [{"id": 0}]
        assert sum(1 for _ in families) == 999
