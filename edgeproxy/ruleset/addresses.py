"""Where things are, as texts of a rule file: host names, authorities, listen addresses, backends' URLs, networks.

Each function reads one text, or raises Refusal with what to write instead. `base` is where the relative path of a
Unix socket is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from pathlib import Path
from typing import Final, Literal

from edgeproxy.http.target import PORTS
from edgeproxy.ruleset.listeners import Address, InetAddress, UnixAddress
from edgeproxy.ruleset.problems import Code, Refusal

_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_AUTHORITY: Final = re.compile(r"(\[[^\]/]*\]|[^:/\[\]@]+)(?::([0-9]{1,5}))?")
_BACKEND_URL: Final = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)
_NETWORK: Final = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
_UNIX: Final = "unix:"
_LONGEST_SOCKET: Final = 107  # octets of sockaddr_un's path on Linux, without the NUL at its end: unix(7)

Network = IPv4Network | IPv6Network
Proxy = Network | Literal["unix"]


@dataclass(frozen=True, slots=True)
class Authority:
    """`host` without brackets, in lower case; `text` is what a Host field says."""

    host: str
    port: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a backend's URL says. `scheme` is http, https or unix; a Unix socket has no authority."""

    scheme: str
    address: Address
    authority: str | None


def read_host_name(text: str) -> str:
    """A host name as requests are compared with: lower case, no port, no final dot; IPv6 in brackets."""
    name = text.lower().removesuffix(".")
    why = "it is compared with the host of requests, which comes without a port."
    if name.startswith("[") or name.count(":") > 1:
        return f"[{_read_ipv6(name.strip('[]'), text)}]"
    if ":" in name:
        raise Refusal(Code.BAD_HOST_NAME, f"{text!r} has a port", why, f"write {name.partition(':')[0]}.")
    if "*" in name:
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is a pattern",
            "the edge answers for the names it is told.",
            "write every name.",
        )
    if not name.isascii():
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is not ASCII",
            "requests name such a host in its xn-- form.",
            "write that form.",
        )
    if not all(map(_LABEL.fullmatch, name.split("."))) or len(name) > 253:
        raise Refusal(Code.BAD_HOST_NAME, f"{text!r} is not a host name", why, "write it as in pypi.test.")
    return name


def read_authority(text: str) -> Authority:
    """`host[:port]`."""
    found = _AUTHORITY.fullmatch(text)
    if found is None or (found[2] is not None and int(found[2]) > 65535):
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is not a host with an optional port",
            "it is the Host field that the backend is sent, or the place where it is.",
            "write it as in legacy.pypi.test or 127.0.0.1:8081.",
        )
    host = read_host_name(found[1])
    port = None if found[2] is None else int(found[2])
    return Authority(host.strip("[]"), port, host if port is None else f"{host}:{port}")


def read_certificate_name(text: str) -> str:
    """What a backend's certificate is for: a host name, or an IP address without brackets."""
    try:
        return read_host_name(text).strip("[]")
    except Refusal as refusal:
        why = "a certificate is for a host, whatever its port."
        raise Refusal(refusal.code, refusal.message, why, refusal.remedy, refusal.offset) from None


def read_listen_address(text: str, base: Path) -> Address:
    """`address:port` with an IP address, the one of version 6 in brackets, where port 0 asks the system for a free
    one; or `unix:path`.
    """
    if text.startswith(_UNIX):
        return _read_unix(text, base, Code.BAD_ADDRESS)
    host, colon, port = text.rpartition(":")
    alone = None if _bracketed(host) else _bracketed(text)  # `::1` could be an address of its own, or `:` with a port
    if alone is not None or not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        shown = alone or _bracketed(host) or "127.0.0.1"
        raise _bad_address(text, "an address has a port from 0 to 65535.", f"write {shown}:8080.")
    if host.startswith("[") and host.endswith("]"):
        try:
            return InetAddress(str(IPv6Address(host[1:-1])), int(port))  # a zone (%eth0) may be meant here
        except AddressValueError:
            raise _bad_address(text, "what is in brackets is no IPv6 address.", "write it as in [::1]:8080.") from None
    if ":" in host:
        raise _bad_address(text, "an IPv6 address needs brackets.", f"write [{host}]:{port}.")
    try:
        return InetAddress(str(IPv4Address(host)), int(port))
    except AddressValueError:
        why = "the edge listens on IP addresses: a name could mean several, or change."
        raise _bad_address(text, why, f"write 127.0.0.1:{port} or 0.0.0.0:{port}.") from None


