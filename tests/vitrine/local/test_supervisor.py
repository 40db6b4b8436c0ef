"""The start of a stack: what it refuses before it starts a process."""

from pathlib import Path

import pytest

from shared.config.settings import Settings
from vitrine.errors import StackError
from vitrine.local.supervisor import Supervisor
from vitrine.stack import Service


@pytest.mark.parametrize("url", ["https://127.0.0.1:5999", "http://localhost:5999/shop"])
def test_a_url_at_which_no_service_can_be_started_is_refused_at_once(url):
    service = Service("products", Path("api_products"), url)
    supervisor = Supervisor(Settings(), [service], 0, print)
    with pytest.raises(StackError, match=f"^PRODUCTS_URL names {url}, .*=http://.*:5999[.]$"):
        supervisor.start()


def test_a_url_of_another_machine_may_have_https_and_a_path():
    service = Service("products", Path("api_products"), "https://shop.example/api")
    assert not service.is_local
