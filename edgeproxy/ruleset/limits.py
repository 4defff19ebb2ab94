"""The limits of the data plane and their defaults, in one table; a rule file's `limits:` changes them.

Every buffer and every wait of the edge has its bound here, in a backend's `timeouts` and `limits` or in a rule's;
nothing a client or a backend sends can make the edge hold more, or longer. Counts are of one worker.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in octets, times in seconds, rates in octets per second."""

    # A request's head
    head: int = 32_768  # a request's or an answer's head
    fields: int = 100  # field lines in a head
    target: int = 8_192  # a request target
    head_time: float = 10.0  # from the first octet of a request's head to its last
    # A request's body
    body: int = 4_294_967_296  # a rule's `limits` may say less or more
    body_time: float = 30.0  # between two reads of it
    body_rate: int = 200  # the least, in the mean, once body_time has passed: a trickle cannot hold a slot for ever
    call: int = 65_536  # octets of an XML-RPC call held until its method is read, where rules ask for it
    # An answer
    stall: float = 60.0  # a client that takes nothing of it
    take_rate: int = 200  # the least that a client takes, in the mean over each `stall`
    # A client's connection
    connections: int = 10_000  # clients at once
    connections_per_client: int = 1_000  # of one address
    requests: int = 10_000  # on one connection; then it ends with `Connection: close`
    held: int = 65_536  # pipelined octets kept while an exchange runs; more are not read
    handshake: float = 10.0  # TLS, and a PROXY header
    idle: float = 75.0  # between exchanges
    tunnel_idle: float = 300.0  # an upgraded connection on which neither side sends
    linger: float = 5.0  # after the last answer, between two reads from a client that is still sending
    linger_time: float = 30.0  # and in all
    # Backends' connections
    pool_idle: float = 15.0  # an unused connection to a backend
    pool_size: int = 64  # unused connections kept to one backend
    name_least: float = 1.0  # how long an address that a name has is used, whatever its TTL
    name_most: float = 300.0
    # The edge's own
    drain_idle: float = 1.0  # when the edge is replaced: an idle connection may send one more request within this
    tick: float = 0.25  # how often deadlines are looked at: a time above is kept to within a tick
    memo: int = 1_024  # identical header sections remembered, each of at most memo_octets
    memo_octets: int = 4_096
    plans: int = 8_192  # request lines whose plan is remembered
    rate_slots: int = 65_536  # clients remembered by rate limits


DEFAULT_LIMITS = Limits()
