"""Outages: errors that mean that another server is down, so that a request may be sent later."""

from collections.abc import Iterator
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from shared.cache.redis_topology import REDIS_ERRORS
from shared.http.errors import ServiceUnavailable

MONGODB_IS_DOWN = "MongoDB cannot be reached. Send the request later."

# Codes with which MongoDB refuses or interrupts a command because of its own state: it elects,
# stops, waits for other members, or has no room.  They are the codes after which drivers try again
# (specifications "Retryable Writes" and "Server Discovery and Monitoring"), and those of write
# concerns and of a full disk.
MONGO_CODES = {
    6: "HostUnreachable",
    7: "HostNotFound",
    43: "CursorNotFound",
    64: "WriteConcernFailed",
    89: "NetworkTimeout",
    91: "ShutdownInProgress",
    133: "FailedToSatisfyReadPreference",
    134: "ReadConcernMajorityNotAvailableYet",
    189: "PrimarySteppedDown",
    202: "NetworkInterfaceExceededTimeLimit",
    239: "SnapshotTooOld",
    246: "SnapshotUnavailable",
    262: "ExceededTimeLimit",
    9001: "SocketException",
    10058: "LegacyNotPrimary",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11601: "Interrupted",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
    14031: "OutOfDiskSpace",
}


def is_outage(error: BaseException | None) -> bool:
    """Return True if an error means that a server is down or too slow, which is temporary."""
    if isinstance(error, PyMongoError):
        is_late = isinstance(error, ConnectionFailure) or error.timeout
        return is_late or any(code in MONGO_CODES for code in _codes(error))
    return isinstance(error, (ServiceUnavailable, *REDIS_ERRORS))


def is_ended(error: PyMongoError) -> bool:
    """Return True if MongoDB has ended a query at its time limit."""
    details = error.details or {} if isinstance(error, ExecutionTimeout) else {}
    return details.get("codeName") == "MaxTimeMSExpired"


def is_late(error: PyMongoError) -> bool:
    """Return True if a query has reached its time limit, or MongoDB has stopped answering.

    pymongo ends a query at the same moment as MongoDB does, and often first.
    """
    return isinstance(error, (ExecutionTimeout, NetworkTimeout))


def _codes(error: PyMongoError) -> Iterator[Any]:
    """Yield the codes of an error, and of the errors inside it."""
    if not isinstance(error, OperationFailure):
        return
    yield error.code
    details = error.details or {}
    if isinstance(error, WriteConcernError):
        yield (details.get("writeConcernError") or {}).get("code")
    if isinstance(error, BulkWriteError):
        parts = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        yield from (part.get("code") for part in parts)
