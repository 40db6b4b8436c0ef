"""``/__settings``: the settings that the service runs with, without secrets."""

from collections.abc import Iterator
from dataclasses import fields as fields_of
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, current_app
from marshmallow import Schema
from marshmallow.fields import List, Nested, Raw, String

from shared.config.settings import Settings, names
from shared.http.auth import ADMIN, requires
from shared.http.contract import returns
from shared.http.responses import respond
from shared.resource import Resource


def init_app(app: Flask) -> None:
    """Serve ``/__settings``."""
    app.add_url_rule("/__settings", "show_settings", show_settings)


class SettingSchema(Schema):
    """A setting: its environment variable, its value and its default.

    The value of an address has no users, passwords and parameters.
    """

    name = String(metadata={"example": "TRASH_DAYS"})
    value = Raw(metadata={"example": 30})
    default = Raw(metadata={"example": 30})
    text = String(metadata={"example": "Days until a deleted item is removed for good."})


class SettingsSchema(Schema):
    """The version and the settings of a service."""

    service = String(metadata={"example": "products"})
    version = String(metadata={"example": "1.5.0"})
    settings = List(Nested(SettingSchema))


@requires(ADMIN)
@returns(SettingsSchema)
def show_settings() -> Response:
    """Return the version and the settings of the service, without secrets.

    A setting is shown if its declaration says so; keys, passwords and other secrets never are.
    """
    resource: Resource = current_app.extensions["resource"]
    settings = list(_shown_settings(current_app.extensions["settings"]))
    return respond({"service": resource.name, "version": version("vitrine"), "settings": settings})


def _shown_settings(settings: Settings) -> Iterator[dict[str, Any]]:
    for setting in fields_of(settings):
        if shown := setting.metadata["shown"]:
            yield {
                "name": names(setting)[0],
                "value": shown(getattr(settings, setting.name)),
                "default": shown(setting.default),
                "text": setting.metadata["help"],
            }
