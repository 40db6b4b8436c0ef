"""The services as functions of AWS Lambda: ``vitrine_lambda.products`` is the handler of products.

Every name is that of a service.  Its app is built when Lambda takes the handler from here, which is
before the first request comes; of the other services nothing is imported.
"""

from importlib.util import find_spec

from vitrine_lambda.handler import Handler, build


def __getattr__(name: str) -> Handler:
    """Return the handler of a service, built the first time; raise ``SettingsError``."""
    if name.startswith("_") or find_spec(f"api_{name}") is None:
        raise AttributeError(f"There is no service {name}.")
    handler = globals()[name] = build(name)
    return handler
