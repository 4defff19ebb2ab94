"""The load: wrk, driven by load.lua, and a probe that looks closely at a few answers before and after it.

wrk keeps every connection busy with one request at a time (a closed loop), so its percentiles are those of a
saturated proxy. It counts only answers above 399 as errors; the probe and the mean size of the answers find the
rest.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loadtests.bench.cases import HOST, Case, CpuTime, headers_of, requests_of
from loadtests.bench.certificate import Certificate, trusting
from loadtests.bench.processes import LOOPBACK

_SCRIPT: Final = Path(__file__).with_name("load.lua")
_MARK: Final = "result "
_SPARE_SECONDS: Final = 30  # for wrk to begin and end
_PROBES: Final = 10
_LONGEST_HEAD: Final = 2_048  # of an answer
_FEW: Final = 0.001  # the share of requests that may reach the origin where the cache is measured


class LoadFailed(Exception):
    """wrk gave no result; the message holds what it printed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw. `errors` are connections and requests that failed, `refused` answers above 399."""

    requests: int
    seconds: float
    octets: int  # heads included
    p50: float  # seconds
    p99: float
    errors: int
    refused: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Door:
    """Where a proxy or an origin is asked; with a certificate by TLS."""

    port: int
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """wrk with the options that stay the same for a whole run."""

    program: str
    connections: int
    directory: Path

    def drive(self, case: Case, way: CpuTime, door: Door, seconds: int) -> Load:
        played = [str(file) for file in self._written(case)]
        scheme, environment = "http", dict(os.environ)
        if door.certificate is not None:
            scheme, environment["OPENSSL_CONF"] = "https", str(door.certificate.client_conf)
        command = (
            *(self.program, "--threads", "1", "--connections", str(min(self.connections, way.most_connections))),
            *("--duration", f"{seconds}s", "--timeout", "10s", "--script", str(_SCRIPT)),
            *(f"{scheme}://{HOST}:{door.port}/", "--", *played),
        )
        return parse_result(_output_of(command, environment, seconds + _SPARE_SECONDS))

    def _written(self, case: Case) -> Iterator[Path]:
        """The files that load.lua plays, written once a run."""
        requests, order = (self.directory / f"{case.name}.{kind}" for kind in ("requests", "order"))
        if not requests.exists():
            requests.write_bytes(b"".join(requests_of(case)))
        yield requests
        if case.order:
            if not order.exists():
                order.write_bytes(b"".join(number.to_bytes(2, "little") for number in case.order))
            yield order


def _output_of(command: Sequence[str], environment: Mapping[str, str], seconds: int) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"wrk did not end within {seconds} s") from None
    return done.stdout


def parse_result(text: str) -> Load:
    """Read what load.lua printed among wrk's own lines. Raises LoadFailed."""
    line = next((line for line in text.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        raise LoadFailed(f"wrk gave no result: {' | '.join(text.split(chr(10))[-4:]).strip() or 'nothing'}")
    counts: dict[str, int] = json.loads(line.removeprefix(_MARK))
    return Load(
        requests=counts["requests"],
        seconds=counts["microseconds"] / 1e6,
        octets=counts["bytes"],
        p50=counts["p50"] / 1e6,
        p99=counts["p99"] / 1e6,
        errors=sum(counts[kind] for kind in ("connect", "read", "write", "timeout")),
        refused=counts["status"],
    )


def fault_of(load: Load, case: Case) -> str | None:
    """Why a load's figures must not be compared, or None."""
    if load.requests == 0:
        return "no request was completed"
    if load.errors:
        return f"{load.errors} of {load.requests} requests failed"
    if load.refused:
        return f"{load.refused} of {load.requests} answers were errors"
    content, octets = 0 if case.validated else case.size, load.octets // load.requests
    if octets < content:
        return f"answers were shorter than {content} bytes: {octets} in the mean"
    if case.validated and octets > _LONGEST_HEAD:
        return f"answers were no 304: {octets} bytes in the mean"
    return None


def fault_of_cache(load: Load, reached: int) -> str | None:
    """Why it was not the cache that was measured, given how many requests reached the origin meanwhile, or None."""
    if reached > load.requests * _FEW:
        return f"{reached} of {load.requests} requests reached the origin"
    return None


def answers_well(case: Case, door: Door) -> bool:
    """Whether a few of the case's paths give the status and as much content as they should. Raises OSError: none
    listens, or not by TLS 1.3 with this certificate."""
    return _all_answer(range(min(_PROBES, len(case.paths))), case, door)


def fills(case: Case, door: Door) -> bool:
    """Ask for each path once, as one who has nothing yet: whether all answers were as they should."""
    return _all_answer(range(len(case.paths)), replace(case, validated=False), door)


def _all_answer(numbers: Iterable[int], case: Case, door: Door) -> bool:
    try:
        with _connected(door) as connection:
            return all(answers_well_on(connection, number, case) for number in numbers)
    except http.client.HTTPException:
        return False


@contextmanager
def _connected(door: Door) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(LOOPBACK, door.port, timeout=5)
    try:
        if door.certificate is not None:
            plain = socket.create_connection((LOOPBACK, door.port), timeout=5)
            connection.sock = trusting(door.certificate).wrap_socket(plain, server_hostname=HOST)
        yield connection
    finally:
        connection.close()


def answers_well_on(connection: http.client.HTTPConnection, number: int, case: Case) -> bool:
    """Ask for the case's path of this number."""
    path, size = case.paths[number], 0 if case.validated else case.size_of(number)
    connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers_of(case, path):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return len(answer.read()) == size and answer.status == case.status()
