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
RESTART = Scenario("Redis is started again", restart=True, ticks=1, writers=1)
REFUSAL = Scenario("Redis refuses writes", refuse=True, ticks=1, writers=1)
CUT_OFF = Scenario("a writer is cut off from Redis", cut_off=True, ticks=3, writers=1)
COLD = Scenario("no follower has been there yet", by_hand=True, cold=True, ticks=2, writers=1)
SCENARIOS = [
    *(KILLED, COLD),
    *(
        pytest.param(each, marks=pytest.mark.slow)
        for each in (RACE, DEATH, HAND, FORGETFUL, BACK, RESTART, REFUSAL, CUT_OFF)
    ),
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
    "a_root_is_valid_in_one_run_of_redis": RESTART,
    "a_refused_write_waits_for_the_end_of_the_lease": REFUSAL,
    "the_lease_is_announced_before_the_question": CUT_OFF,
    "the_lease_counts_from_the_question": CUT_OFF,
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_order_of_the_steps_is_stale(scenario):
    way, states = Model(scenario).explore()
    assert way is None
    assert states > 1000


SEARCHES = [
    pytest.param(rule, marks=pytest.mark.slow)
    if scenario in (HAND, FORGETFUL, BACK, CUT_OFF)
    else rule
    for rule, scenario in NEEDED.items()
]


@pytest.mark.parametrize("rule", SEARCHES)
def test_without_a_rule_something_stale_is_answered(rule):
    way, _ = Model(NEEDED[rule], without(rule)).explore()
    assert way
    assert "is answered where" in way[-1]


def test_every_rule_is_tried():
    assert {each.name for each in fields(Rules)} == NEEDED.keys()
