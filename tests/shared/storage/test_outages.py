"""Outages are not faults: each error of the libraries is one or the other."""

import pytest
import redis.exceptions
from pymongo import errors, helpers_shared

from shared.cache.redis_topology import REDIS_ERRORS
from shared.http.errors import BadRequest, ServiceUnavailable
from shared.observability.mongo_pool import PoolListener
from shared.storage import pages
from shared.storage.connections import Connections
from shared.storage.outages import MONGO_CODES, MONGODB_IS_DOWN, is_ended, is_late, is_outage
from shared.storage.repository import Repository


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


def test_a_query_that_mongodb_has_ended_is_told_from_one_without_an_answer():
    ended = {"ok": 0, "code": 50, "codeName": "MaxTimeMSExpired"}
    assert is_ended(errors.ExecutionTimeout("too slow", 50, ended))
    unanswered = {"ok": 0, "code": 50, "errmsg": "would exceed time limit"}
    for late in errors.ExecutionTimeout("no answer", 50, unanswered), errors.NetworkTimeout("late"):
        assert is_late(late)
        assert not is_ended(late)
        assert is_outage(late)
    for other in errors.ServerSelectionTimeoutError("gone"), errors.OperationFailure("wrong", 2):
        assert not is_late(other)
        assert not is_ended(other)


@pytest.mark.parametrize(
    ("answers", "status", "detail"), [(True, 400, pages.TIMEOUT), (False, 503, MONGODB_IS_DOWN)]
)
def test_a_late_list_is_refused_unless_mongodb_is_down(
    products, monkeypatch, answers, status, detail
):
    def find(*_):
        raise errors.NetworkTimeout("late")

    monkeypatch.setattr(pages, "_page", find)
    monkeypatch.setattr(Connections, "answers", lambda _: answers)
    response = products.get("/products?ordering=name")
    assert (response.status_code, response.get_json()["detail"]) == (status, detail)


def test_a_late_list_after_an_outage_is_not_the_fault_of_its_query(products, monkeypatch):
    def find(*_):
        raise errors.ExecutionTimeout("ended", 50, {"code": 50, "codeName": "MaxTimeMSExpired"})

    monkeypatch.setattr(pages, "_page", find)
    monkeypatch.setattr(PoolListener, "failed_lately", lambda _: True)
    response = products.get("/products?ordering=name")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_a_query_that_mongodb_ends_is_not_an_outage(products, monkeypatch):
    def get(*_):
        ended = {"ok": 0, "code": 50, "codeName": "MaxTimeMSExpired"}
        raise errors.ExecutionTimeout("too slow", 50, ended)

    monkeypatch.setattr(Repository, "locate", get)
    response = products.get("/products/1")
    assert response.status_code == 503
    assert "takes too long" in response.get_json()["detail"]


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
