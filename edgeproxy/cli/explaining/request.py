"""The request that is explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgeproxy.http.fields import CREDENTIALS
from edgeproxy.http.target import Target
from edgeproxy.ruleset.arms import Side
from edgeproxy.ruleset.follow import url_of
from edgeproxy.ruleset.matching import Facts

_CREDENTIALS = frozenset(name.decode() for name in CREDENTIALS)


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of the request. `headers` are by name in lower case."""

    method: str
    target: Target
    headers: Mapping[str, str]
    client: str
    call: str | None  # the XML-RPC method, if it is a call
    at: float  # seconds since the epoch
    side: Side | None = None  # that Edge-Arm says, with the token of the edge
    body: str | None = None  # None: it is not known, or there is none

    @property
    def facts(self) -> Facts:
        return Facts(self.target.query, self.headers, self.client, self.call, self.at)

    @property
    def url(self) -> str:
        return url_of(self.target)

    def following(self, method: str, target: Target) -> Request:
        """What its client asks next. Another host is not told who it is (RFC 9110 §15.4)."""
        headers = self.headers
        if target.host != self.target.host:
            headers = {name: value for name, value in headers.items() if name not in _CREDENTIALS}
        call, body = (self.call, self.body) if method == self.method else (None, None)
        return replace(self, method=method, target=target, headers=headers, call=call, body=body)
