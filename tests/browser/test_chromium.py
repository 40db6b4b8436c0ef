"""The browser of the tests cannot be fetched: what is said then."""

import os
import platform
import subprocess
import sys

import pytest

from tests.support.processes import free_port
from tests.support.services import ROOT


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="Only there a browser is fetched.",
)
def test_without_a_network_the_last_lines_of_npm_and_what_to_do_are_shown(tmp_path):
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = {"npm_config_registry": nowhere, "npm_config_fetch_retries": "0"}
    done = subprocess.run(
        [sys.executable, ROOT / "tests/browser/chromium.py", tmp_path],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ECONNREFUSED" in done.stderr
    for advice in ("NODE_EXTRA_CA_CERTS", "make test BROWSER=/usr/bin/chromium", "BROWSER=none"):
        assert advice in done.stderr


@pytest.mark.parametrize("browser", ["none", "/usr/bin/chromium"])
def test_no_browser_is_fetched_if_one_is_named(browser):
    command = ["make", "--dry-run", "--always-make", "test", f"BROWSER={browser}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pytest" in done.stdout
    assert "chromium.py" not in done.stdout
