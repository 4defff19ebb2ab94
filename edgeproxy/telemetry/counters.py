"""Counters of the data plane: plain integers, added to on the hot path and read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Final, TypeVar

K = TypeVar("K", bound=Hashable)


class Refusal(StrEnum):
    """Why the edge refused a request, or a connection: the name of the limit (rules/README.md), where there is one."""

    BAD_REQUEST = "bad_request"
    HEAD_TOO_LARGE = "head"  # or too many `fields`
    TARGET_TOO_LONG = "target"
    HEAD_TIMEOUT = "head_time"
    BODY_TIMEOUT = "body_time"  # or too slow for `body_rate`
    BAD_BODY = "bad_body"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_VERSION = "unknown_version"
    TOO_MANY_CONNECTIONS = "connections"
    TOO_MANY_OF_CLIENT = "connections_per_client"
    BAD_PREFACE = "bad_preface"  # a PROXY header
    BODY_TOO_LARGE = "body"
    RATE = "rate"  # requests of one client under a rule
    LOOP = "loop"  # the edge's own name in CDN-Loop
    EXPECTATION = "expectation"
    NO_TUNNEL = "no_tunnel"  # CONNECT
    ARM_TOKEN = "arm_token"  # Edge-Arm without the token of this edge


_BY_STATUS: Final = {
    403: Refusal.ARM_TOKEN,
    405: Refusal.NO_TUNNEL,
    413: Refusal.BODY_TOO_LARGE,
    414: Refusal.TARGET_TOO_LONG,
    417: Refusal.EXPECTATION,
    429: Refusal.RATE,
    431: Refusal.HEAD_TOO_LARGE,
    501: Refusal.UNKNOWN_METHOD,
    503: Refusal.ARM_TOKEN,
    505: Refusal.UNKNOWN_VERSION,
    508: Refusal.LOOP,
}


def refusal_of(status: int) -> Refusal:
    """The reason behind the status by which the edge refused a request for its head."""
    return _BY_STATUS.get(status, Refusal.BAD_REQUEST)


class BackendFailure(StrEnum):
    """What kept a backend's answer from the client."""

    NO_ENDPOINT = "no_endpoint"  # its health checks found every endpoint down
    OVERLOADED = "overloaded"  # its circuit's limits are reached
    NAME = "name"  # of an endpoint: it has no address
    REFUSED = "refused"
    TLS = "tls"  # no TLS, or a certificate that does not prove who it is
    CONNECT_TIMEOUT = "connect_timeout"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    STALE = "stale"  # a kept connection turned out closed before any octet of an answer
    CLOSED = "closed"  # before the end of the answer's head
    TRUNCATED = "truncated"  # in the middle of the answer's body
    BAD_ANSWER = "bad_answer"
    REDIRECT_LOOP = "redirect_loop"  # its redirect leads, by the ruleset, back to the same exchange

    @property
    def status(self) -> int:
        """What to answer when nothing was sent yet."""
        return _STATUSES.get(self, 502)


_STATUSES: Final = {
    BackendFailure.NO_ENDPOINT: 503,
    BackendFailure.OVERLOADED: 503,
    BackendFailure.CONNECT_TIMEOUT: 504,
    BackendFailure.HEAD_TIMEOUT: 504,
    BackendFailure.BODY_TIMEOUT: 504,
    BackendFailure.TOTAL_TIMEOUT: 504,
    BackendFailure.REDIRECT_LOOP: 508,
}


class FallbackReason(StrEnum):
    """Why another backend was asked in the place of the first."""

    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    STATUS = "status"  # or what is no answer at all
    LOOP = "loop"


class Override(StrEnum):
    """What put a request on an arm of a cutover, other than its client's place."""

    PIN = "pin"
    TOKEN = "token"  # Edge-Arm


