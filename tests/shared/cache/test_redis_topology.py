"""The Redis that Sentinels name, by the address of a setting."""

import pytest

from shared.config.settings import Settings, SettingsError


@pytest.mark.parametrize("rest", ["a:b/catalog/0", "a,/catalog/0", "a/catalog", "a/catalog/x", "a"])
def test_a_wrong_address_is_said(rest):
    with pytest.raises(SettingsError):
        Settings.from_env({"REDIS_URL": f"redis+sentinel://{rest}"})
