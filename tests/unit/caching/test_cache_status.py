"""Cache-Status (RFC 9211), read back by a parser of structured fields."""

import http_sf
import pytest

from edgeproxy.caching.cache_status import Forward, line
from edgeproxy.caching.outcomes import NotStored, Outcome


def member(octets: bytes) -> str:
    assert octets.startswith(b"Cache-Status: edgeproxy; ")
    assert octets.endswith(b"\r\n")
    return octets[len("Cache-Status: ") : -2].decode()


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (line(Outcome.HIT, ttl=12), "edgeproxy; hit; ttl=12"),
        (line(Outcome.HIT), "edgeproxy; hit"),
        (line(Outcome.STALE, ttl=-30), "edgeproxy; hit; ttl=-30"),
        (
            line(Outcome.STALE_IF_ERROR, ttl=-5, forwarded_status=503),
            "edgeproxy; fwd=stale; fwd-status=503; ttl=-5; detail=stale_if_error",
        ),
        (line(Outcome.STALE_IF_ERROR, ttl=-5), "edgeproxy; fwd=stale; ttl=-5; detail=stale_if_error"),
        (
            line(Outcome.REVALIDATED, ttl=600, stored=True, forwarded_status=304),
            "edgeproxy; fwd=stale; fwd-status=304; ttl=600; stored",
        ),
        (line(Outcome.COLLAPSED), "edgeproxy; fwd=miss; collapsed"),
        (line(Outcome.MISS, stored=True), "edgeproxy; fwd=miss; stored"),
        (
            line(Outcome.MISS, stored=True, forwarded_status=200, forward=Forward.STALE),
            "edgeproxy; fwd=stale; fwd-status=200; stored",
        ),
        (line(Outcome.UNCACHEABLE, not_stored=NotStored.PRIVATE), "edgeproxy; fwd=miss; detail=private"),
        (line(Outcome.UNCACHEABLE, not_stored=NotStored.METHOD), "edgeproxy; fwd=method"),
        (line(Outcome.BYPASS), "edgeproxy; fwd=bypass"),
        (line(Outcome.BYPASS, forward=Forward.REQUEST), "edgeproxy; fwd=request"),
        (line(Outcome.ONLY_IF_CACHED), "edgeproxy; detail=only_if_cached"),
    ],
)
def test_what_the_edge_says_of_itself(octets, written):
    assert member(octets) == written


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("not_stored", [None, *NotStored])
def test_each_outcome_is_one_member_of_a_list_with_known_parameters(outcome, not_stored):
    octets = line(outcome, ttl=7, stored=True, not_stored=not_stored, forwarded_status=200, collapsed=True)
    ((name, parameters),) = http_sf.parse(member(octets).encode(), tltype="list")
    assert name == "edgeproxy"
    assert set(parameters) <= {"hit", "fwd", "fwd-status", "ttl", "stored", "collapsed", "detail"}
    assert not {"hit", "fwd"} <= set(parameters)
