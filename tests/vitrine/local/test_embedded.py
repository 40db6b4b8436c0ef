"""Servers that `vitrine up` starts: why one does not start."""

import pytest

from vitrine.errors import EmbeddedError
from vitrine.local.embedded import start_redis, wait_for_redis


def test_another_program_than_redis_is_named_by_its_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIS_SERVER", "/bin/true")
    log = tmp_path / "redis.log"
    log.write_text("FATAL: an error of last week\n")
    process = start_redis(tmp_path / "redis", 1, log)
    process.wait(10)
    error = r"^Redis ended at once: it wrote nothing, and its exit status is 0 .*REDIS_SERVER\.$"
    with pytest.raises(EmbeddedError, match=error):
        wait_for_redis(process, 1, log)
