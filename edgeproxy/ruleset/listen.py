"""The `listen` section of a rule file, and `trusted_proxies`: where clients come in, and whose word on them counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeproxy.ruleset.addresses import Proxy, read_listen_address, read_proxy
from edgeproxy.ruleset.listeners import Address, Certificate, ClientCertificates, InetAddress, Listener
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Related
from edgeproxy.ruleset.shape import (
    CERTIFICATE,
    CLIENTS,
    LISTENER,
    Findings,
    read_items,
    read_table,
    read_value,
    report_twice,
)
from edgeproxy.ruleset.values import read_file_name, read_flag

_FILE = "it is the path of a PEM file"
_FLAG = "it is true or false"


class ListenReader:
    """Listeners. `base` is where relative paths are looked up; `trusts`: the file names proxies that it trusts."""

    def __init__(self, findings: Findings, base: Path, *, trusts: bool) -> None:
        self._findings = findings
        self._base = base
        self._trusts = trusts
        self._places: dict[Address, Place] = {}

    def read_all(self, node: Node) -> tuple[Listener, ...]:
        items = read_items(self._findings, node, "`listen` is a list of addresses") or ()
        found = [self._read(item) for item in items]
        return tuple(listener for listener in found if listener is not None)

    def _read(self, node: Node) -> Listener | None:
        table = read_table(self._findings, node, LISTENER)
        if table is None:
            return None
        address = self._read_address(table["address"], node.place) if "address" in table else None
        certificates = self._read_certificates(table["tls"]) if "tls" in table else ()
        clients = self._read_clients(table["clients"], has_tls="tls" in table) if "clients" in table else None
        expects = self._read_proxy_protocol(table["proxy_protocol"]) if "proxy_protocol" in table else False
        return None if address is None else Listener(address, certificates, clients, expects)

    def _read_address(self, node: Node, place: Place) -> Address | None:
        read = lambda text: read_listen_address(text, self._base)  # noqa: E731
        address = read_value(self._findings, node, read, "it is an IP address with a port, or a Unix socket")
        if address is None:
            return None
        first = self._places.setdefault(address, place)
        if first is not place and not (isinstance(address, InetAddress) and address.port == 0):  # another each time
            self._findings.report(
                Code.DUPLICATE_VALUE,
                place,
                f"the address {address} is listed twice",
                "it can be listened on once.",
                "remove one.",
                Related(first, "first listed here"),
            )
        return address

    def _read_certificates(self, node: Node) -> tuple[Certificate, ...]:
        items = read_items(
            self._findings, node, "`tls` is a list of certificates, as in [{cert: app.pem, key: app.key}]"
        )
        found: dict[Certificate, Place] = {}
        for item in items or ():
            table = read_table(self._findings, item, CERTIFICATE)
            certificate = read_certificate(self._findings, table, self._base) if table else None
            if certificate is None:
                continue
            first = found.setdefault(certificate, item.place)
            if first is not item.place:
                self._findings.report(
                    Code.DUPLICATE_VALUE,
                    item.place,
                    "a certificate is listed twice",
                    "the first that fits a client's SNI is the one it gets.",
                    "remove one.",
                    Related(first, "first listed here"),
                )
        return tuple(found)

    def _read_clients(self, node: Node, *, has_tls: bool) -> ClientCertificates | None:
        if not has_tls:
            self._findings.report(
                Code.MISSING_KEY,
                node.place,
                "`clients` without `tls`",
                "clients show their certificates in TLS, which this address does not speak.",
                "add `tls: [{cert: certs/app.pem, key: certs/app.key}]`, or remove `clients`.",
            )
        table = read_table(self._findings, node, CLIENTS) or {}
        required = read_value(self._findings, table["required"], read_flag, _FLAG) if "required" in table else True
        authority = read_file(self._findings, table.get("ca"), self._base)
        return None if authority is None or required is None else ClientCertificates(authority, required)

    def _read_proxy_protocol(self, node: Node) -> bool:
        expects = read_value(self._findings, node, read_flag, _FLAG) or False
        if expects and not self._trusts:
            self._findings.report(
                Code.MISSING_KEY,
                node.place,
                "`proxy_protocol` without `trusted_proxies`",
                "a PROXY header says who the client is, and nobody is trusted to say so.",
                "add `trusted_proxies: [127.0.0.0/8]` with the networks of the proxies, or remove `proxy_protocol`.",
            )
        return expects


def read_certificate(findings: Findings, table: Mapping[str, Node], base: Path) -> Certificate | None:
    """The certificate of a table with `cert` and `key`; None when one of them is missing or cannot be read."""
    cert = read_file(findings, table.get("cert"), base)
    key = read_file(findings, table.get("key"), base)
    return None if cert is None or key is None else Certificate(cert, key)


def read_file(findings: Findings, node: Node | None, base: Path) -> Path | None:
    """The path of a file that need not be there yet."""
    name = None if node is None else read_value(findings, node, read_file_name, _FILE)
    return None if name is None else base / name


def read_trusted_proxies(findings: Findings, node: Node) -> tuple[Proxy, ...]:
    nodes = read_items(findings, node, '`trusted_proxies` is a list of networks, as in [127.0.0.0/8, "::1"]') or ()
    found = [read_value(findings, each, read_proxy, "it is a network") for each in nodes]
    report_twice(findings, nodes, "network")
    return tuple(network for network in found if network is not None)
