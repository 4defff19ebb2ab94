"""The backends of a rule file: where they are, and what the command line makes of them.

Law: what a backend is asked by follows from its URL. TLS is spoken to an `https` URL, always, and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.addresses import Origin, read_authority, read_backend_url
from edgeproxy.ruleset.backend_settings import (
    read_backend_tls,
    read_circuit,
    read_ejection,
    read_health,
    read_timeouts,
)
from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.declare_reads import read_declarations
from edgeproxy.ruleset.listeners import Address
from edgeproxy.ruleset.nodes import Node, Table
from edgeproxy.ruleset.origins import (
    Backend,
    BackendTls,
    Circuit,
    DirectoryBackend,
    Ejection,
    Endpoint,
    HttpBackend,
    Timeouts,
)
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, Related, nearest
from edgeproxy.ruleset.quantities import read_duration, read_weight
from edgeproxy.ruleset.shape import BACKEND, ENDPOINT, Findings, read_items, read_table, read_value
from edgeproxy.ruleset.values import read_directory

_PLACES: Final = ("url", "urls", "directory")
_NOT_OF_A_DIRECTORY: Final = tuple(key for key in BACKEND.keys if key not in _PLACES)
_A_URL: Final = "it is the URL of the backend"


class BackendReader:
    """Backends. `base` is where relative paths are looked up; `moves` are the places, by backend, that the command
    line gives instead of the declared ones.
    """

    def __init__(self, findings: Findings, base: Path, moves: Mapping[str, str]) -> None:
        self._findings = findings
        self._base = base
        self._moves = moves

    def read(self, name: str, node: Node) -> Backend | None:
        table = read_table(self._findings, node, BACKEND)
        if table is None or not self._one_place(table, node):
            return None
        before = len(self._findings.problems)
        backend = self._read_directory(name, table) if "directory" in table else self._read_http(name, table, node)
        if backend is None or len(self._findings.problems) > before:
            return None
        return self._move(backend, node.place, own_host="host" in table) if name in self._moves else backend

    def _one_place(self, table: Mapping[str, Node], node: Node) -> bool:
        given = [f"a `{key}`" if key != "urls" else "`urls`" for key in _PLACES if key in table]
        if len(given) == 1:
            return True
        remedy = "keep one of them." if "directory" in table else "write the one into `urls`, and remove `url`."
        self._findings.report(
            Code.CONFLICTING_KEYS if given else Code.MISSING_KEY,
            node.place,
            f"a backend with {' and '.join(given)}" if given else "a backend needs a `url` or a `directory`",
            "a backend is an HTTP service or a directory of files.",
            remedy if given else 'add `url: "http://127.0.0.1:8081"`, or `directory: ./files`.',
        )
        return False

    def _read_directory(self, name: str, table: Mapping[str, Node]) -> DirectoryBackend | None:
        for key in _NOT_OF_A_DIRECTORY:
            if key in table:
                self._findings.report(
                    Code.CONFLICTING_KEYS,
                    table[key].place,
                    f"a directory with `{key}`",
                    "it is for a backend with a `url`: files are read, not asked for.",
                    "remove it.",
                )
        directory = read_value(self._findings, table["directory"], read_directory, "it is a directory")
        return None if directory is None else DirectoryBackend(name, self._base / directory)

    def _read_http(self, name: str, table: Mapping[str, Node], node: Node) -> HttpBackend | None:
        findings = self._findings
        places = self._read_url(table["url"]) if "url" in table else self._read_urls(table["urls"])
        host = (
            read_value(findings, table["host"], read_authority, "it is the Host header sent")
            if "host" in table
            else None
        )
        tls = read_backend_tls(findings, table["tls"], self._base) if "tls" in table else None
        slow_start: float | None = 0.0
        if "slow_start" in table:
            slow_start = read_value(findings, table["slow_start"], read_duration, "it is a duration")
        timeouts = read_timeouts(findings, table["timeouts"]) if "timeouts" in table else Timeouts()
        health = read_health(findings, table["health"]) if "health" in table else None
        ejection = read_ejection(findings, table["eject"]) if "eject" in table else Ejection()
        circuit = read_circuit(findings, table["limits"]) if "limits" in table else Circuit()
        declares = read_declarations(findings, table)
        if places is None:
            return None
        if "host" not in table:
            self._check_one_host(places, node)
        first = places[0][0]
        if "tls" in table and first.scheme != "https":
            self._report_tls(first, table["tls"])
        authority = first.authority if host is None else host.text
        if authority is None or slow_start is None or ejection is None:
            return None
        endpoints = tuple(Endpoint(origin.address, weight) for origin, weight in places)
        if first.scheme == "https" and tls is None:
            tls = BackendTls()
        given = (timeouts, tls, health, ejection, circuit, slow_start, declares)
        return HttpBackend(name, endpoints, authority, *given)

    def _read_url(self, node: Node) -> Sequence[tuple[Origin, int]] | None:
        origin = read_value(self._findings, node, self._origin, _A_URL)
        return None if origin is None else [(origin, 1)]

    def _origin(self, text: str) -> Origin:
        return read_backend_url(text, self._base)

    def _read_urls(self, node: Node) -> Sequence[tuple[Origin, int]] | None:
        """The places of a backend, each with its weight; None when one of them is wrong."""
        before = len(self._findings.problems)
        items = read_items(self._findings, node, "`urls` is a list of URLs")
        found = [(item, self._read_endpoint(item)) for item in items or ()]
        known = [(item.place, *endpoint) for item, endpoint in found if endpoint is not None]
        self._check_different(known)
        self._check_one_scheme(known)
        return [(origin, weight) for _, origin, weight in known] if len(self._findings.problems) == before else None

    def _read_endpoint(self, node: Node) -> tuple[Origin, int] | None:
        if not isinstance(node, Table):
            origin = read_value(self._findings, node, self._origin, "it is a URL, or a table of `url` and `weight`")
            return None if origin is None else (origin, 1)
        table = read_table(self._findings, node, ENDPOINT) or {}
        weight: int | None = 1
        if "weight" in table:
            weight = read_value(self._findings, table["weight"], read_weight, "it is a number")
        origin = read_value(self._findings, table["url"], self._origin, _A_URL) if "url" in table else None
        return None if origin is None or weight is None else (origin, weight)

    def _check_different(self, known: Sequence[tuple[Place, Origin, int]]) -> None:
        places: dict[Address, Place] = {}
        for place, origin, _ in known:
            first = places.setdefault(origin.address, place)
            if first is not place:
                self._findings.report(
                    Code.DUPLICATE_VALUE,
                    place,
                    f"the address {origin.address} is listed twice",
                    "one place is one endpoint; its `weight` says how much of the requests it gets.",
                    "remove one, and write `weight: 2` for the other if it is to get twice as much.",
                    Related(first, "first listed here"),
                )

    def _check_one_scheme(self, known: Sequence[tuple[Place, Origin, int]]) -> None:
        for place, origin, _ in known:
            first_place, first, _ = known[0]
            if origin.scheme != first.scheme:
                own = "make it a backend of its own."
                named = origin.authority is not None and first.authority is not None
                self._findings.report(
                    Code.CONFLICTING_VALUES,
                    place,
                    f"a URL of the scheme {origin.scheme} beside one of {first.scheme}",
                    "all endpoints of a backend are asked in the same way.",
                    f"write {first.scheme}://{origin.authority}, or {own}" if named else own,
                    Related(first_place, "the first one is here"),
                )
                return

    def _check_one_host(self, places: Sequence[tuple[Origin, int]], node: Node) -> None:
        """Without a `host` the backend is sent what its URL says: that has to be something, and one thing."""
        named = [origin.authority for origin, _ in places]
        if len(set(named)) == 1 and named[0] is not None:
            return
        socket = named[0] is None
        self._findings.report(
            Code.MISSING_KEY,
            node.place,
            "a backend behind a Unix socket needs a `host`" if socket else "a backend with several URLs needs a `host`",
            "it is the Host header that the backend is sent, and the URL does not say it."
            if socket
            else "its endpoints are sent the same Host header, and the URLs say several.",
            "add `host: pypi.test`, with the name that the backend answers to.",
        )

    def _report_tls(self, origin: Origin, node: Node) -> None:
        self._findings.report(
            Code.CONFLICTING_KEYS,
            node.place,
            f"`tls` with a URL of the scheme {origin.scheme}",
            "TLS is spoken to an https URL, and to no other.",
            "remove `tls`." if origin.authority is None else f"write https://{origin.authority}, or remove `tls`.",
        )

    def _move(self, backend: Backend, place: Place, *, own_host: bool) -> Backend | None:
        """The backend at another place. A Host header of its own stays; one that came from the old URL does not.

        So it is with TLS: what the file says about it holds from one https URL to another. Asked over TLS for the
        first time, the backend is verified against the system's authorities, for the host of the new URL.
        """
        text = self._moves[backend.name]
        try:
            if "://" not in text and not text.startswith("unix:"):
                return DirectoryBackend(backend.name, Path(read_directory(text)))
            origin = read_backend_url(text, Path())
        except Refusal as refusal:
            self._report_move(backend, place, refusal.message, refusal.why, refusal.remedy)
            return None
        authority = backend.authority if isinstance(backend, HttpBackend) and own_host else origin.authority
        if authority is None:
            self._report_move(
                backend,
                place,
                "a Unix socket does not say the Host header",
                "the backend has no `host` of its own in the rule file.",
                "add `host: pypi.test` to it there, with the name that it answers to.",
            )
            return None
        moved = backend if isinstance(backend, HttpBackend) else HttpBackend(backend.name, (), authority)
        tls = (moved.tls or BackendTls()) if origin.scheme == "https" else None
        return replace(moved, endpoints=(Endpoint(origin.address),), authority=authority, tls=tls)

    def _report_move(self, backend: Backend, place: Place, message: str, why: str, remedy: str) -> None:
        said = f"the command line's place for the backend {backend.name!r}: {message}"
        self._findings.report(Code.OVERRIDE, place, said, why, remedy)


def check_moves(findings: Findings, backends: Declared[Backend], moves: Mapping[str, str], place: Place) -> None:
    """The command line may move declared backends only."""
    for name in moves:
        if name not in backends.names and backends.readable:
            findings.report(
                Code.OVERRIDE,
                place,
                f"the command line gives a place for the backend {name!r}, which is not declared",
                "it may move a declared backend, not add one.",
                nearest(name, backends.names),
            )
