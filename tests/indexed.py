"""Both sites on one index behind an edge, for client programs that have the edge as their proxy."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from backends.store import File, Store
from edgeproxy.cli.demo_processes import Processes

RULES = """\
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app: {names: [pypi.test]}
  legacy: {names: [legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  modern: {url: "http://127.0.0.1:1", host: pypi.test}
  legacy: {url: "http://127.0.0.1:2", host: legacy.pypi.test}
  store: {directory: files}
rules:
  - name: suffix-ranges                # which lazy readers of wheels ask for
    match: {host: content, path: "/packages/{rest*}", methods: [GET], headers: {Range: {regex: "bytes=-[0-9]+"}}}
    forward: {backend: store}
  - name: ranges
    match: {host: content, path: "/packages/{rest*}", methods: [GET], headers: {Range: {regex: "bytes=[0-9]+-[0-9]*"}}}
    forward: {backend: store}
  - {name: metadata, match: {host: content, path: "/packages/{a}/{b}/{rest}/{file}.metadata", methods: [GET, HEAD]}, forward: {backend: store}}
  - {name: files, match: {host: content, path: "/packages/{rest*}", methods: [GET, HEAD]}, forward: {backend: store}}
  - {name: old, match: {host: legacy, path: "/{rest*}"}, forward: {backend: legacy}}
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD]}
    forward: {backend: modern}
    cache: {fresh: 1m, accept: [html, json], compress: [br, zstd, gzip]}
  - {name: new, match: {host: app, path: "/{rest*}"}, forward: {backend: modern}}
"""


@dataclass(frozen=True)
class Index:
    edge: str  # URLs
    modern: str
    directory: Path
    log: Path

    def seen(self, rule: str) -> list[tuple[str, int]]:
        """Method and status of each exchange by this rule so far. The log is written about once a second, in order."""
        marker = f"/marker/{secrets.token_hex(8)}/"
        with suppress(HTTPError):
            self.get(f"http://pypi.test{marker}")
        deadline = time.monotonic() + 60
        while marker not in self.log.read_text():
            assert time.monotonic() < deadline, "the edge wrote nothing of an exchange into its log"
            time.sleep(0.05)
        entries = map(json.loads, self.log.read_text().splitlines())
        return [(entry["method"], entry["status"]) for entry in entries if entry["rule"] == rule]

    def files(self) -> list[File]:
        with Store(self.directory) as store:
            return [file for project in store.projects() for file in store.files(project.normalized)]

    def get(self, url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        opener = build_opener(ProxyHandler({"http": self.edge}))
        with opener.open(Request(url, headers=headers)) as answer:
            return answer.status, dict(answer.headers), answer.read()

    def run(self, tmp_path: Path, *command: str, **environment: str) -> str:
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "500"}
        proxies = {"HTTP_PROXY": self.edge, "http_proxy": self.edge, "NO_PROXY": ""}
        settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROXY": self.edge}
        hosts = {"PIP_TRUSTED_HOST": "pypi.test legacy.pypi.test files.pypihosted.test"}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=kept | proxies | settings | hosts | environment,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def index_behind_the_edge(place: Path, *options: str | Path, of_old: Sequence[str] = ()) -> Iterator[Index]:
    """Of the store in this place. `options` are the new site's, `of_old` the old one's."""
    (place / "rules.yaml").write_text(RULES)
    store = ("--store", place / "store", "--listen", "127.0.0.1:0")
    with Processes() as processes:
        places = {
            "modern": processes.start("modern", "backends.modern", *store, *options),
            "legacy": processes.start("legacy", "backends.legacy", *store, *of_old),
            "store": str(place / "store" / "files"),
        }
        overrides = [part for name, at in places.items() for part in ("--backend", f"{name}={at}")]
        log = place / "access.log"
        edge = processes.start(
            *("edge", "edgeproxy", "run", place / "rules.yaml", "--listen", "127.0.0.1:0", "--workers", "1"),
            *("--access-log", log),
            *overrides,
        )
        yield Index(edge, places["modern"], place / "store", log)
