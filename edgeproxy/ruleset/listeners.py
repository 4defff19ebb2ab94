"""Where the edge listens, and by which certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeproxy.http.target import Scheme


@dataclass(frozen=True, slots=True)
class InetAddress:
    """A TCP address. `host` is an IP address (without brackets), for a backend also a name; port 0 asks the system
    for a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = InetAddress | UnixAddress


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its key: PEM files. Their names (SAN) say for which SNI it is taken."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Mutual TLS: who signs clients' certificates. Not `required`: a client may come without one."""

    ca: Path
    required: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the edge accepts connections. Without certificates it is plain HTTP.

    `proxy_protocol`: a connection from a trusted proxy begins with a PROXY header, which says who the client is.
    """

    address: Address
    certificates: tuple[Certificate, ...] = ()
    clients: ClientCertificates | None = None
    proxy_protocol: bool = False

    @property
    def scheme(self) -> Scheme:
        return Scheme.HTTPS if self.certificates else Scheme.HTTP

    def __str__(self) -> str:
        if isinstance(self.address, UnixAddress):
            return str(self.address)
        return f"{self.scheme}://{self.address}"
