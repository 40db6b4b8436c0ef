"""Log lines of jobs that fail."""

import logging
from types import SimpleNamespace

import pytest

from api_products.images.download import PhotoUnavailable
from api_products.jobs import NotDelivered
from shared.http.errors import ServiceUnavailable
from shared.workers.worker import ServiceWorker


def fail(error, should_retry):
    job = SimpleNamespace(func_name="api_products.jobs.sweep", should_retry=should_retry)
    ServiceWorker.handle_exception(None, job, type(error), error, None)


@pytest.mark.parametrize("error", [PhotoUnavailable, NotDelivered, ServiceUnavailable])
@pytest.mark.parametrize(("retried", "level"), [(True, logging.WARNING), (False, logging.ERROR)])
def test_an_outage_is_one_line(caplog, error, retried, level):
    fail(error("shop.example has answered 503."), retried)
    (record,) = caplog.records
    assert record.getMessage() == "sweep failed: shop.example has answered 503."
    assert (record.levelno, record.exc_info) == (level, None)


def test_any_other_error_has_its_stack_trace(caplog):
    fail(ValueError("bad"), True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info
