"""Passwords of the embedded servers: made once, each in a file that only its owner can read.

No command line holds one, because every user of the machine can read those.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from vitrine.errors import StackError

FOLDER = "secrets"
USER = "vitrine"  # of MongoDB
BYTES = 32  # random bytes of a password
_PASSWORD = re.compile(r"[0-9A-Za-z]{32,512}")


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of MongoDB and Redis, and the files from which the servers read theirs.

    Attributes:
        mongodb: The password of ``USER`` in MongoDB.
        redis: The password of Redis.
        key: The key by which members of the replica set trust each other.
        key_file: The file of the key, which mongod reads.
        redis_config: The file of settings with the password, which Redis reads.
    """

    mongodb: str = field(repr=False)
    redis: str = field(repr=False)
    key: str = field(repr=False)
    key_file: Path
    redis_config: Path

    def mongo_uri(self, port: int) -> str:
        """Return the URI of the embedded MongoDB, with user and password."""
        return f"mongodb://{USER}:{self.mongodb}@127.0.0.1:{port}/vitrine?authSource=admin"

    def redis_url(self, port: int) -> str:
        """Return the URL of the embedded Redis, with its password."""
        return f"redis://:{self.redis}@127.0.0.1:{port}/0"


def read_passwords(data: Path) -> Passwords:
    """Return the passwords in a data folder; make those that are missing.

    Raises:
        StackError: A file cannot be written, or holds something else than a password.
    """
    folder = data / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mongodb, redis, key = (
            _read(folder / name) for name in ("mongodb_password", "redis_password", "mongodb_key")
        )
        config = folder / "redis.conf"
        _write(config, f"# Written at each start of the stack.\nrequirepass {redis}\n")
    except OSError as error:
        raise StackError(f"The passwords in {folder} cannot be used: {error}.") from error
    return Passwords(mongodb, redis, key, folder / "mongodb_key", config)


def _read(file: Path) -> str:
    """Return the password in a file, or make a password and the file."""
    if not file.exists():
        _write(file, token_hex(BYTES))
    file.chmod(0o600)  # mongod refuses a key that others can read.
    password = file.read_text(errors="replace").strip()
    if not _PASSWORD.fullmatch(password):
        raise StackError(
            f"{file} does not hold 32 letters and digits or more: remove the file, and the next "
            "start makes another password."
        )
    return password


def _write(file: Path, text: str) -> None:
    """Write a file as a whole; only its owner can read it, from the beginning."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)
