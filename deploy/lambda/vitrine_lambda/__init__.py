"""AWS Lambda handlers, one for each service: ``vitrine_lambda.products`` and so on.

Lambda reads the handler before the first request and builds its app then.  The other services are
not imported.
"""

from importlib.util import find_spec

from vitrine_lambda.handler import Handler, build


def __getattr__(name: str) -> Handler:
    """Return the handler of a service and build it once; raise ``SettingsError``."""
    if name.startswith("_") or find_spec(f"api_{name}") is None:
        raise AttributeError(f"There is no service {name}.")
    handler = globals()[name] = build(name)
    return handler