class Drop(StrEnum):
    """Why a request that was to be shadowed came to no comparison."""

    CREDENTIALS = "credentials"  # it has some, so its answer is one person's
    QUEUE_FULL = "queue_full"  # too many wait for the other backend
    DOWN = "down"  # none of the last ones had a whole answer: the other backend is left alone for a moment
    NO_ROOM = "no_room"  # what all shadows hold together has reached its bound
    TOO_LARGE = "too_large"  # the old answer, or the request's body
    CLIENT_GONE = "client_gone"  # nobody waited for the old answer to its end
    EARLY = "early"  # the old side answered before it had all of the request
    OLD_FAILED = "old_failed"  # there is no old answer, or an error: nothing to hold the new one to
    LATE = "late"  # it waited for so long that the old answer is one of another time
    COMPARER_BUSY = "comparer_busy"
    DRAINING = "draining"  # the edge is about to end


@dataclass(slots=True)
class PoolCounts:
    """What one worker's pool of one backend did."""

    connections: int = 0  # opened
    reuses: int = 0  # exchanges on a kept connection
    retries: int = 0  # requests sent again
    ejections: int = 0
    health_changes: int = 0  # of an endpoint's verdict, either way
    pending_peak: int = 0  # requests that waited for a free connection at once
    overloads: int = 0  # requests that the circuit's limits kept out


@dataclass(frozen=True, slots=True)
class EndpointNow:
    """One endpoint, as one worker knows it."""

    is_down: bool  # its health check says so
    ejected: bool  # for its failures, for a while
    outstanding: int  # requests on the way


@dataclass(frozen=True, slots=True)
class PoolNow:
    """One worker's pool of one backend."""

    open: int  # connections, those being opened included
    waiting: int  # requests, for a connection
    endpoints: Mapping[str, EndpointNow]  # by URL


class HandshakeFailure(StrEnum):
    """Why a client's TLS handshake did not end well."""

    NOT_TLS = "not_tls"
    TOO_OLD = "too_old"  # no version or cipher in common
    NO_CERTIFICATE = "no_certificate"  # of the client, where one is required
    BAD_CERTIFICATE = "bad_certificate"  # of the client
    NOT_TRUSTED = "not_trusted"  # the client refuses the edge's certificate
    TIMEOUT = "timeout"
    GONE = "gone"
    OTHER = "other"


class Counts(dict[K, int]):
    """Numbers by what is counted; of what was not counted yet, 0. PERF: Counter, which has a method of its own for
    deleting, takes 155 ns to add one, this takes 65; a pass does it twice.
    """

    __slots__ = ()

    def __missing__(self, key: K) -> int:
        return 0


@dataclass(slots=True)
class HitCount:
    """Exchanges of one rule, outcome and status that were answered for their octets alone, and are not yet among the
    counters.
    """

    number: int = 0


