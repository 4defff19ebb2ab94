"""The limits of the data plane and their defaults, in one table.

Every buffer and every wait of the edge has its bound here or in a backend's `timeouts`; nothing a client or a
backend sends can make the edge hold more, or longer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in octets, times in seconds."""

    head: int = 32_768  # a request's or an answer's head
    fields: int = 100  # field lines in a head
    target: int = 8_192  # a request target
    held: int = 65_536  # pipelined octets kept while an exchange runs; more are not read
    connections: int = 10_000  # clients at once
    idle: float = 75.0  # a client's connection between exchanges
    head_time: float = 10.0  # from the first octet of a request's head to its last
    body_time: float = 30.0  # between two reads of a request's body
    stall: float = 60.0  # a client that takes nothing of an answer
    linger: float = 5.0  # after the last answer, between two reads from a client that is still sending
    linger_time: float = 30.0  # and in all
    pool_idle: float = 15.0  # an unused connection to a backend
    pool_size: int = 64  # unused connections kept to one backend
    tick: float = 0.25  # how often deadlines are looked at: a time above is kept to within a tick
    memo: int = 1_024  # identical header sections remembered, each of at most memo_octets
    memo_octets: int = 4_096
    plans: int = 8_192  # request lines whose plan is remembered


DEFAULT_LIMITS = Limits()
