"""Where requests are sent, and within which bounds."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgeproxy.http.target import PORTS


class BadTarget(ValueError):
    """What is no target; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Requests for whatever host go to this address. `tls` is given for https; the name it asks for is the request's
    host.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext | None = None) -> Target:
        """Raises BadTarget. `tls`: in place of what the system trusts."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadTarget(f"{url!r} is no URL: {error}") from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise BadTarget(f"{url!r} is no URL such as http://127.0.0.1:8080")
        if parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise BadTarget(f"{url!r}: a target is scheme, host and port: paths are those of the requests")
        if parts.scheme == "https":
            tls = tls or ssl.create_default_context()
        return cls(parts.hostname, port or PORTS[parts.scheme], tls if parts.scheme == "https" else None)

    @property
    def scheme(self) -> str:
        return "http" if self.tls is None else "https"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Settings:
    """`connections`: open at once, of each target. `waiting`: requests that are due and could not be sent yet; one more
    is not sent. `patience`: seconds that one may be late and still be sent. `timeout`: seconds from its sending to the
    end of its answer; `connect`: to be connected. `idle`: seconds that a connection is kept unused. `keep`: octets of
    an answer's content that are kept for who listens; `digests`: whether content is hashed for them.
    """

    connections: int = 1_000
    waiting: int = 10_000
    patience: float = 10.0
    timeout: float = 30.0
    connect: float = 10.0
    idle: float = 15.0
    keep: int = 0
    digests: bool = False
