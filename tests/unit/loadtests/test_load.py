"""What wrk printed, and what makes its figures unfit for comparison."""

from dataclasses import replace

import pytest

from loadtests.bench.cases import CASES, Case, requests_of
from loadtests.bench.load import Load, LoadFailed, fault_of, fault_of_cache, parse_result

PRINTED = """Running 2s test @ http://127.0.0.1:4711/
  1 threads and 32 connections
  200 requests in 2.00s, 274.41KB read
result {"requests":200,"microseconds":2000000,"bytes":281000,"p50":640,"p99":1350,\
"connect":1,"read":2,"write":3,"timeout":4,"status":5}
"""
GOOD = Load(requests=200, seconds=2.0, octets=281_000, p50=0.0006, p99=0.001, errors=0, refused=0)


@pytest.fixture
def page() -> Case:
    return next(case for case in CASES if case.name == "pass-1k")


def test_the_result_is_found_among_other_lines() -> None:
    assert parse_result(PRINTED) == Load(
        requests=200, seconds=2.0, octets=281_000, p50=0.00064, p99=0.00135, errors=10, refused=5
    )


def test_without_a_result_the_error_holds_what_was_printed() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        parse_result("unable to connect to 127.0.0.1:4711 Connection refused\n")


def test_a_good_load_has_no_fault(page: Case) -> None:
    assert fault_of(GOOD, page) is None


@pytest.mark.parametrize(
    ("load", "fault"),
    [
        (replace(GOOD, requests=0), "no request was completed"),
        (replace(GOOD, errors=3), "3 of 200 requests failed"),
        (replace(GOOD, refused=7), "7 of 200 answers were errors"),
        (replace(GOOD, octets=200 * 300), "answers were shorter than 1024 bytes: 300 in the mean"),
    ],
)
def test_what_spoils_a_load_is_told(load: Load, fault: str, page: Case) -> None:
    assert fault_of(load, page) == fault


def test_answers_with_content_are_no_304(page: Case) -> None:
    validated = replace(page, validated=True)
    assert fault_of(replace(GOOD, octets=200 * 300), validated) is None
    assert fault_of(replace(GOOD, octets=200 * 3_000), validated) == "answers were no 304: 3000 bytes in the mean"


def test_a_cache_that_asks_the_origin_again_is_told() -> None:
    load = replace(GOOD, requests=10_000)
    assert fault_of_cache(load, 10) is None
    assert fault_of_cache(load, 11) == "11 of 10000 requests reached the origin"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_request_is_one_head_without_content(case: Case) -> None:
    """load.lua cuts its file at the empty lines."""
    for request, path in zip(requests_of(case), case.paths, strict=True):
        assert request.startswith(f"GET {path} HTTP/1.1\r\nHost: pypi.test\r\nUser-Agent: pip/".encode())
        assert request.index(b"\r\n\r\n") == len(request) - 4
