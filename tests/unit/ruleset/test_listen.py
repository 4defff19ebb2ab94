"""What `listen`, `trusted_proxies` and `limits` of a rule file become."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.compile import Overrides
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.listeners import Certificate, ClientCertificates, InetAddress, Listener, UnixAddress
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset

BASE = Path("/srv/edge")
REST = """
hosts: {app: {names: [pypi.test]}}
rules: [{name: all, match: {path: "/{rest*}"}, respond: {status: 404}}]
"""


def ruleset_of(text: str, overrides: Overrides | None = None) -> Ruleset:
    return parse_ruleset(f"edge: 1\n{text}{REST}", "rules.yaml", base=BASE, overrides=overrides or Overrides())


def test_a_listener_is_plain_http_on_an_ip_address_or_a_unix_socket() -> None:
    ruleset = ruleset_of(
        'listen: [{address: "127.0.0.1:8080"}, {address: "[::1]:0"}, {address: "unix:/run/edge.sock"}]'
    )
    assert ruleset.listen == (
        Listener(InetAddress("127.0.0.1", 8080)),
        Listener(InetAddress("::1", 0)),
        Listener(UnixAddress(Path("/run/edge.sock"))),
    )
    assert {listener.scheme for listener in ruleset.listen} == {Scheme.HTTP}


def test_port_0_may_stand_twice_since_it_is_another_port_each_time() -> None:
    assert len(ruleset_of('listen: [{address: "127.0.0.1:0"}, {address: "127.0.0.1:0"}]').listen) == 2


def test_certificates_and_sockets_are_looked_up_beside_the_rule_file() -> None:
    (listener,) = ruleset_of(
        'listen: [{address: "unix:edge.sock", tls: [{cert: a.pem, key: a.key}, {cert: /b.pem, key: /b.key}],'
        " clients: {ca: clients.pem}}]"
    ).listen
    assert listener.address == UnixAddress(BASE / "edge.sock")
    assert listener.certificates == (
        Certificate(BASE / "a.pem", BASE / "a.key"),
        Certificate(Path("/b.pem"), Path("/b.key")),
    )
    assert listener.clients == ClientCertificates(BASE / "clients.pem", required=True)
    assert listener.scheme is Scheme.HTTPS


def test_a_client_may_come_without_a_certificate_where_the_file_says_so() -> None:
    (listener,) = ruleset_of(
        'listen: [{address: "127.0.0.1:0", tls: [{cert: a.pem, key: a.key}], clients: {ca: c.pem, required: false}}]'
    ).listen
    assert listener.clients == ClientCertificates(BASE / "c.pem", required=False)


def test_a_proxy_header_is_expected_where_proxies_are_trusted() -> None:
    ruleset = ruleset_of(
        'listen: [{address: "127.0.0.1:0", proxy_protocol: true}]\ntrusted_proxies: [127.0.0.0/8, 192.0.2.7, "::1"]'
    )
    assert ruleset.listen[0].proxy_protocol
    assert ruleset.trusted_proxies == (ip_network("127.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("::1/128"))


def test_without_a_word_nobody_is_trusted_and_the_limits_are_the_defaults() -> None:
    ruleset = ruleset_of('listen: [{address: "127.0.0.1:0"}]')
    assert ruleset.trusted_proxies == ()
    assert ruleset.limits is DEFAULT_LIMITS


def test_a_limit_is_changed_by_its_own_name_and_the_others_stay() -> None:
    ruleset = ruleset_of(
        'listen: [{address: "127.0.0.1:0"}]\n'
        "limits: {head: 16KiB, body: 0, body_rate: 0, take_rate: 1KiB, requests: 5, idle: 1500ms, pool_size: 0, tick: 10ms}"
    )
    assert ruleset.limits == replace(
        DEFAULT_LIMITS,
        head=16_384,
        body=0,
        body_rate=0,
        take_rate=1_024,
        requests=5,
        idle=1.5,
        pool_size=0,
        tick=0.01,
    )


def test_the_command_line_listens_instead_of_the_file() -> None:
    listener = Listener(UnixAddress(Path("edge.sock")))
    ruleset = ruleset_of('listen: [{address: "127.0.0.1:8080"}]', Overrides(listen=(listener,)))
    assert ruleset.listen == (listener,)
