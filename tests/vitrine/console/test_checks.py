"""The checks of the services: a service that does not name its checks is a problem, not well."""

import pytest

from shared.http.errors import ApiError
from vitrine.console.checks import check_all, fix
from vitrine.console.services import Services


@pytest.fixture
def services(upstream):
    return Services({"products": upstream.url})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((429, {}, {"detail": "Too many requests."}), "Too many requests."),
        ((503, {}, b"busy"), "products answered / with 503."),
        ((200, {}, {"name": "products"}), "products answered / with 200."),
        ((200, {}, {"checks": "all"}), "products answered / with 200."),
    ],
)
def test_a_service_that_names_no_checks_is_not_well(services, upstream, answer, problem):
    upstream.answers["/"] = answer
    (shown,) = check_all(services, "")["services"]
    assert (shown["problems"], shown["findings"]) == ([problem], [])
    with pytest.raises(ApiError, match=problem):
        fix(services, "products", "/products:documents", "")


def test_each_check_is_run(services, upstream):
    upstream.answers["/"] = (200, {}, {"checks": ["/products:documents", "/products:files"]})
    cases = {"total": 2, "mends": 1, "cases": []}
    upstream.answers["/products:documents"] = (200, {}, {"broken": cases})
    upstream.answers["/products:files"] = (500, {}, {"detail": "No."})
    found = check_all(services, "")
    assert (found["total"], found["mends"]) == (2, 1)
    assert found["services"][0]["problems"] == ["/products:files: No."]
