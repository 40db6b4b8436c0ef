"""Outages are not faults: each error of the libraries is one or the other."""

import pytest
import redis.exceptions
from pymongo import errors, helpers_shared

from shared.cache.redis_topology import REDIS_ERRORS
from shared.http.errors import BadRequest, ServiceUnavailable
from shared.storage.outages import MONGO_CODES, is_outage, is_too_slow


def error_classes(module, base):
    """All error classes that a module defines, with everything below them."""
    found = [each for each in vars(module).values() if isinstance(each, type)]
    return {each for each in found if issubclass(each, base)}


def test_every_code_after_which_the_driver_tries_again_is_an_outage():
    assert MONGO_CODES.keys() >= helpers_shared._RETRYABLE_ERROR_CODES


@pytest.mark.parametrize("code", sorted(MONGO_CODES))
def test_a_code_is_an_outage_wherever_it_is(code):
    failed = {"code": code, "errmsg": "no"}
    assert is_outage(errors.OperationFailure("no", code))
    assert is_outage(errors.WriteConcernError("no", 1, {"writeConcernError": failed}))
    assert is_outage(errors.BulkWriteError({"writeErrors": [], "writeConcernErrors": [failed]}))
    assert is_outage(errors.BulkWriteError({"writeErrors": [failed], "writeConcernErrors": []}))


def test_each_error_of_pymongo_is_an_outage_or_a_fault():
    outages = {
        "AutoReconnect",
        "ConnectionFailure",
        "ExecutionTimeout",
        "NetworkTimeout",
        "NotPrimaryError",
        "ServerSelectionTimeoutError",
        "WTimeoutError",
        "WaitQueueTimeoutError",
    }
    arguments = {
        errors.BulkWriteError: ({},),
        errors.ClientBulkWriteException: ({}, False),
        errors.EncryptedCollectionError: (ValueError("no"), {}),
        errors.ExecutionTimeout: ("no", 50),
    }
    kinds = error_classes(errors, errors.PyMongoError)
    found = {kind.__name__ for kind in kinds if is_outage(kind(*arguments.get(kind, ("no",))))}
    assert found - {"_OperationCancelled"} == outages


def test_a_query_is_too_slow_only_if_mongodb_says_so():
    ended = {"ok": 0, "code": 50, "codeName": "MaxTimeMSExpired"}
    assert is_too_slow(errors.ExecutionTimeout("too slow", 50, ended))
    unanswered = {"ok": 0, "code": 50, "errmsg": "would exceed time limit"}
    assert not is_too_slow(errors.ExecutionTimeout("no answer", 50, unanswered))
    assert is_outage(errors.ExecutionTimeout("no answer", 50, unanswered))


def test_each_error_of_redis_is_an_outage():
    for kind in error_classes(redis.exceptions, redis.exceptions.RedisError):
        assert issubclass(kind, REDIS_ERRORS)


def test_a_duplicate_is_no_outage():
    duplicate = {"code": 11000, "errmsg": "taken"}
    assert not is_outage(errors.DuplicateKeyError("taken", 11000))
    assert not is_outage(errors.BulkWriteError({"writeErrors": [duplicate]}))
    assert not is_outage(BadRequest("no"))
    assert is_outage(ServiceUnavailable("down"))
    assert not is_outage(None)
