"""The bench measures what it says: the product's default path, and only right answers."""

import socket
import sys
import threading
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import targets, works
from bench.load import Plan, run, whole
from bench.measure import Result
from bench.report import Results, picture, promises, ratios, versus
from bench.targets import Servers
from bench.works import Requests
from shared.config.settings import Settings

SERVERS = Servers("mongodb://127.0.0.1:1/?directConnection=true", "redis://127.0.0.1:2/0", Path())
VITRINE = [targets.VITRINE_GUNICORN, targets.VITRINE_GRANIAN]
ITEMS = [
    {"_id": n, "name": f"Acme Lamp {n}", "price": float(n), "category": "lamp"}
    for n in range(1, 1200)
]


@pytest.mark.parametrize("target", VITRINE, ids=lambda target: target.name)
class TestVitrineInTheBench:
    def test_is_started_by_the_command_that_starts_it_anywhere(self, target):
        served = [sys.executable, "-m", "shared", "serve", "api_products"]
        assert target.command(5000, 1) == target.command(5000, 2) == served

    def test_is_told_by_settings_alone(self, target):
        known = {field.name.upper() for field in fields(Settings)}
        assert target.environment(5000, 1, SERVERS).keys() <= known

    def test_has_limits_tokens_and_sentry_and_the_cache_it_always_has(self, target):
        environment = target.environment(5000, 1, SERVERS)
        settings, usual = Settings.from_env(environment), Settings()
        assert settings.rate_limit_anonymous.startswith("1000000000/")
        assert settings.rate_limit_token.startswith("1000000000/")
        assert settings.rate_limit_writes.startswith("1000000000/")
        assert settings.auth_mode == "token"
        assert settings.sentry_dsn
        assert settings.cache_ttl_seconds == usual.cache_ttl_seconds
        assert settings.threads == usual.threads
        assert settings.log_level == usual.log_level

    def test_is_counted_with_its_follower(self, target):
        assert target.beside == [sys.executable, "-m", "shared", "follow", "api_products"]


@pytest.fixture
def answering():
    """Start a server that has the same answer to everything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = []

        def serve(answer):
            connection, _ = listener.accept()
            with connection:
                while answer and connection.recv(65536):
                    connection.sendall(answer)

        def start(answer):
            threads.append(threading.Thread(target=serve, args=(answer,)))
            threads[-1].start()
            return listener.getsockname()[1]

        yield start
        for thread in threads:
            thread.join(10)


def answer(status, more=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n{more}\r\n{{}}".encode()


def plan(port, **more):
    requests = [works.request("GET", f"/products/{n}", {}) for n in range(20)]
    return Plan(port, requests, connections=1, once=True, **more)


class TestTheLoad:
    def test_counts_right_answers_and_how_long_they_took(self, answering):
        found = run(plan(answering(answer("200 OK"))))
        assert (found.answered, found.wrong) == (20, 0)
        assert 0 < found.p50 <= found.p99

    def test_counts_no_error_as_an_answer(self, answering):
        found = run(plan(answering(answer("503 SERVICE UNAVAILABLE"))))
        assert (found.answered, found.wrong) == (0, 20)
        assert found.first_wrong.startswith("HTTP/1.1 503")

    def test_counts_no_miss_as_a_hit(self, answering):
        port = answering(answer("200 OK", "Cache-Status: vitrine; fwd=miss; stored\r\n"))
        assert run(plan(port, hit=True)).answered == 0

    def test_counts_a_hit_as_one(self, answering):
        port = answering(answer("200 OK", "Cache-Status: vitrine; hit; ttl=9\r\n"))
        assert run(plan(port, hit=True)).answered == 20

    def test_ends_when_the_server_hangs_up(self, answering):
        found = run(plan(answering(b"")))
        assert found.answered == 0

    def test_takes_an_answer_for_whole_when_its_body_has_come(self):
        assert whole(answer("200 OK")[:-1]) == -1
        assert whole(answer("200 OK")) > 0
        assert whole(b"HTTP/1.1 304 NOT MODIFIED\r\nContent-Length: 9\r\n\r\n") > 0


class TestTheRequests:
    @pytest.mark.slow
    def test_are_the_same_for_every_target(self):
        one, other = (Requests(ITEMS, works.plain, {}, 1) for _ in range(2))
        assert all(one.of(work) == other.of(work) for work in works.ALL)

    @pytest.mark.parametrize("work", [works.ITEM_MISS, works.LIST_MISS, works.SEARCH_MISS])
    def test_of_a_miss_never_ask_for_the_same_again(self, work):
        asked = Requests(ITEMS, works.vitrine, {}, 1).of(work)
        assert len(asked) == len(set(asked)) > 250
        hot = Requests(ITEMS, works.vitrine, {}, 1).hot(works.MIX)
        assert not set(asked) & set(hot)

    def test_of_the_mix_are_five_writes_in_a_hundred(self):
        asked = Requests(ITEMS, works.vitrine, {}, 1).of(works.MIX)
        writes = sum(request.startswith("PATCH") for request in asked)
        assert 0.04 < writes / len(asked) < 0.06


class TestTheReport:
    def test_compares_what_was_measured_in_the_same_round(self):
        pairs = [(targets.VITRINE_GRANIAN, 300), (targets.FLASK_GUNICORN, 100)]
        pairs += [(targets.VITRINE_GRANIAN, 30), (targets.FLASK_GUNICORN, 10)]
        results = Results(
            [
                Result(target.name, 1, "item hit", rate=rate, cpu=1, p50=1, p99=2)
                for target, rate in pairs
            ]
        )
        said = {row[0]: row[1:] for row in promises(results)}
        name = "Vitrine on granian, item hit: at least 3 times bare Flask on gunicorn"
        assert said[name] == ["3.00", "yes"]

    def test_draws_the_fastest_first(self):
        pairs = (targets.EVE, 10), (targets.VITRINE_GUNICORN, 40)
        found = [Result(target.name, 1, "item hit", rate=rate) for target, rate in pairs]
        drawn = picture(Results(found), [works.ITEM_HIT])
        assert 0 < drawn.index("Vitrine on gunicorn") < drawn.index("Eve")
        assert ElementTree.fromstring(drawn).tag.endswith("svg")

    def test_leaves_out_what_was_not_measured(self):
        assert len(promises(Results([]))) == 1
        assert len(ratios(Results([]))) == 1


def test_an_earlier_revision_is_started_by_the_commands_it_has(tmp_path):
    earlier = targets.before(targets.VITRINE_GUNICORN, "v1", tmp_path)
    assert earlier.folder == tmp_path
    assert earlier.command(5000, 1)[2:] == ["shared.serve", "api_products"]
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__main__.py").touch()
    later = targets.before(targets.VITRINE_GUNICORN, "v2", tmp_path)
    assert later.command(5000, 1)[2:] == ["shared", "serve", "api_products"]
    assert later.beside[2:] == ["shared", "follow", "api_products"]


def test_a_revision_is_a_row_beside_the_state_of_now(tmp_path):
    earlier = targets.before(targets.VITRINE_GUNICORN, "v1", tmp_path)
    measured = [(targets.VITRINE_GUNICORN, 300.0), (earlier, 200.0)]
    results = [Result(target.name, 1, works.ITEM_HIT.name, rate=rate) for target, rate in measured]
    rows = versus(Results(results, [target for target, _ in measured]), "v1")
    assert rows[1][:2] == ["Vitrine on gunicorn", "1.50"]