@dataclass(slots=True)
class Counters:
    """One worker's counts since it started. Who reads them calls `collect` first, as Edge.counters and `numbers` do.

    PERF: a hit is counted in five places. Where its octets are known, all follow from its rule, outcome and status: it
    adds to one HitCount, and `collect` to the five: 1.5 µs where it was 1.95.
    """

    connections: int = 0  # clients accepted
    open_connections: int = 0
    accept_failures: int = 0  # times that accepting had to pause: descriptors or memory had run out
    certificates_read: int = 0  # again, since their files had changed
    certificates_unusable: int = 0  # changed files that could not be used
    comparers_ended: int = 0  # before their time: another one took their place
    specimens_lost: int = 0  # of shadows, with a comparer that ended: nobody has compared them
    unexpected: int = 0  # errors that nobody handled: each is a fault of the edge
    requests: int = 0  # heads read whole and understood
    aborted: int = 0  # answers that ended before their end: the client saw a broken transfer
    client_gone: int = 0  # clients that left while an exchange ran
    memo_hits: int = 0  # header sections that were not parsed again
    statuses: Counts[int] = field(default_factory=Counts)
    rules: Counts[str] = field(default_factory=Counts)  # exchanges, by the rule that took them
    loops: Counts[str] = field(default_factory=Counts)  # redirects that were not passed on, by rule
    arms: Counts[tuple[str, str]] = field(default_factory=Counts)  # (split, backend)
    overrides: Counts[tuple[str, Override]] = field(default_factory=Counts)  # (cutover, by what)
    fallbacks: Counts[tuple[str, FallbackReason]] = field(default_factory=Counts)  # (rule, why)
    shadows: Counts[str] = field(default_factory=Counts)  # that were asked, by rule
    shadow_hops: Counts[str] = field(default_factory=Counts)  # that were asked to follow redirects, by rule
    shadows_delivered: Counts[str] = field(default_factory=Counts)  # and handed on to be compared
    shadow_drops: Counts[tuple[str, Drop]] = field(default_factory=Counts)  # (rule, why)
    shadow_silences: Counts[tuple[str, str]] = field(default_factory=Counts)  # (rule, why there was no answer)
    cache: Counts[tuple[str, str]] = field(default_factory=Counts)  # (rule, what its cache did)
    not_stored: Counts[str] = field(default_factory=Counts)  # answers that were not kept, by why
    copies: dict[str, Callable[[], Mapping[str, int]]] = field(default_factory=dict)  # the cache as it is now
    handshake_failures: Counts[HandshakeFailure] = field(default_factory=Counts)
    refusals: Counts[Refusal] = field(default_factory=Counts)
    backend_failures: Counts[tuple[str, BackendFailure]] = field(default_factory=Counts)
    pools: dict[str, PoolCounts] = field(default_factory=dict)  # by backend
    pools_now: dict[str, Callable[[], PoolNow]] = field(default_factory=dict)  # by backend: asked when somebody asks
    _hits: dict[tuple[str, str, int], HitCount] = field(default_factory=dict)  # by rule, outcome and status

    @property
    def backend_connections(self) -> int:
        return sum(pool.connections for pool in self.pools.values())

    @property
    def backend_reuses(self) -> int:
        return sum(pool.reuses for pool in self.pools.values())

    @property
    def backend_retries(self) -> int:
        return sum(pool.retries for pool in self.pools.values())

    def hits(self, rule: str, outcome: str, status: int) -> HitCount:
        """What such exchanges add to."""
        key = rule, outcome, status
        found = self._hits.get(key)
        if found is None:
            found = self._hits[key] = HitCount()
        return found

    def collect(self) -> None:
        """Add what was counted apart."""
        for (rule, outcome, status), hits in self._hits.items():
            number, hits.number = hits.number, 0
            if number:
                self.requests += number
                self.memo_hits += number
                self.statuses[status] += number
                self.rules[rule] += number
                self.cache[rule, outcome] += number

    def numbers(self) -> dict[str, int | dict[str, int]]:
        """All counts by name; those of Counts by the names of their keys, `/` between the parts of a key. Backends
        and their endpoints as they are now are `pools/BACKEND` and `endpoints/BACKEND/URL`.
        """
        self.collect()
        found: dict[str, int | dict[str, int]] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "_hits":
                continue  # they were collected
            if each.name == "pools":
                found |= {f"pools/{name}": asdict(counts) for name, counts in self.pools.items()}
            elif each.name == "pools_now":
                for name, state in self.pools_now.items():
                    now = state()
                    found[f"pools/{name}"] = asdict(self.pools[name]) | {"open": now.open, "waiting": now.waiting}
                    found |= {f"endpoints/{name}/{url}": asdict(one) for url, one in now.endpoints.items()}
            elif each.name == "copies":
                found |= {f"copies/{tier}": dict(state()) for tier, state in self.copies.items()}
            elif isinstance(value, Counts):
                found[each.name] = {_name(key): count for key, count in value.items()}
            else:
                found[each.name] = value
        return found


def _name(key: object) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