def read_backend_url(text: str, base: Path) -> Origin:
    """`http://host[:port]`, `https://host[:port]` or `unix:path`."""
    if text.startswith(_UNIX):
        return Origin("unix", _read_unix(text, base, Code.BAD_URL), None)
    found = _BACKEND_URL.fullmatch(text)
    if found is None:
        raise Refusal(
            Code.BAD_URL,
            f"{text!r} is not the URL of a backend",
            "a backend is asked over HTTP, over TLS or through a Unix socket.",
            "write it as in http://127.0.0.1:8081, https://modern.pypi.test or unix:/run/app.sock.",
        )
    scheme, rest = found[1], found[3]
    if rest not in ("", "/"):
        raise Refusal(
            Code.BAD_URL,
            f"the URL has more than a host and a port: {rest!r}",
            "a backend is asked for the path that the client asked for.",
            f"write {scheme}://{found[2]}.",
            found.start(3),
        )
    try:
        authority = read_authority(found[2])
    except Refusal as refusal:
        raise Refusal(Code.BAD_URL, refusal.message, refusal.why, refusal.remedy, found.start(2)) from None
    port = PORTS[scheme] if authority.port is None else authority.port
    if not port:
        raise Refusal(
            Code.BAD_URL,
            "the URL has port 0",
            "nothing can be reached there.",
            f"write {text.rpartition(':')[0]}:{PORTS[scheme]}, or the port that the backend listens on.",
        )
    return Origin(scheme, InetAddress(authority.host, port), authority.text)


def read_proxy(text: str) -> Proxy:
    """A network in CIDR notation, one address, or `unix`: whoever comes by a Unix socket."""
    return "unix" if text == "unix" else read_network(text)


def read_network(text: str) -> Network:
    try:
        found = ip_interface(text if _NETWORK.fullmatch(text) else "")
    except ValueError:
        raise Refusal(
            Code.BAD_NETWORK,
            f"{text!r} is not a network",
            "it is an IP address, or one with the length of a prefix.",
            'write it as in 10.0.0.0/8, 192.0.2.7 or "2001:db8::/32".',
        ) from None
    network = found.network
    if found.ip != network.network_address:
        raise Refusal(
            Code.BAD_NETWORK,
            f"{text} is an address within a network",
            f"bits are set after its first {network.prefixlen}: the network may be meant, or the one address.",
            f"write {network}, or {found.ip} for the address.",
        )
    return network


def _read_unix(text: str, base: Path, code: Code) -> UnixAddress:
    written = text.removeprefix(_UNIX)
    path = base / written
    what = f"{text!r} is not the path of a Unix socket"
    if not written or "\0" in written or written.endswith("/"):
        raise Refusal(code, what, "it names a socket in the file system.", "write it as in unix:/run/edge/edge.sock.")
    if written.startswith("//"):
        raise Refusal(
            code,
            what,
            "what follows two slashes would be a host, and a socket has none.",
            f"write {_UNIX}/{written.lstrip('/')}.",
            len(_UNIX),
        )
    length = len(str(path).encode(errors="surrogateescape"))
    if length > _LONGEST_SOCKET:
        raise Refusal(
            code,
            f"the path of the socket has {length} octets",
            f"the system takes {_LONGEST_SOCKET}.",
            "put the socket into a directory with a shorter path, such as unix:/run/edge.sock.",
        )
    return UnixAddress(path)


def _read_ipv6(address: str, text: str) -> str:
    try:
        return str(IPv6Address("" if "%" in address else address))
    except AddressValueError:
        raise Refusal(
            Code.BAD_HOST_NAME, f"{text!r} is not an IPv6 address", "brackets hold one.", "write it as in [::1]."
        ) from None


def _bracketed(text: str) -> str | None:
    """An IP address as it stands before a port; None when the text is none."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return f"[{address}]" if address.version == 6 else str(address)


def _bad_address(text: str, why: str, remedy: str) -> Refusal:
    return Refusal(Code.BAD_ADDRESS, f"{text!r} is not an address to listen on", why, remedy)
