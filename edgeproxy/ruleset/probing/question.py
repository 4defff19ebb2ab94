"""What a backend is asked, and what it said."""

from __future__ import annotations

from dataclasses import dataclass

from edgeproxy.http.target import Scheme, Target
from edgeproxy.ruleset.leads import with_query
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.origins import HttpBackend


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the edge would send it. `rule` would; None: no rule asks the backend for this path by this host.

    `client` is what the client asked the edge: a Location is resolved against it.
    """

    backend: HttpBackend
    method: str
    path: str
    query: str | None
    host: str  # the Host field
    client: Target
    rule: Rule | None

    @property
    def target(self) -> str:
        return with_query(self.path, self.query)

    @property
    def identity(self) -> tuple[str, str, str, str, str, Scheme]:
        """Equal where the backend could not tell two questions apart."""
        return self.backend.name, self.method, self.target, self.host, self.client.host, self.client.scheme

    def __str__(self) -> str:
        return f"{self.method} {self.target} of {self.backend.name}, as {self.client.scheme}://{self.client.host}"


@dataclass(frozen=True, slots=True)
class Answer:
    """`trouble` says why there is none: then the rest is not known."""

    status: int = 0
    location: str | None = None
    cache_control: str | None = None
    trouble: str | None = None
