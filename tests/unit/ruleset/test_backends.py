"""What the `backends` of a rule file become, and where the command line moves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.compile import Overrides
from edgeproxy.ruleset.listeners import Certificate, InetAddress, UnixAddress
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.origins import (
    Backend,
    BackendTls,
    Circuit,
    DirectoryBackend,
    Ejection,
    Endpoint,
    HealthCheck,
    HttpBackend,
    Timeouts,
)
from edgeproxy.ruleset.problems import Code

BASE = Path("/srv/edge")
FILE = """edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
backends:
  it: {backend}
rules: [{{name: all, match: {{path: "/{{rest*}}"}}, forward: {{backend: it}}}}]
"""


def backend_of(backend: str, moved: str | None = None) -> Backend:
    overrides = Overrides(backends={} if moved is None else {"it": moved})
    return parse_ruleset(FILE.format(backend=backend), "rules.yaml", base=BASE, overrides=overrides).backends[0]


def http(backend: str, moved: str | None = None) -> HttpBackend:
    found = backend_of(backend, moved)
    assert isinstance(found, HttpBackend)
    return found


def test_a_url_says_the_place_and_the_host() -> None:
    assert http('{url: "http://legacy.pypi.test"}') == HttpBackend(
        "it", (Endpoint(InetAddress("legacy.pypi.test", 80)),), "legacy.pypi.test"
    )


def test_an_https_url_is_asked_over_tls_on_port_443() -> None:
    backend = http('{url: "https://modern.pypi.test"}')
    assert backend.endpoints == (Endpoint(InetAddress("modern.pypi.test", 443)),)
    assert backend.tls == BackendTls()


def test_tls_names_its_files_beside_the_rule_file() -> None:
    tls = "{ca: ca.pem, name: Modern.pypi.test, cert: edge.pem, key: edge.key}"
    assert http(f'{{url: "https://127.0.0.1:8443", tls: {tls}}}').tls == BackendTls(
        BASE / "ca.pem", "modern.pypi.test", Certificate(BASE / "edge.pem", BASE / "edge.key")
    )


def test_a_unix_socket_is_beside_the_rule_file() -> None:
    assert http('{url: "unix:app.sock", host: pypi.test}').endpoints == (Endpoint(UnixAddress(BASE / "app.sock")),)


def test_several_urls_are_one_backend() -> None:
    backend = http('{urls: ["https://10.0.0.1", {url: "https://10.0.0.2:8443", weight: 3}], host: pypi.test}')
    assert backend.endpoints == (
        Endpoint(InetAddress("10.0.0.1", 443)),
        Endpoint(InetAddress("10.0.0.2", 8443), weight=3),
    )
    assert backend.authority == "pypi.test"
    assert backend.tls == BackendTls()


def test_every_setting_is_read() -> None:
    backend = http(
        '{url: "http://127.0.0.1:8081", timeouts: {connect: 1s, head: 2s, between: 3s, total: 4s},'
        ' health: {path: "/_health/?deep=1", interval: 5s, timeout: 4s, healthy: 3, unhealthy: 2},'
        " eject: {failures: 1, period: 2s, most: 3s}, limits: {connections: 1, pending: 0, retries: 0}, slow_start: 30s}"
    )
    assert backend.timeouts == Timeouts(1.0, 2.0, 3.0, 4.0)
    assert backend.health == HealthCheck("/_health/?deep=1", 5.0, 4.0, 3, 2)
    assert backend.ejection == Ejection(1, 2.0, 3.0)
    assert backend.circuit == Circuit(1, 0, 0)
    assert backend.slow_start == 30.0


def test_what_is_not_given_goes_with_what_is() -> None:
    backend = http('{url: "http://127.0.0.1:8081", health: {path: /, interval: 1s}, eject: {period: 10m}}')
    assert backend.health == HealthCheck("/", interval=1.0, timeout=1.0)
    assert backend.ejection == Ejection(period=600.0, most=600.0)


SECURE = '{url: "https://modern.pypi.test", tls: {ca: /ca.pem, name: modern.pypi.test}, timeouts: {head: 9s}}'
TLS = BackendTls(Path("/ca.pem"), "modern.pypi.test")


def test_a_moved_backend_keeps_what_does_not_come_from_its_url() -> None:
    backend = http('{urls: ["http://a.test", "http://b.test"], host: pypi.test, slow_start: 9s}', "http://[::1]:81")
    assert backend.endpoints == (Endpoint(InetAddress("::1", 81)),)
    assert (backend.authority, backend.slow_start) == ("pypi.test", 9.0)


@pytest.mark.parametrize(
    ("declared", "moved", "tls"),
    [
        (SECURE, "https://127.0.0.1:8443", TLS),
        (SECURE, "http://127.0.0.1:8081", None),
        ('{url: "http://127.0.0.1:8081", host: pypi.test}', "https://127.0.0.1:8443", BackendTls()),
        ("{directory: ./files}", "https://127.0.0.1:8443", BackendTls()),
    ],
)
def test_tls_of_the_file_counts_from_one_https_url_to_another(
    declared: str, moved: str, tls: BackendTls | None
) -> None:
    assert http(declared, moved).tls == tls


def test_a_host_that_came_from_the_old_url_does_not_stay() -> None:
    backend = http(SECURE, "https://127.0.0.1:8443")
    assert (backend.authority, backend.timeouts.head) == ("127.0.0.1:8443", 9.0)


def test_a_backend_moves_to_a_unix_socket_or_a_directory_from_where_the_command_runs() -> None:
    socket = http('{url: "http://127.0.0.1:8081", host: pypi.test}', "unix:app.sock")
    assert socket.endpoints == (Endpoint(UnixAddress(Path("app.sock"))),)
    assert backend_of(SECURE, "files") == DirectoryBackend("it", Path("files"))


@pytest.mark.parametrize("declared", ['{url: "http://127.0.0.1:8081"}', "{directory: ./files}"])
def test_a_unix_socket_does_not_say_the_host_so_the_file_has_to(declared: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        backend_of(declared, "unix:/run/app.sock")
    assert [problem.code for problem in caught.value.problems] == [Code.OVERRIDE]
    assert "add `host: pypi.test`" in caught.value.problems[0].remedy
