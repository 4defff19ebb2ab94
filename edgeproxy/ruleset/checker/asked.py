"""One concrete request: what witnesses are made of, and what the simulator asks."""

from __future__ import annotations

from dataclasses import dataclass

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Routing, Ruleset


@dataclass(frozen=True, slots=True)
class Asked:
    """`host` is in lower case, `path` normalised, header names in lower case; the rest is as in Facts."""

    method: str
    scheme: Scheme
    host: str
    path: str
    query: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    client: str = ""
    call: str | None = None
    now: float = 0.0

    @property
    def url(self) -> str:
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{self.path}{query}"

    @property
    def facts(self) -> Facts:
        return Facts(self.query, dict(self.headers), self.client, self.call, self.now)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    def routed_by(self, ruleset: Ruleset) -> Routing:
        return ruleset.route(self.method, self.scheme, self.host, self.path, self.facts)
