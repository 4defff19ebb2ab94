"""Who is at the other end of a client's connection, and for whom it speaks.

Law: a client's word on itself counts nothing. Only a trusted proxy says who the client is and how it came: once for the
connection by a PROXY header, and for each request by X-Forwarded-For and X-Forwarded-Proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgeproxy.http.forwarded import UNIX, TrustedProxies, forwarding_lines
from edgeproxy.http.proxy_protocol import ProxyHeader
from edgeproxy.http.target import Scheme

_REMEMBERED: Final = 8  # authorities that one connection asks for in turn: an index and its files are two


def name_of(peername: object) -> str:
    """The address in what a socket says of its other end."""
    return str(peername[0]) if isinstance(peername, tuple) else UNIX


class Peer:
    """`address` and `scheme` are the client's, for the request at hand; the peer's own when it speaks for itself."""

    __slots__ = ("_chain", "_lines", "_peer", "_peer_scheme", "_proxies", "address", "is_trusted", "scheme")

    def __init__(self, address: str, scheme: Scheme, proxies: TrustedProxies) -> None:
        self._proxies = proxies
        self._peer = address
        self._peer_scheme = scheme
        self._chain = ""
        self._lines: dict[tuple[str, int], bytes] = {}
        self.is_trusted = proxies.is_trusted(address)
        self.address = address
        self.scheme = scheme

    @property
    def is_many(self) -> bool:
        """Whether it is not one client, but something that stands before many."""
        return self.is_trusted or self._peer == UNIX

    def introduce(self, header: ProxyHeader) -> None:
        """What a trusted peer's PROXY header says. Without a source (a health check) it speaks for itself."""
        if header.source is None:
            return
        self._peer = self.address = header.source.address
        if header.is_tls is not None:
            self._peer_scheme = self.scheme = Scheme.HTTPS if header.is_tls else Scheme.HTTP
        self.is_trusted = self._proxies.is_trusted(self._peer)

    def hear(self, values: Mapping[str, str]) -> None:
        """For whom a trusted peer's next request comes; `values` are its fields, names in lower case."""
        chain = values.get("x-forwarded-for")
        scheme = Scheme(self._proxies.scheme_of(self._peer, values.get("x-forwarded-proto"), self._peer_scheme))
        kept = self._proxies.chain_of(self._peer, chain)
        if (kept, scheme) != (self._chain, self.scheme):
            self._lines.clear()
        self._chain, self.scheme = kept, scheme
        self.address = self._proxies.client_of(self._peer, chain)

    def lines(self, authority: str, minor: int) -> bytes:
        """What a backend is told of the client. PERF: made once for what a connection asks again and again."""
        lines = self._lines.get((authority, minor))
        if lines is None:
            if len(self._lines) >= _REMEMBERED:
                self._lines.clear()
            lines = forwarding_lines(self._chain, self._peer, authority, self.scheme, minor)
            self._lines[authority, minor] = lines
        return lines
