"""Every order of the protocol's steps is tried: no stale answer, and each rule is needed."""

from dataclasses import fields

import pytest

from tests.support.protocol import Model, Rules, Scenario, without

RACE = Scenario("two readers, two writers")
HAND = Scenario("a write and a hand edit", by_hand=True, ticks=2)
KILLED = Scenario("a writer is killed", kill=True, ticks=2, writers=1)
FORGETFUL = Scenario("Redis forgets a generation", forget=True)
BACK = Scenario("Redis goes back to an earlier state", go_back=True, ticks=2, writers=1)
DEATH = Scenario("a follower dies", by_hand=True, follower_dies=True, ticks=2, writers=1)
COLD = Scenario("no follower has been there yet", by_hand=True, cold=True, ticks=2, writers=1)
SCENARIOS = [
    *(RACE, KILLED, DEATH, COLD),
    *(pytest.param(each, marks=pytest.mark.slow) for each in (HAND, FORGETFUL, BACK)),
]

NEEDED = {
    "tokens_are_read_before_mongodb": RACE,
    "writes_renew_after_the_commit": RACE,
    "writes_renew_before_they_are_acknowledged": RACE,
    "tokens_are_random": FORGETFUL,
    "the_change_itself_brought_the_token": HAND,
    "the_follower_renews_what_others_wrote": KILLED,
    "the_lease_is_extended_only_when_caught_up": KILLED,
    "the_stream_is_opened_before_the_root_is_renewed": DEATH,
    "the_root_is_renewed_after_a_break": BACK,
    "without_a_root_nothing_is_cached": COLD,
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_order_of_the_steps_is_stale(scenario):
    way, states = Model(scenario).explore()
    assert way is None
    assert states > 1000


SEARCHES = [
    pytest.param(rule, marks=pytest.mark.slow) if scenario in (HAND, FORGETFUL, BACK) else rule
    for rule, scenario in NEEDED.items()
]


@pytest.mark.parametrize("rule", SEARCHES)
def test_without_a_rule_something_stale_is_answered(rule):
    way, _ = Model(NEEDED[rule], without(rule)).explore()
    assert way
    assert "is answered where" in way[-1]


def test_every_rule_is_tried():
    assert {each.name for each in fields(Rules)} == NEEDED.keys()
