"""Counters of the data plane: plain integers, added to on the hot path and read when somebody asks."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Why the edge answered a request itself and closed the connection."""

    BAD_REQUEST = "bad_request"
    HEAD_TOO_LARGE = "head_too_large"
    TARGET_TOO_LONG = "target_too_long"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    BAD_BODY = "bad_body"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_VERSION = "unknown_version"
    TOO_MANY_CONNECTIONS = "too_many_connections"


_BY_STATUS: Final = {
    414: Refusal.TARGET_TOO_LONG,
    431: Refusal.HEAD_TOO_LARGE,
    501: Refusal.UNKNOWN_METHOD,
    505: Refusal.UNKNOWN_VERSION,
}


def refusal_of(status: int) -> Refusal:
    """The reason behind the status of a request that is refused for its head."""
    return _BY_STATUS.get(status, Refusal.BAD_REQUEST)


class BackendFailure(StrEnum):
    """What kept a backend's answer from the client."""

    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    STALE = "stale"  # a kept connection turned out closed before any octet of an answer
    CLOSED = "closed"  # before the end of the answer's head
    TRUNCATED = "truncated"  # in the middle of the answer's body
    BAD_ANSWER = "bad_answer"

    @property
    def status(self) -> int:
        """What to answer when nothing was sent yet: 504 for what took too long, 502 for the rest."""
        slow = (BackendFailure.CONNECT_TIMEOUT, BackendFailure.HEAD_TIMEOUT, BackendFailure.BODY_TIMEOUT)
        return 504 if self in slow else 502


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


@dataclass(slots=True)
class Counters:
    """One worker's counts since it started."""

    connections: int = 0  # clients accepted
    open_connections: int = 0
    certificates_read: int = 0  # again, since their files had changed
    certificates_unusable: int = 0  # changed files that could not be used
    unexpected: int = 0  # errors that nobody handled: each is a fault of the edge
    requests: int = 0  # heads read whole and understood
    aborted: int = 0  # answers that ended before their end: the client saw a broken transfer
    client_gone: int = 0  # clients that left while an exchange ran
    memo_hits: int = 0  # header sections that were not parsed again
    backend_connections: int = 0  # opened
    backend_reuses: int = 0  # exchanges on a kept connection
    backend_retries: int = 0  # safe requests sent again because a kept connection turned out closed
    statuses: Counter[int] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)  # exchanges, by the rule that took them
    arms: Counter[tuple[str, str]] = field(default_factory=Counter)  # (split, backend)
    handshake_failures: Counter[HandshakeFailure] = field(default_factory=Counter)
    refusals: Counter[Refusal] = field(default_factory=Counter)
    backend_failures: Counter[tuple[str, BackendFailure]] = field(default_factory=Counter)

    def numbers(self) -> dict[str, int | dict[str, int]]:
        """All counts by name; those of a Counter by the names of their keys, `/` between the parts of a key."""
        found: dict[str, int | dict[str, int]] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            found[each.name] = {_name(key): count for key, count in value.items()} if each.default is MISSING else value
        return found


def _name(key: object) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
