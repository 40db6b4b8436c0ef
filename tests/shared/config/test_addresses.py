"""Addresses of servers: what is shown of them, and what never is."""

import pytest

from shared.config.addresses import server_address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://localhost:27017/vitrine", "mongodb://localhost:27017/vitrine"),
        (
            "mongodb://ann:s3cret@a:27017,b:27018/vitrine?replicaSet=rs0&tlsCertificateKeyFile=k",
            "mongodb://a:27017,b:27018/vitrine",
        ),
        ("mongodb+srv://ann:s3cret@db.example.org/shop", "mongodb+srv://db.example.org/shop"),
        ("redis://:s3cret@[::1]:6379/0?password=s3cret", "redis://[::1]:6379/0"),
        ("redis+sentinel://h1:1,h2:2/main/0", "redis+sentinel://h1:1,h2:2/main/0"),
        ("file:///srv/media", "file:///srv/media"),
        ("s3://bucket/pictures", "s3://bucket/pictures"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_users_passwords_and_parameters(url, shown):
    assert server_address(url) == shown


@pytest.mark.parametrize("password", ["s3/cret", "s3?cret", "s3#cret", "12345/a", "12345?a"])
@pytest.mark.parametrize("rest", ["host:6379/0", "a:1,b:2/vitrine?w=1"])
def test_an_address_whose_password_is_not_encoded_is_not_shown(password, rest):
    assert server_address(f"redis://user:{password}@{rest}") == ""
    assert server_address(f"redis://:{password}@{rest}") == ""


def test_a_password_with_an_at_sign_is_not_shown():
    assert server_address("redis://user:s3@cret@host:6379/0") == ""
