"""Settings from the Parameter Store of AWS: every parameter below ``SSM_PATH`` is one.

Below ``SSM_PATH=/vitrine/production`` the parameter ``/vitrine/production/secret_key`` is
``SECRET_KEY``, and ``/vitrine/production/redis/url`` is ``REDIS_URL``.
"""

from collections.abc import MutableMapping

from shared.config.settings import SettingsError

# Twice this, and what is between, has to fit into the ten seconds that a function may take to
# start: where there is no way to the Parameter Store, somebody has to say so.
CONNECT_SECONDS = 1.5
READ_SECONDS = 3
TRIES = 2


def load(environ: MutableMapping[str, str]) -> None:
    """Add what the parameters say to an environment, which wins where it says anything itself.

    Do nothing without ``SSM_PATH``.  Raise ``SettingsError`` when there are no parameters, or
    when they cannot be read.
    """
    path = environ.get("SSM_PATH", "").rstrip("/")
    if not path:
        return
    found = _read(path)
    if not found:
        raise SettingsError(f"SSM_PATH={path}: there is no parameter below this path.")
    for parameter, value in found.items():
        name = parameter.removeprefix(f"{path}/").replace("/", "_").upper()
        environ[name] = environ.get(name) or value


def _read(path: str) -> dict[str, str]:
    """Return the values of all parameters below a path, secrets in the clear."""
    # It takes a quarter of a second, which nobody waits for who has no parameters.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": TRIES},
    )
    try:
        pages = (
            boto3.client("ssm", config=config)
            .get_paginator("get_parameters_by_path")
            .paginate(Path=path, Recursive=True, WithDecryption=True)
        )
        return {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    except ClientError as error:
        why = f"refuses: {error.response['Error']['Code']}"
    except BotoCoreError as error:
        why = f"does not answer: {type(error).__name__}"
    raise SettingsError(f"SSM_PATH={path}: the Parameter Store {why}.")
