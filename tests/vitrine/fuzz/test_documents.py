"""Documents of a fuzz run: their names carry the version, and the version decides the category."""

from vitrine.fuzz.documents import (
    CATEGORIES,
    DELETED,
    EVERYWHERE,
    GROUPS,
    OPTION,
    FuzzDocument,
    FuzzNamespace,
    Place,
)

DOCUMENT = FuzzDocument(3, "products", 7, "")


def test_a_name_carries_number_and_version():
    namespace = FuzzNamespace()
    assert namespace.version({"name": namespace.name(3, 17)}) == (3, 17)


def test_documents_of_other_runs_and_of_users_are_ignored():
    namespace = FuzzNamespace()
    for name in (FuzzNamespace().name(3, 17), "Teapot", f"{namespace.prefix} 3 v1 ", None):
        assert namespace.version({"name": name}) is None


def test_the_version_decides_the_category_and_the_first_is_never_deleted():
    categories = [DOCUMENT.category(version) for version in range(200)]
    assert categories == [DOCUMENT.category(version) for version in range(200)]
    assert categories[0] != DELETED
    assert set(categories) == {DELETED, *range(CATEGORIES)}


def test_a_document_may_be_absent_if_a_version_is_deleted_or_elsewhere():
    deleted = next(version for version in range(200) if DOCUMENT.category(version) == DELETED)
    stored = next(version for version in range(200) if DOCUMENT.category(version) == 1)
    assert DOCUMENT.may_be_absent(EVERYWHERE, deleted, deleted)
    assert not DOCUMENT.may_be_absent(EVERYWHERE, stored, stored)
    assert not DOCUMENT.may_be_absent(Place(1), stored, stored)
    assert DOCUMENT.may_be_absent(Place(2), stored, stored)
    group = DOCUMENT.group(stored)
    assert not DOCUMENT.may_be_absent(Place(1, group), stored, stored)
    assert DOCUMENT.may_be_absent(Place(1, 1 - group), stored, stored)


def test_the_version_decides_the_group():
    groups = [DOCUMENT.group(version) for version in range(200)]
    assert groups == [DOCUMENT.group(version) for version in range(200)]
    assert set(groups) == set(range(GROUPS))


def test_an_entry_of_a_collapsed_list_shows_the_versions_of_its_group():
    namespace = FuzzNamespace()
    names = [namespace.name(number, 7) for number in (1, 2)]
    entry = {"name": names[1], "variants": {"options": {OPTION: names, "Size": ["L"]}}}
    other = {"name": namespace.name(3, 9)}
    assert namespace.versions([entry, other, {"name": "Teapot"}]) == {1: 7, 2: 7, 3: 9}
