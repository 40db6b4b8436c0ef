"""Documents of a fuzz run: their names carry the version, and the version decides the category."""

from vitrine.fuzz.documents import CATEGORIES, DELETED, FuzzDocument, FuzzNamespace

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
    assert DOCUMENT.may_be_absent(None, deleted, deleted)
    assert not DOCUMENT.may_be_absent(None, stored, stored)
    assert not DOCUMENT.may_be_absent(1, stored, stored)
    assert DOCUMENT.may_be_absent(2, stored, stored)
