"""``vitrine logs``, on finished logs and on growing ones."""

import json
import os
import sys

import pytest
from click.testing import CliRunner

from tests.support.polling import poll
from vitrine.cli import main
from vitrine.commands.logs import Tail
from vitrine.local.processes import rotate, rotated, spawn, stop


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs").mkdir()
    write(tmp_path / "logs/products.log", (1, "asked", "one"), (4, "asked", "two"))
    write(tmp_path / "logs/products-worker-1.log", (3, "done", "one"))
    write(tmp_path / "logs/clients.log", (2, "asked", "one"), (2.5, "one is no id here", "three"))
    (tmp_path / "logs/mongodb.log").write_text('{"t": 1, "msg": "one"}\n')
    return tmp_path / "logs"


def write(path, *lines):
    with path.open("a") as file:
        for second, message, request in lines:
            moment = f"2025-01-01T00:00:0{second}Z"
            line = {"time": moment, "level": "info", "message": message, "request_id": request}
            file.write(json.dumps(line) + "\n")


def run(folder, *args):
    ran = CliRunner().invoke(main, ["logs", *args], env={"DATA_DIR": str(folder.parent)})
    return ran.exit_code, [line.partition(" ")[2] for line in ran.stdout.splitlines()], ran.stderr


def test_lines_of_all_processes_come_in_the_order_of_time(folder):
    code, shown, _ = run(folder)
    assert code == 0
    assert [line.partition(":")[0] for line in shown] == [
        *("products", "clients", "clients", "products-worker-1", "products")
    ]
    assert run(folder, "-n", "1")[1] == ["products: asked [two]"]


def test_one_request_is_followed_through_services_and_jobs(folder):
    assert run(folder, "--request", "one")[1] == [
        "products: asked [one]",
        "clients: asked [one]",
        "products-worker-1: done [one]",
    ]
    code, _, error = run(folder, "--request", "none")
    assert (code, error) == (1, "Error: No log line has the request id none.\n")


def test_a_service_is_shown_with_its_processes_and_a_server_when_asked(folder):
    assert len(run(folder, "products")[1]) == 3
    assert len(run(folder, "products-worker-1")[1]) == 1
    assert run(folder, "mongodb")[0] == 0


def test_an_unknown_name_is_one_sentence(folder):
    code, _, error = run(folder, "toys")
    known = "clients, mongodb, products"
    assert (code, error) == (1, f"Error: No logs of 'toys'; name one of {known}.\n")
    code, _, error = run(folder.parent / "none" / "logs")
    assert (code, error.startswith("Error: No logs in ")) == (1, True)


def test_control_characters_are_shown_as_text(folder):
    (folder / "clients.log").write_text("\x1b[2J\n")
    assert (
        "\\x1b[2J"
        in CliRunner()
        .invoke(main, ["logs", "clients"], env={"DATA_DIR": str(folder.parent)})
        .stdout
    )


def test_a_log_is_followed_even_if_it_is_rotated(folder):
    path = folder / "products.log"
    tail = Tail(path)
    assert len(list(tail.new_lines())) == 2
    write(path, (5, "before", ""))
    rotate(path, max_bytes=0)
    write(path, (6, "after", ""))
    with path.open("a") as file:
        file.write('{"half": ')
    assert [words.rpartition(" ")[2] for _, words in tail.new_lines()] == ["before", "after"]
    with path.open("a") as file:
        file.write("1}\n")
    assert [words for _, words in tail.new_lines()] == ['{"half": 1}']


def test_a_log_that_is_written_all_the_time_is_bounded_and_no_line_is_torn(tmp_path):
    log = tmp_path / "busy.log"
    # One write a line, as logging does.
    code = "import os\nfor n in range(10**9): os.write(1, b'%08d\\n' % n)"
    process = spawn([sys.executable, "-c", code], log, os.environ)
    try:
        for _ in range(3):
            poll(lambda: log.exists() and log.stat().st_size > 100_000)
            rotate(log, max_bytes=100_000)
            kept = rotated(log).read_text().splitlines()
            numbers = list(map(int, kept))
            assert {len(line) for line in kept} == {8}
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
    finally:
        stop(process, 5)
