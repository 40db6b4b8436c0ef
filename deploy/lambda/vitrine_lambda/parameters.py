"""Settings from the Parameter Store of AWS: each parameter below ``SSM_PATH`` is a setting.

With ``SSM_PATH=/vitrine/production`` the parameter ``/vitrine/production/secret_key`` is
``SECRET_KEY``, and ``/vitrine/production/redis/url`` is ``REDIS_URL``.
"""

from collections.abc import MutableMapping

from shared.config.settings import SettingsError

# All attempts must fit into the ten seconds that Lambda gives a function to start, so that the log
# says why the Parameter Store cannot be reached.
CONNECT_SECONDS = 1.5
READ_SECONDS = 3
ATTEMPTS = 2


def load(environ: MutableMapping[str, str]) -> None:
    """Add the parameters to an environment, except for variables that have a value there.

    Do nothing without ``SSM_PATH``.  Raise ``SettingsError`` when the path has no parameters, or
    when they cannot be read.
    """
    path = environ.get("SSM_PATH", "").rstrip("/")
    if not path:
        return
    parameters = _read(path)
    if not parameters:
        raise SettingsError(
            f"SSM_PATH={path}: there is no parameter below this path. Store one for each setting, "
            f"such as {path}/mongo_uri."
        )
    for parameter, value in parameters.items():
        name = parameter.removeprefix(f"{path}/").replace("/", "_").upper()
        environ[name] = environ.get(name) or value


def _read(path: str) -> dict[str, str]:
    """Return the values of all parameters below a path, with secrets decrypted."""
    # The import takes a quarter of a second, so it is left out without parameters.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS},
    )
    try:
        pages = (
            boto3.client("ssm", config=config)
            .get_paginator("get_parameters_by_path")
            .paginate(Path=path, Recursive=True, WithDecryption=True)
        )
        return {
            parameter["Name"]: parameter["Value"]
            for page in pages
            for parameter in page["Parameters"]
        }
    except ClientError as error:
        reason = f"refuses: {error.response['Error']['Code']}"
    except BotoCoreError as error:
        reason = f"does not answer: {type(error).__name__}"
    raise SettingsError(f"SSM_PATH={path}: the Parameter Store {reason}.")
