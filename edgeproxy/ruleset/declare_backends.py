"""The backends of a rule file, and the splits between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.declare import Declared
from edgeproxy.ruleset.model import (
    WHOLE,
    Arm,
    Backend,
    ClientKey,
    DirectoryBackend,
    Endpoint,
    HttpBackend,
    InetAddress,
    Place,
    Split,
    StickyKey,
    Timeouts,
)
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.problems import Code, Refusal, Related, nearest
from edgeproxy.ruleset.shape import (
    BACKEND,
    SPLIT,
    TIMEOUTS,
    Findings,
    read_entries,
    read_items,
    read_table,
    read_value,
)
from edgeproxy.ruleset.values import (
    Authority,
    read_authority,
    read_backend_url,
    read_directory,
    read_share,
    read_sticky_key,
    read_wait,
)

_HTTP_PORT: Final = 80


class BackendReader:
    """Backends. `base` is where relative directories are looked up; `moves` are the places, by backend, that the
    command line gives instead of the declared ones.
    """

    def __init__(self, findings: Findings, base: Path, moves: Mapping[str, str]) -> None:
        self._findings = findings
        self._base = base
        self._moves = moves

    def read(self, name: str, node: Node) -> Backend | None:
        table = read_table(self._findings, node, BACKEND)
        if table is None or not self._one_kind(table, node):
            return None
        before = len(self._findings.problems)
        backend = self._read_http(name, table) if "url" in table else self._read_directory(name, table)
        if backend is None or len(self._findings.problems) > before:
            return None
        return self._move(backend, node.place, own_host="host" in table) if name in self._moves else backend

    def _move(self, backend: Backend, place: Place, *, own_host: bool) -> Backend | None:
        """The backend at another place. A Host header of its own stays; one that came from the old URL does not."""
        text = self._moves[backend.name]
        try:
            if "://" not in text:
                return DirectoryBackend(backend.name, Path(read_directory(text)))
            url = read_backend_url(text)
        except Refusal as refusal:
            message = f"the command line's place for the backend {backend.name!r}: {refusal.message}"
            self._findings.report(Code.OVERRIDE, place, message, refusal.why, refusal.remedy)
            return None
        authority = backend.authority if isinstance(backend, HttpBackend) and own_host else url.text
        timeouts = backend.timeouts if isinstance(backend, HttpBackend) else Timeouts()
        return HttpBackend(backend.name, (Endpoint(InetAddress(url.host, _port(url))),), authority, timeouts)

    def _one_kind(self, table: Mapping[str, Node], node: Node) -> bool:
        if ("url" in table) != ("directory" in table):
            return True
        both = "url" in table
        self._findings.report(
            Code.CONFLICTING_KEYS if both else Code.MISSING_KEY,
            node.place,
            "a backend with a `url` and a `directory`" if both else "a backend needs a `url` or a `directory`",
            "a backend is an HTTP service or a directory of files.",
            "keep one of the two." if both else "add one of the two.",
        )
        return False

    def _read_http(self, name: str, table: Mapping[str, Node]) -> HttpBackend | None:
        url = read_value(self._findings, table["url"], read_backend_url, "it is the URL of the backend")
        authority = None
        if "host" in table:
            authority = read_value(self._findings, table["host"], read_authority, "it is the Host header sent")
        timeouts = self._read_timeouts(table["timeouts"]) if "timeouts" in table else Timeouts()
        if url is None:
            return None
        return HttpBackend(name, (Endpoint(InetAddress(url.host, _port(url))),), (authority or url).text, timeouts)

    def _read_timeouts(self, node: Node) -> Timeouts:
        table = read_table(self._findings, node, TIMEOUTS) or {}
        waits = {key: read_value(self._findings, each, read_wait, "it is a duration") for key, each in table.items()}
        return Timeouts(**{key: wait for key, wait in waits.items() if wait is not None})

    def _read_directory(self, name: str, table: Mapping[str, Node]) -> DirectoryBackend | None:
        for key in ("host", "timeouts"):
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


def _port(url: Authority) -> int:
    return _HTTP_PORT if url.port is None else url.port


class SplitReader:
    """Splits between declared backends."""

    def __init__(self, findings: Findings, backends: Declared[Backend]) -> None:
        self._findings = findings
        self._backends = backends

    def read(self, name: str, node: Node) -> Split | None:
        table = read_table(self._findings, node, SPLIT)
        if table is None:
            return None
        sticky = self._read_sticky(table["sticky"]) if "sticky" in table else (ClientKey(),)
        arms = self._read_weights(table["weights"]) if "weights" in table else None
        return None if arms is None or sticky is None else Split(name, arms, sticky)

    def _read_weights(self, node: Node) -> tuple[Arm, ...] | None:
        entries = read_entries(self._findings, node, "`weights` is a table of backends, each with a percentage")
        if entries is None:
            return None
        arms: list[Arm] = []
        shares: list[int | None] = []
        for key, value in entries:
            backend = self._backends.find(self._findings, key)
            share = read_value(self._findings, value, read_share, "it is a percentage")
            shares.append(share)
            if backend is not None and share is not None:
                arms.append(Arm(backend, share))
        known = [share for share in shares if share is not None]
        if len(known) == len(shares) and sum(known) != WHOLE:
            self._findings.report(
                Code.WEIGHTS_SUM,
                node.place,
                f"the weights add up to {sum(known) / 1000:g}, not to 100",
                "each client is on exactly one arm.",
                "correct the weights.",
            )
            return None
        return tuple(arms) if len(arms) == len(entries) else None

    def _read_sticky(self, node: Node) -> tuple[StickyKey, ...] | None:
        items = read_items(self._findings, node, "`sticky` is a list of keys, the first that a request has counts")
        if items is None:
            return None
        found: dict[StickyKey, Place] = {}
        for item in items:
            key = read_value(self._findings, item, read_sticky_key, "it is header:NAME, cookie:NAME or client")
            if key is None:
                return None
            if key in found:
                self._findings.report(
                    Code.DUPLICATE_VALUE,
                    item.place,
                    "a sticky key is listed twice",
                    "the first place in the list is the one that counts.",
                    "remove one.",
                    Related(found[key], "first listed here"),
                )
                return None
            found[key] = item.place
        return self._with_client(found)

    def _with_client(self, found: Mapping[StickyKey, Place]) -> tuple[StickyKey, ...] | None:
        ladder: Sequence[StickyKey] = tuple(found)
        if ClientKey() not in found:
            return (*ladder, ClientKey())
        if ladder[-1] == ClientKey():
            return tuple(ladder)
        self._findings.report(
            Code.BAD_STICKY_KEY,
            found[ClientKey()],
            "`client` is not the last sticky key",
            "every request has it, so that nothing after it would be looked at.",
            "move it to the end.",
        )
        return None
