"""Vocabulary: the words of a catalog, kept by the follower."""

import threading

import pytest

from shared.schema.search_terms import Searched
from shared.storage.search.vocabulary import Vocabulary, VocabularyKeeper

SEARCHED = Searched(("name",), ("sku",), ("brand",))
LAMP = {"_id": 1, "name": "Corsair lamps 16gb", "sku": "ABCDEF", "brand": "Crépin"}


@pytest.fixture
def vocabulary(db):
    return Vocabulary(db["things.words"])


def test_words_of_documents_are_read_once(vocabulary, db):
    db["things"].insert_one(LAMP)
    keeper = VocabularyKeeper(vocabulary, SEARCHED)
    for _ in range(2):
        keeper.read_all(db["things"], threading.Event())
    stored = {each["_id"]: each["count"] for each in db["things.words"].find({"count": {"$gt": 0}})}
    assert stored == {"corsair": 1, "lamps": 1, "crepin": 1}


def test_a_change_adds_its_words_and_takes_lost_ones_out(vocabulary):
    keeper = VocabularyKeeper(vocabulary, SEARCHED)
    keeper.note(None, LAMP)
    keeper.note(LAMP, LAMP | {"name": "Corsair chairs"})
    keeper.store()
    assert vocabulary.beginning("c", 5) == ["chairs", "corsair", "crepin"]
    assert vocabulary.beginning("lamp", 5) == []


def test_the_nearest_word_has_the_same_first_letter_if_possible(vocabulary):
    vocabulary.add({"mouse": 1, "house": 50, "mouses": 1})
    assert vocabulary.nearest("moure")[0] == "mouse"
    assert vocabulary.nearest("xouse")[0] == "house"
    assert vocabulary.nearest("xyz") == []


def test_forms_are_other_words_of_a_stem(vocabulary):
    vocabulary.add({"webcam": 1, "webcams": 2, "mouse": 1, "камера": 3})
    known = vocabulary.look_up(["webcams", "4070", "камера"])
    assert known.forms == {"webcams": ["webcam"], "камера": []}
    assert known.counts == {"webcam": 1, "webcams": 2, "камера": 3}
