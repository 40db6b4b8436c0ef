"""Places of waiting clients: shared out fairly, never more than there are."""

from contextlib import ExitStack

import pytest

from shared.endpoints.places import Places


def take(stack, places, client):
    return stack.enter_context(places.take(client))


def test_a_place_is_free_again_after_its_client():
    places = Places(1)
    for _ in range(3):
        with places.take("a") as place:
            assert place


def test_the_client_with_the_most_places_loses_its_oldest():
    places = Places(4)
    with ExitStack() as stack:
        mine = [take(stack, places, "many") for _ in range(3)]
        other = take(stack, places, "one")
        new = take(stack, places, "new")
        assert new
        assert [place.is_lost for place in (*mine, other, new)] == [True, *[False] * 4]


def test_a_client_that_wants_more_than_all_is_refused():
    places = Places(2)
    with ExitStack() as stack:
        held = [take(stack, places, "many") for _ in range(2)]
        assert take(stack, places, "many") is None
        assert not any(place.is_lost for place in held)


def test_two_greedy_clients_do_not_evict_each_other():
    places = Places(4)
    with ExitStack() as stack:
        first = [take(stack, places, "a") for _ in range(4)]
        second = [take(stack, places, "b") for _ in range(4)]
        assert [place.is_lost for place in first] == [True, True, False, False]
        assert [place is None for place in second] == [False, False, True, True]
        assert take(stack, places, "a") is None


def test_clients_with_one_place_each_keep_them():
    places = Places(2)
    with ExitStack() as stack:
        held = [take(stack, places, name) for name in "ab"]
        assert take(stack, places, "c") is None
        assert not any(place.is_lost for place in held)


def test_threads_that_are_ending_are_bounded():
    places = Places(4)
    with ExitStack() as stack:
        for _ in range(4):
            take(stack, places, "many")
        assert take(stack, places, "one")
        assert take(stack, places, "two")
        assert take(stack, places, "three") is None
    with places.take("new") as place:
        assert place


def test_there_may_be_no_places_at_all():
    with Places(0).take("a") as place:
        assert place is None


@pytest.mark.parametrize(("threads", "limit"), [(1, 0), (2, 1), (3, 1), (8, 4), (256, 50)])
def test_a_thread_is_left_for_other_requests(threads, limit):
    assert Places.of_threads(threads).limit == limit < threads
