"""A trace played to a policy, and what of it was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from loadtests.eviction.policies import POLICIES, Policy
from loadtests.eviction.traces import WARM_UP, Trace


@dataclass(frozen=True, slots=True)
class Outcome:
    """`share`: the cache's size, of all that clients may ask for. `hits`, `octets`: ratios of what clients asked for,
    without the scan's own requests.
    """

    trace: str
    title: str
    share: float
    policy: str
    hits: float
    octets: float


def play(trace: Trace, policy: Policy) -> tuple[float, float]:
    """The hit ratio of clients, by requests and by octets."""
    asked = hit = asked_octets = hit_octets = 0
    begin = WARM_UP * len(trace.names)
    for place, (name, size, is_client) in enumerate(zip(trace.names, trace.sizes, trace.is_client, strict=True)):
        was_there = policy.ask(name, size)
        if is_client and place >= begin:
            asked += 1
            asked_octets += size
            if was_there:
                hit += 1
                hit_octets += size
    return hit / asked, hit_octets / asked_octets


def outcomes(traces: Iterable[Trace], shares: Sequence[float], policies: Sequence[str]) -> Iterator[Outcome]:
    for trace in traces:
        for share in shares:
            for policy in policies:
                limit = round(trace.octets * share)
                hits, octets = play(trace, POLICIES[policy](limit, trace.names))
                yield Outcome(trace.name, trace.title, share, policy, hits, octets)
