"""``/__settings``: what operators may see of the settings of a service."""

from dataclasses import fields, replace

from shared.config.settings import Settings

SECRET = "s3cret" * 8


def test_settings_have_name_value_default_and_text(client, resource):
    shown = client.get("/__settings").json
    assert shown["service"] == resource.name
    assert shown["version"]
    known = {setting["name"]: setting for setting in shown["settings"]}
    assert known["TRASH_DAYS"]["default"] == 30
    assert (
        known["TRASH_DAYS"]["text"] == "Days until a deleted item is removed for good, 0 for never."
    )
    assert known["MONGO_URI"]["value"].startswith("mongodb://")


def test_no_secret_is_shown(client):
    """A setting is shown only if it is declared to be: no new secret is shown by mistake."""
    names = {field.name for field in fields(Settings) if not field.metadata["shown"]}
    assert {"secret_key", "notify_secret", "notify_urls", "sentry_dsn"} <= names
    application = client.application
    application.extensions["settings"] = replace(
        application.extensions["settings"],
        secret_key=SECRET,
        notify_secret=SECRET,
        notify_urls=f"http://h/{SECRET}",
        sentry_dsn=f"http://{SECRET}@h/1",
        mongo_uri=f"mongodb://ann:{SECRET}@h:1/vitrine?tlsCertificateKeyFilePassword={SECRET}",
        redis_url=f"redis://:{SECRET}@h:1/0",
        auth_jwks_url=f"https://h/{SECRET}",
    )
    response = client.get("/__settings")
    values = {setting["name"]: setting["value"] for setting in response.json["settings"]}
    assert values["MONGO_URI"] == "mongodb://h:1/vitrine"
    assert values["REDIS_URL"] == "redis://h:1/0"
    assert SECRET not in response.text
    assert not {name.upper() for name in names} & values.keys()
